package ledger

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

//go:embed sql
var sqlFiles embed.FS

// difference is the work of one call of Difference.
type difference struct {
	ctx context.Context
	db  *warehouse.DB
	req Request
}

// Difference makes the temporary view `difference`: entitlements less the ledger's sums, as the ledger rows that
// settle it. It changes nothing that lasts. The view holds until the next evaluation, and may be read after Post
// too; beside the ledger's columns it has member_no, whose order is that of member_id. `difference_members` has all of
// these numbers, as place.
func Difference(ctx context.Context, db *warehouse.DB, req Request) (*Result, error) {
	d := &difference{ctx: ctx, db: db, req: req}
	res, err := d.make()
	if err != nil {
		return nil, fmt.Errorf("working out the difference of program %s: %w", req.Family.ID, err)
	}
	return res, nil
}

func (d *difference) make() (*Result, error) {
	if err := d.clean(); err != nil {
		return nil, err
	}
	if err := d.run("request"); err != nil {
		return nil, err
	}
	if err := d.request(); err != nil {
		return nil, err
	}
	fresh, err := d.fresh()
	if err != nil {
		return nil, err
	}
	if fresh {
		err = d.everything()
	} else {
		err = d.changes()
	}
	if err != nil {
		return nil, err
	}
	if err := d.run("result"); err != nil {
		return nil, err
	}
	return d.result()
}

// clean drops what an earlier difference of this session left: a name may stand for a view now and a table then.
func (d *difference) clean() error {
	return d.db.DropTemps(d.ctx, func(name string) bool { return name == "difference" || strings.HasPrefix(name, "difference_") })
}

// run executes the statements of one of the embedded files.
func (d *difference) run(name string) error {
	text, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return err
	}
	// As text, so that DuckDB leaves out what is older.
	since := pipeline.MinDate
	if d.req.Scope != nil {
		since = d.req.Scope.Since
	}
	filled := strings.NewReplacer("{program}", warehouse.Literal(d.req.Family.ID), "{known load}", strconv.Itoa(d.known().LoadSeq),
		"{earned since}", "DATE '"+since.String()+"'").Replace(string(text))
	for i, s := range statements(filled) {
		if _, err := d.db.Exec(d.ctx, s); err != nil {
			return fmt.Errorf("%s.sql, statement %d: %w", name, i+1, err)
		}
	}
	return nil
}

