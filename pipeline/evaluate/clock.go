package evaluate

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/sqlgen"
)

const usPerDay = 86_400_000_000

// denseDays is up to how many days eval_clock is simply filled for the whole range that occurs.
const denseDays = 1000

// zoned is a zone with its number in eval_stores; 0 is the program's.
type zoned struct {
	no  int
	loc *time.Location
}

// known asks the facts what the statements would otherwise have to ask, and fills eval_clock.
func (e *evaluation) known() error {
	if err := e.db.QueryRow(e.ctx, fmt.Sprintf(`SELECT (SELECT count(*) FROM %s) > 0, (SELECT count(*) FROM stores) > 0,
		(SELECT coalesce(sum(amount), 0) FROM %s) <= 9223372036854775807`, e.facts.Table("returns"), e.facts.Table("transactions"))).
		Scan(&e.facts.Returns, &e.facts.Stores, &e.facts.SpendFits); err != nil {
		return err
	}
	if e.plan.Needs.Birthdays {
		if err := e.anniversaries(); err != nil {
			return err
		}
	}
	zones, err := e.zones()
	if err != nil {
		return err
	}
	days, err := e.days()
	if err != nil {
		return err
	}
	rows, constant := clockRows(zones, days)
	if constant != nil && len(zones) == 1 {
		e.facts.Offset = constant
		return nil
	}
	return e.fillClock(rows)
}

func (e *evaluation) zones() ([]zoned, error) {
	v := e.plan.Family.Versions[0]
	out := []zoned{{0, v.Location}}
	if v.Day != program.DayStore {
		return out, nil
	}
	var no int
	var name string
	err := e.db.Each(e.ctx, "SELECT DISTINCT zone_no, time_zone FROM eval_stores WHERE time_zone IS NOT NULL ORDER BY 1",
		nil, []any{&no, &name}, func() error {
			loc, err := time.LoadLocation(name)
			out = append(out, zoned{no, loc})
			return err
		})
	return out, err
}

// clockDay is a day number of instants or of wall clocks.
type clockDay struct {
	instant bool
	day     pipeline.Date
}

// days lists the days that eval_clock must know.
func (e *evaluation) days() ([]clockDay, error) {
	moments := func(table, stem string) string {
		return fmt.Sprintf("SELECT %s_offset IS NOT NULL AS is_instant, %s AS x FROM %s t WHERE t.%s_wall IS NOT NULL",
			stem, sqlgen.MomentX("t", stem), e.facts.Table(table), stem)
	}
	from := moments("transactions", "occurred") + " UNION ALL " + moments("activities", "occurred")
	if e.plan.Needs.JoinedDay() {
		from += " UNION ALL " + moments("members", "joined")
	}
	var out []clockDay
	var instant bool
	var lo, hi int64
	dense := true
	if err := e.db.Each(e.ctx, "SELECT is_instant, min(x), max(x) FROM ("+from+") GROUP BY 1 ORDER BY 1", nil,
		[]any{&instant, &lo, &hi}, func() error {
			first, last := floorDay(lo), floorDay(hi)
			if last-first > denseDays {
				dense = false
				return nil
			}
			for d := first; d <= last; d++ {
				out = append(out, clockDay{instant, d})
			}
			return nil
		}); err != nil || dense {
		return out, err
	}
	out = nil
	var day pipeline.Date
	err := e.db.Each(e.ctx, "SELECT DISTINCT is_instant, "+sqlgen.MomentDay("x")+" FROM ("+from+") ORDER BY 1, 2", nil,
		[]any{&instant, &day}, func() error {
			out = append(out, clockDay{instant, day})
			return nil
		})
	return out, err
}

func floorDay(us int64) pipeline.Date {
	day := us / usPerDay
	if us%usPerDay < 0 {
		day--
	}
	return pipeline.Date(day)
}

// clockRow says how moments of one day map: those before s1 by adding u1 to become an instant and l1 to become a
// local wall clock, those before s2 by u2 and l2, the others by u3 and l3.
type clockRow struct {
	zone    int
	day     clockDay
	s1, s2  int64
	u1, u2  int64
	u3      int64
	l1, l2  int64
	l3      int64
	changes int
}

