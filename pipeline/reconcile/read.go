package reconcile

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// Breaks hands on breaks of the history, tie by tie, by program, date and key.
func Breaks(ctx context.Context, db *warehouse.DB, f Filter, fn func(Break) error) error {
	query := `SELECT program, tie, type, key, dated - DATE '1970-01-01', member_id, rule, reward, expected, found, what, sources,
		found_on - DATE '1970-01-01', closed_on - DATE '1970-01-01' FROM breaks WHERE ` + f.where() + `
		ORDER BY closed_on IS NOT NULL, ` + tieOrder() + ", program, dated, key, type, member_id, reward, found_on"
	if f.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	var b Break
	var dated, found int64
	var closed sql.NullInt64
	var member, rule, reward, expected, is, what, sources sql.NullString
	return db.Each(ctx, query, nil, []any{&b.Program, &b.Tie, &b.Type, &b.Key, &dated, &member, &rule, &reward, &expected, &is, &what, &sources,
		&found, &closed}, func() error {
		next := b
		next.Date, next.FoundOn = pipeline.Date(dated), pipeline.Date(found)
		if closed.Valid {
			d := pipeline.Date(closed.Int64)
			next.ClosedOn = &d
		}
		next.Member, next.Rule, next.Reward = member.String, rule.String, reward.String
		next.Expected, next.Found, next.What = expected.String, is.String, what.String
		next.Sources = parseSources(sources.String)
		return fn(next)
	})
}

func parseSources(text string) []Source {
	out := []Source{}
	parts := strings.Split(text, "\x00")
	for i := 0; i+2 < len(parts); i += 3 {
		row, _ := strconv.ParseInt(parts[i+1], 10, 64)
		out = append(out, Source{File: parts[i], Row: row, ID: parts[i+2]})
	}
	return out
}

// TieFigures are both sides of a tie, for one program and reward. For the deliveries the reward is the dataset.
type TieFigures struct {
	Program, Reward     string
	Tie                 Tie
	LeftRows, RightRows int64
	Left, Right         pipeline.Sum
	HasAmounts          bool
}

// Figures returns both sides of every tie that was held.
func (w *Work) Figures() ([]TieFigures, error) {
	var out []TieFigures
	var f TieFigures
	var reward, left, right sql.NullString
	err := w.db.Each(w.ctx, `SELECT program, tie, reward, left_rows, CAST(left_amount AS VARCHAR), right_rows, CAST(right_amount AS VARCHAR)
		FROM (SELECT * FROM recon.ties UNION ALL
			SELECT '', '`+string(Facts)+`', dataset, CAST(sum(left_rows) AS BIGINT), CASE WHEN bool_and(has_amounts) THEN sum(left_amount) END,
				CAST(sum(right_rows) AS BIGINT), CASE WHEN bool_and(has_amounts) THEN sum(right_amount) END
			FROM recon.fact_files GROUP BY dataset HAVING sum(left_rows) > 0 OR sum(right_rows) > 0)
		ORDER BY `+tieOrder()+", program, reward", nil,
		[]any{&f.Program, &f.Tie, &reward, &f.LeftRows, &left, &f.RightRows, &right}, func() (err error) {
			next := f
			next.Reward, next.HasAmounts = reward.String, left.Valid
			if left.Valid {
				if next.Left, err = pipeline.ParseSum(left.String); err != nil {
					return err
				}
				if next.Right, err = pipeline.ParseSum(right.String); err != nil {
					return err
				}
			}
			out = append(out, next)
			return nil
		})
	return out, err
}

// Count counts breaks of one kind.
type Count struct {
	Program string
	Tie     Tie
	Type    string
	Reward  string
	Bucket  string
	Breaks  int64
}

// Counts sums up the breaks of the history by program, tie, type, reward and bucket of age.
func Counts(ctx context.Context, db *warehouse.DB, f Filter, asOf pipeline.Date) ([]Count, error) {
	var out []Count
	var c Count
	err := db.Each(ctx, fmt.Sprintf(`SELECT * EXCLUDE (youngest) FROM (
			SELECT program, tie, type, CASE WHEN reward IS NOT NULL THEN reward
					WHEN tie = '%s' AND NOT starts_with(key, 'exports/') THEN split_part(key, ' ', 1) ELSE '' END AS of_what,
				CASE WHEN age <= 1 THEN '0-1' WHEN age <= 3 THEN '2-3' WHEN age <= 7 THEN '4-7' WHEN age <= 30 THEN '8-30' ELSE '30+' END AS bucket,
				count(*) AS breaks, min(age) AS youngest
			FROM (SELECT *, %s - dated AS age FROM breaks WHERE %s) GROUP BY ALL
		) ORDER BY %s, program, type, of_what, youngest`, Facts, dateSQL(asOf), f.where(), tieOrder()), nil,
		[]any{&c.Program, &c.Tie, &c.Type, &c.Reward, &c.Bucket, &c.Breaks}, func() error {
			out = append(out, c)
			return nil
		})
	return out, err
}

// WriteParquet writes breaks of the history as a Parquet file for machines: ids and texts are as they are.
func WriteParquet(ctx context.Context, db *warehouse.DB, f Filter, asOf pipeline.Date, path string) error {
	_, err := db.Exec(ctx, fmt.Sprintf(`COPY (SELECT program, tie, type, key, dated AS date, greatest(0, %s - dated) AS age_days, member_id, rule, reward,
			expected, found, what, replace(sources, chr(0), '|') AS sources, found_on, closed_on
		FROM breaks WHERE %s ORDER BY closed_on IS NOT NULL, %s, program, dated, key, type, member_id, reward, found_on)
		TO %s (FORMAT parquet)`, dateSQL(asOf), f.where(), tieOrder(), warehouse.Literal(path)))
	return err
}