func statements(text string) []string {
	var out []string
	for _, s := range strings.Split(text, ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (d *difference) request() error {
	from, to := d.req.From, d.req.To
	if c := d.req.ClosedThrough; c != nil {
		from, to = max(from, *c+1), max(to, *c+1)
	}
	if from > to {
		return fmt.Errorf("posting from %s to %s", from, to)
	}
	known := d.known()
	_, err := d.db.Exec(d.ctx, "INSERT INTO difference_request VALUES (?, CAST(? AS DATE), CAST(? AS DATE), ?, CAST(? AS DATE), ?)",
		d.req.Family.ID, from.String(), to.String(), d.req.Restated, known.Horizon.String(),
		d.req.Scope != nil && d.req.Scope.Steady)
	return err
}

// known is what the last run knew: no load, and no date, where there was none.
func (d *difference) known() Previous {
	if d.req.Previous == nil {
		return Previous{Horizon: pipeline.MinDate}
	}
	return *d.req.Previous
}

// fresh reports whether everything can be posted as it is: the ledger is empty, and the only reason to give is that
// the program was never run.
func (d *difference) fresh() (bool, error) {
	var any bool
	if err := d.db.QueryRow(d.ctx, "SELECT count(*) > 0 FROM (SELECT 1 FROM ledger WHERE program = ? LIMIT 1)",
		d.req.Family.ID).Scan(&any); err != nil {
		return false, err
	}
	return !any && d.req.Previous == nil && d.req.Scope == nil, nil
}

// everything makes the difference of an empty ledger.
func (d *difference) everything() error {
	several, err := d.terms("entitlements")
	if err != nil {
		return err
	}
	earned := "fresh_one"
	if len(several) > 0 || len(d.req.Family.TwoSided()) > 0 {
		earned = "fresh_many"
		if _, err := d.db.Exec(d.ctx, "CREATE TEMP TABLE difference_several (rule_no INTEGER)"); err != nil {
			return err
		}
		if len(several) > 0 {
			if _, err := d.db.Exec(d.ctx, "INSERT INTO difference_several VALUES "+strings.Join(several, ", ")); err != nil {
				return err
			}
		}
		if err := d.twoSided("eval_rules"); err != nil {
			return err
		}
	}
	if err := d.run(earned); err != nil {
		return err
	}
	return d.run("fresh")
}

// changes makes the difference to what the ledger holds.
func (d *difference) changes() error {
	if err := d.granted(); err != nil {
		return err
	}
	if err := d.run("dimensions"); err != nil {
		return err
	}
	var lost int64
	if err := d.db.QueryRow(d.ctx, "SELECT count(*) FROM difference_lost").Scan(&lost); err != nil {
		return err
	}
	members := "members_same"
	if lost > 0 {
		members = "members_lost"
	}
	for _, name := range []string{members, "changed"} {
		if err := d.run(name); err != nil {
			return err
		}
	}
	if _, err := d.terms("difference_keys"); err != nil {
		return err
	}
	if err := d.twoSided("difference_rules"); err != nil {
		return err
	}
	if err := d.run("numbered"); err != nil {
		return err
	}
	if err := d.tiersFromSpend(); err != nil {
		return err
	}
	return d.run("reasons")
}

// granted makes difference_ledger, the grants that are looked at.
func (d *difference) granted() error {
	if d.req.Scope == nil {
		return d.run("ledger_whole")
	}
	if err := d.run("ledger_scoped"); err != nil {
		return err
	}
	var moving bool
	if err := d.db.QueryRow(d.ctx, "SELECT count(*) > 0 FROM difference_moving").Scan(&moving); err != nil || !moving {
		return err
	}
	return d.run("ledger_moving")
}

// twoSided adds the rules that may pay two members for one source to those whose rows are numbered through.
func (d *difference) twoSided(rules string) error {
	for _, id := range d.req.Family.TwoSided() {
		if _, err := d.db.Exec(d.ctx, "INSERT INTO difference_several SELECT rule_no FROM "+rules+" WHERE rule = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// terms fills difference_terms for all versions, rewards and earned dates of the relation, by the rule of F52 as the
// program's rewards know it. It returns the numbers of the rules that grant several rewards, each as `(no)`.
func (d *difference) terms(relation string) (several []string, err error) {
	names, err := d.rewardNames()
	if err != nil {
		return nil, err
	}
	type term struct{ ver, reward, day int }
	var rule int
	var t term
	terms, rewards := map[term]bool{}, map[int]int{}
	var values []string
	if err := d.db.Each(d.ctx, `SELECT rule_no, ver, reward_no, earned_on - DATE '1970-01-01' FROM `+relation+`
		WHERE ver IS NOT NULL GROUP BY ALL ORDER BY ALL`, nil, []any{&rule, &t.ver, &t.reward, &t.day}, func() error {
		if first, seen := rewards[rule]; !seen {
			rewards[rule] = t.reward
		} else if first >= 0 && first != t.reward {
			several, rewards[rule] = append(several, fmt.Sprintf("(%d)", rule)), -1
		}
		if terms[t] {
			return nil
		}
		terms[t] = true
		text, err := d.term(t.ver, t.reward, pipeline.Date(t.day), names)
		values = append(values, text)
		return err
	}); err != nil {
		return nil, err
	}
	const batch = 1000
	for len(values) > 0 {
		n := min(batch, len(values))
		if _, err := d.db.Exec(d.ctx, "INSERT INTO difference_terms VALUES "+strings.Join(values[:n], ", ")); err != nil {
			return nil, err
		}
		values = values[n:]
	}
	return several, nil
}

// term renders a row of difference_terms.
func (d *difference) term(ver, rewardNo int, earned pipeline.Date, names map[int]string) (string, error) {
	if ver < 0 || ver >= len(d.req.Family.Versions) {
		return "", fmt.Errorf("an entitlement of version index %d, and the program has %d", ver, len(d.req.Family.Versions))
	}
	v := d.req.Family.Versions[ver]
	for _, r := range v.Rewards {
		if r.ID != names[rewardNo] {
			continue
		}
		expires := "NULL"
		if r.Expires.Expires() {
			expires = "DATE '" + r.Expires.On(earned).String() + "'"
		}
		return fmt.Sprintf("(%d, %d, DATE '%s', DATE '%s', %s)", ver, rewardNo, earned,
			earned+pipeline.Date(r.HoldDays), expires), nil
	}
	return "", fmt.Errorf("an entitlement in the reward %q, which version %d does not have", names[rewardNo], v.Version)
}

func (d *difference) rewardNames() (map[int]string, error) {
	out := map[int]string{}
	var no int
	var name string
	err := d.db.Each(d.ctx, "SELECT reward_no, reward FROM eval_rewards", nil, []any{&no, &name}, func() error {
		out[no] = name
		return nil
	})
	return out, err
}

// result adds up what the view posts, and refuses what a ledger row cannot be.
func (d *difference) result() (*Result, error) {
	res := &Result{}
	var day time.Time
	var reward, kind, sum string
	var seq int
	var rows, bad int64
	err := d.db.Each(d.ctx, `SELECT posted_on, seq, reward, kind, rows_count, amount, bad FROM (
			SELECT posted_on, reward_no, kind, count(*) AS rows_count, CAST(sum(amount) AS VARCHAR) AS amount,
				count(*) FILTER (WHERE amount = 0 OR (amount < 0) <> (kind = 'reversal')) AS bad
			FROM difference_rows GROUP BY ALL
		) JOIN difference_rewards USING (reward_no) JOIN difference_seqs USING (posted_on) ORDER BY ALL`,
		nil, []any{&day, &seq, &reward, &kind, &rows, &sum, &bad}, func() error {
			if bad > 0 {
				return fmt.Errorf("%d rows of %s %s have an amount that does not fit", bad, reward, kind)
			}
			amount, err := pipeline.ParseSum(sum)
			if err != nil {
				return err
			}
			on := pipeline.DateOf(day)
			if n := len(res.Postings); n == 0 || res.Postings[n-1].PostedOn != on {
				res.Postings = append(res.Postings, Posting{PostedOn: on, Seq: seq})
			}
			res.Postings[len(res.Postings)-1].Totals.Add(reward, pipeline.GrantKind(kind), rows, amount)
			res.Rows += rows
			return nil
		})
	return res, err
}
