package explain

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Day is everything of a member on one business date.
type Day struct {
	State   reference.MemberState
	Sources []DaySource
	Totals  []Total
	Uses    []Use // of the limits of the version in force, in the order of its rules
	Sums    []Sum // what is owed beside what was posted
}

// Differs reports whether the ledger disagrees anywhere.
func (d *Day) Differs() bool { return slices.ContainsFunc(d.Sums, Sum.Differs) }

// DaySource is one source and what every rule decided about it.
type DaySource struct {
	Seen      *reference.Seen // nil for one that is dated by something else, as a referral is
	Type      pipeline.SourceType
	ID        string
	Decisions []reference.Decision
}

// Total is what the day earned in one reward, and what the ledger holds of it.
type Total struct {
	Reward       string
	Owed, Posted decimal.Decimal
}

// Use is how much of a limit a member has used by the end of the date, over the period that the date lies in.
type Use struct {
	Rule    string // empty for a limit of the whole program
	Reward  string
	Subject string // where the limit counts each subject by itself
	Period  pipeline.Period
	Start   pipeline.Date // of the period; pipeline.MinDate for a lifetime
	Times   *int          // allowed; nil where only an amount is limited
	Taken   int           // slots taken
	Amount  *decimal.Decimal
	Granted decimal.Decimal
}

// FindMember looks a member up. The error is a *NotFoundError where no file names the member.
func FindMember(ctx context.Context, db *warehouse.DB, id string) error {
	holding, err := db.Holding(ctx, "member_id", schemas.MemberHash, id)
	if err != nil {
		return err
	}
	plain := "member_id = " + warehouse.Literal(id)
	for _, in := range []string{"members WHERE " + plain, "activities WHERE " + plain, "transactions WHERE " + holding, "ledger WHERE " + holding} {
		var there bool
		if err := db.QueryRow(ctx, "SELECT count(*) > 0 FROM "+in).Scan(&there); err != nil || there {
			return err
		}
	}
	return missing(ctx, db, "member", id)
}

// MemberPlaces returns where the members files name a member: all rows, by delivery.
func MemberPlaces(ctx context.Context, db *warehouse.DB, id string) ([]Place, error) {
	var out []Place
	var p Place
	var file sql.NullString
	err := db.Each(ctx, `SELECT CAST(m.delivery AS VARCHAR), f.name, m.row_no FROM members m
		LEFT JOIN files f ON f.file_id = m.file_id WHERE member_id = ? ORDER BY m.delivery`, []any{id},
		[]any{&p.Delivery, &file, &p.Row}, func() error {
			p.File = file.String
			out = append(out, p)
			return nil
		})
	return out, err
}

// OnDay works out again everything of a member on a business date, up to the horizon, and holds it against the ledger.
func OnDay(ctx context.Context, db *warehouse.DB, fam *program.Family, horizon pipeline.Date, member string,
	date pipeline.Date) (*Day, error) {
	p := picker{ctx, db}
	if err := p.start(); err != nil {
		return nil, err
	}
	if err := p.members(fam, member); err != nil {
		return nil, err
	}
	facts, err := read(ctx, db, dependsOnAll(fam))
	if err != nil {
		return nil, err
	}
	res := reference.Evaluate(fam, *facts, reference.Options{
		Horizon: horizon,
		Trace:   func(_ pipeline.SourceType, _, m string) bool { return m == member },
	})
	out := &Day{State: reference.StateOn(fam, *facts, member, date), Uses: uses(fam, res.Decisions, member, date)}
	out.gather(res, member, date)
	sums := tally{}
	for _, e := range res.Entitlements {
		if e.MemberID == member && e.EarnedOn == date {
			sums.owe(e)
		}
	}
	holding, err := db.Holding(ctx, "member_id", schemas.MemberHash, member)
	if err != nil {
		return nil, err
	}
	if err := sums.post(ctx, db, "ledger", "program = ? AND earned_on = CAST(? AS DATE) AND "+holding, fam.ID, date.String()); err != nil {
		return nil, err
	}
	out.Sums = sums.sorted(fam)
	out.total()
	return out, nil
}

// gather puts the decisions of the date together by source, in order of time.
func (d *Day) gather(res reference.Result, member string, date pipeline.Date) {
	at := map[string]int{}
	source := func(t pipeline.SourceType, id string) *DaySource {
		key := string(t) + " " + id
		if _, ok := at[key]; !ok {
			at[key] = len(d.Sources)
			d.Sources = append(d.Sources, DaySource{Type: t, ID: id})
		}
		return &d.Sources[at[key]]
	}
	for i := range res.Seen {
		if s := &res.Seen[i]; s.On == date {
			source(s.SourceType, s.SourceID).Seen = s
		}
	}
	for _, dec := range res.Decisions {
		if dec.EarnedOn == date && dec.MemberID == member {
			s := source(dec.SourceType, dec.SourceID)
			s.Decisions = append(s.Decisions, dec)
		}
	}
	slices.SortStableFunc(d.Sources, func(a, b DaySource) int {
		return cmp.Or((&a).at().Compare((&b).at()), strings.Compare(a.ID, b.ID), cmp.Compare(a.Type, b.Type))
	})
}