// clockRows maps every day of every zone; constant is the one offset of all rows, if there is one.
func clockRows(zones []zoned, days []clockDay) (rows []clockRow, constant *int64) {
	constant = new(int64)
	first := true
	for _, z := range zones {
		for _, d := range days {
			r := clockOf(z, d)
			rows = append(rows, r)
			off := r.l1 - r.u1 // both kinds of day: local wall clock less instant
			switch {
			case constant == nil:
			case r.changes > 0 || !first && off != *constant:
				constant = nil
			default:
				*constant, first = off, false
			}
		}
	}
	return rows, constant
}

// clockOf samples pipeline.Instant, which alone decides how local times are read, at the points of the day where its
// answer changes.
func clockOf(z zoned, d clockDay) clockRow {
	start := int64(d.day) * usPerDay
	shift := func(x int64) (u, l int64) {
		us := x
		if !d.instant {
			us = pipeline.Instant(x, z.loc)
		}
		return us - x, us + pipeline.OffsetAt(us, z.loc) - x
	}
	r := clockRow{zone: z.no, day: d, s1: math.MaxInt64, s2: math.MaxInt64}
	r.u1, r.l1 = shift(start)
	r.u2, r.l2, r.u3, r.l3 = r.u1, r.l1, r.u1, r.l1
	for _, b := range breaks(z.loc, d.instant, start) {
		u, l := shift(b)
		switch {
		case r.changes == 0 && (u != r.u1 || l != r.l1):
			r.s1, r.u2, r.l2, r.changes = b, u, l, 1
			r.u3, r.l3 = u, l
		case r.changes == 1 && (u != r.u2 || l != r.l2):
			r.s2, r.u3, r.l3, r.changes = b, u, l, 2
		case r.changes == 2 && (u != r.u3 || l != r.l3):
			panic(fmt.Sprintf("zone %s changes its clock more than once on %s", z.loc, d.day))
		}
	}
	return r
}

// breaks lists, in order, the moments after start within its day at which the mapping may change: instants at which
// the zone's offset changes, or the ends of the wall clocks that a change skips or repeats.
func breaks(loc *time.Location, instant bool, start int64) []int64 {
	var out []int64
	add := func(x int64) {
		if x > start && x < start+usPerDay {
			out = append(out, x)
		}
	}
	at := time.UnixMicro(start - 2*usPerDay).In(loc)
	for {
		end, ok := pipeline.NextChange(at)
		if !ok || end.UnixMicro() > start+3*usPerDay {
			return out
		}
		t := end.UnixMicro()
		if instant {
			add(t)
		} else {
			before, after := pipeline.OffsetAt(t-1, loc), pipeline.OffsetAt(t, loc)
			add(t + min(before, after))
			add(t + max(before, after))
		}
		at = end.In(loc)
	}
}

func (e *evaluation) fillClock(rows []clockRow) error {
	const create = `CREATE TEMP TABLE eval_clock (zone_no INTEGER, is_instant BOOLEAN, day INTEGER,
  s1 BIGINT, s2 BIGINT, u1 BIGINT, l1 BIGINT, u2 BIGINT, l2 BIGINT, u3 BIGINT, l3 BIGINT)`
	if _, err := e.db.Exec(e.ctx, create); err != nil {
		return err
	}
	const batch = 2000
	for len(rows) > 0 {
		n := min(batch, len(rows))
		if err := e.insertClock(e.ctx, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (e *evaluation) insertClock(ctx context.Context, rows []clockRow) error {
	var b strings.Builder
	b.WriteString("INSERT INTO eval_clock VALUES ")
	for i, r := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, %t, %d, %d, %d, %d, %d, %d, %d, %d, %d)",
			r.zone, r.day.instant, r.day.day, r.s1, r.s2, r.u1, r.l1, r.u2, r.l2, r.u3, r.l3)
	}
	_, err := e.db.Exec(ctx, b.String())
	return err
}
