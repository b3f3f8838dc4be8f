package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Past is what the warehouse says about dates, by program. Attempts that were killed before they could say whom they
// were for stand under everybody.
type Past map[string]map[pipeline.Date]*pastDate

const everybody = ""

// pastDate is what was done for a program's date.
type pastDate struct {
	done        bool
	own         bool // done by a nightly run, not by a backfill over a range
	failed      string
	interrupted bool
	run         string
	attempt     int
	seconds     float64
	finished    *time.Time
	rows        int64
	sums        []RewardAmount
}

// Done notes that a nightly run has brought the program to its end for a date.
func (p Past) Done(program string, d pipeline.Date) {
	s := p.at(program, d)
	s.done, s.own = true, true
}

func (p Past) at(program string, d pipeline.Date) *pastDate {
	if p[program] == nil {
		p[program] = map[pipeline.Date]*pastDate{}
	}
	if p[program][d] == nil {
		p[program][d] = &pastDate{sums: []RewardAmount{}}
	}
	return p[program][d]
}

// first is the first date that a nightly run has done for the program; without one, the first that was done at all.
func (p Past) first(program string) (first pipeline.Date, ok bool) {
	own := false
	for d, s := range p[program] {
		if s.done && (!ok || s.own && !own || s.own == own && d < first) {
			first, own, ok = d, s.own, true
		}
	}
	return first, ok
}

// readPast reads the run history and the publications.
//
// A program's date is done when an attempt of a run over the date has brought the program to its end: the run as a
// whole may have failed for another program. A warehouse that was rebuilt has publications and no history; there a
// date is done when it was published.
func readPast(ctx context.Context, db *warehouse.DB) (Past, error) {
	out := Past{}
	var run, command, from, until, state, message, programs, failed string
	var attempt int
	var seconds sql.NullFloat64
	var finished sql.NullTime
	err := db.Each(ctx, `SELECT run, command, CAST(from_date AS VARCHAR), CAST(until_date AS VARCHAR), attempt, state,
			coalesce(message, ''), finished_at, TRY_CAST(json_extract_string(summary, '$.duration_seconds') AS DOUBLE),
			coalesce(array_to_string(json_extract_string(summary, '$.programs[*].program'), chr(10)), ''),
			coalesce(array_to_string(json_extract_string(summary, '$.failed_programs[*]'), chr(10)), '')
		FROM runs WHERE command IN ('run', 'backfill') ORDER BY started_at, run, attempt`, nil,
		[]any{&run, &command, &from, &until, &attempt, &state, &message, &finished, &seconds, &programs, &failed}, func() error {
			a, err := pipeline.ParseDate(from)
			if err != nil {
				return err
			}
			b, err := pipeline.ParseDate(until)
			if err != nil {
				return err
			}
			done := list(programs)
			ids := append(slices.Clone(done), list(failed)...)
			if len(ids) == 0 {
				ids = []string{everybody}
			}
			for _, id := range ids {
				for d := a; d <= b; d++ {
					s := out.at(id, d)
					s.run, s.attempt, s.seconds = run, attempt, seconds.Float64
					s.interrupted, s.failed = id == everybody, ""
					if finished.Valid {
						t := finished.Time
						s.finished = &t
					}
					if slices.Contains(done, id) {
						s.done, s.own = true, s.own || command == "run"
					} else if !s.interrupted {
						s.failed = message
					}
				}
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	return out, out.published(ctx, db)
}

// list takes lines apart.
func list(lines string) []string {
	if lines == "" {
		return nil
	}
	return strings.Split(lines, "\n")
}

// published adds what was published.
func (p Past) published(ctx context.Context, db *warehouse.DB) error {
	var id, day, totals string
	var rows int64
	var known bool
	sums := map[*pastDate]map[string]decimal.Decimal{}
	err := db.Each(ctx, `SELECT program, CAST(posted_on AS VARCHAR), rows_count,
			CAST(json_extract(manifest, '$.totals.sums') AS VARCHAR), state <> 'published' OR EXISTS (SELECT 1 FROM runs r WHERE r.run = p.run)
		FROM publications p ORDER BY program, posted_on, seq`, nil, []any{&id, &day, &rows, &totals, &known}, func() error {
		d, err := pipeline.ParseDate(day)
		if err != nil {
			return err
		}
		s := p.at(id, d)
		s.rows += rows
		if !known {
			s.done, s.own = true, true
		}
		var list []schemas.ManifestSum
		if err := json.Unmarshal([]byte(totals), &list); err != nil {
			return fmt.Errorf("reading the manifest of %s date=%s: %w", id, day, err)
		}
		if sums[s] == nil {
			sums[s] = map[string]decimal.Decimal{}
		}
		for _, m := range list {
			amount, err := decimal.NewFromString(m.Amount)
			if err != nil {
				return fmt.Errorf("reading the manifest of %s date=%s: %w", id, day, err)
			}
			if was, ok := sums[s][m.Reward]; ok {
				amount = amount.Add(was)
			}
			sums[s][m.Reward] = amount
		}
		return nil
	})
	for s, byReward := range sums {
		for reward, sum := range byReward {
			s.sums = append(s.sums, RewardAmount{Reward: reward, Amount: sum.StringFixed(-sum.Exponent())})
		}
		slices.SortFunc(s.sums, func(a, b RewardAmount) int { return strings.Compare(a.Reward, b.Reward) })
	}
	return err
}