// total adds up the sums by reward.
func (d *Day) total() {
	for _, s := range d.Sums {
		i := slices.IndexFunc(d.Totals, func(t Total) bool { return t.Reward == s.Reward })
		if i < 0 {
			i = len(d.Totals)
			d.Totals = append(d.Totals, Total{Reward: s.Reward})
		}
		d.Totals[i].Owed, d.Totals[i].Posted = d.Totals[i].Owed.Add(s.Owed), d.Totals[i].Posted.Add(s.Posted)
	}
}

// at is the instant of the source.
func (s *DaySource) at() time.Time {
	if len(s.Decisions) > 0 {
		return s.Decisions[0].EarnedAt
	}
	return s.Seen.At
}

// Instant returns the time of the source in its own zone, as text of its wall clock.
func (s *DaySource) Instant() string {
	if s.Seen != nil {
		return s.Seen.At.Format("15:04:05")
	}
	if len(s.Decisions) > 0 {
		return s.Decisions[0].EarnedAt.Format("15:04:05Z")
	}
	return ""
}

// uses says how much of each limit of the version in force on the date a member had used by its end. Where `pick:
// highest` or a late row gives a slot to another source, what holds now counts.
func uses(fam *program.Family, decisions []reference.Decision, member string, date pipeline.Date) []Use {
	i := fam.InForce(date)
	if i < 0 {
		return nil
	}
	var own []*reference.Decision
	for i := range decisions {
		if decisions[i].MemberID == member && decisions[i].EarnedOn <= date {
			own = append(own, &decisions[i])
		}
	}
	var out []Use
	for _, r := range fam.Versions[i].Rules {
		for _, l := range r.Limits.Periods {
			if l.Period != pipeline.PerTransaction {
				out = append(out, ruleUses(r, l, own, date)...)
			}
		}
	}
	for _, l := range fam.Versions[i].Limits {
		if l.Period == pipeline.PerTransaction {
			continue
		}
		u := Use{Reward: l.Reward.ID, Period: l.Period, Start: l.Period.Start(date), Amount: &l.Amount}
		for _, d := range own {
			if left, ok := leftOf(d, "program:", l.Period); ok && d.Reward == u.Reward && u.covers(d) {
				u.Granted = u.Granted.Add(left)
			}
		}
		if u.Granted.IsPositive() {
			out = append(out, u)
		}
	}
	return out
}

// ruleUses are the uses of one limit of a rule: one, or one for each subject and reward that has used any of it.
func ruleUses(r *program.Rule, l program.Limit, own []*reference.Decision, date pipeline.Date) []Use {
	var out []Use
	for _, d := range own {
		u := Use{Rule: r.ID, Period: l.Period, Start: l.Period.Start(date), Times: l.Times, Amount: l.Amount, Reward: d.Reward}
		if strings.TrimSuffix(d.Rule, ".referee") != r.ID || !u.covers(d) {
			continue
		}
		afterTimes, took := leftOf(d, "times:", l.Period)
		if !took || afterTimes.IsZero() {
			continue
		}
		if r.Limits.PerSubject {
			u.Subject = d.Subject
		}
		u.Rule = d.Rule
		i := slices.IndexFunc(out, func(o Use) bool { return o.Rule == u.Rule && o.Reward == u.Reward && o.Subject == u.Subject })
		if i < 0 {
			i = len(out)
			out = append(out, u)
		}
		out[i].Taken++
		left, _ := leftOf(d, "amount:", l.Period)
		out[i].Granted = out[i].Granted.Add(left)
	}
	return out
}

// leftOf is what the step of a period left; ok is false where the decision did not get as far.
func leftOf(d *reference.Decision, step string, p pipeline.Period) (decimal.Decimal, bool) {
	stage := stageOfStep(step + string(p))
	return amountAfter(d, stage, stage)
}

// covers reports whether a decision lies in the period.
func (u *Use) covers(d *reference.Decision) bool { return u.Period.Start(d.EarnedOn) == u.Start }

// PeriodText names the period: per_day, per_week from 2026-11-16, lifetime.
func (u *Use) PeriodText() string {
	if u.Period == pipeline.Lifetime || u.Period == pipeline.PerDay {
		return string(u.Period)
	}
	return fmt.Sprintf("%s from %s", u.Period, u.Start)
}
