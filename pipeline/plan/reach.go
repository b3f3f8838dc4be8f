package plan

import (
	"fmt"
	"slices"
	"time"

	"accrue/pipeline"
)

// Reach says how far the consequences of a changed source go: which dates of its member can come to earn otherwise, and
// which earlier dates must be looked at to know. Whatever a member earns on a date depends on nothing later; limits,
// milestones and tiers carry the past forward, and `pick: highest` alone looks forward, inside its period. Budgets are left
// out of it, see Budgeted.
type Reach struct {
	// Whole says why a change can reach members that have none of their own; "" where it cannot.
	Whole string

	highest [2][]pipeline.Period // passes that prefer the highest: of rules, and of multipliers
	program []pipeline.Period    // program limits
	passes  passPeriods
	counts  []pipeline.Period // of milestones
	windows []int             // of tiers from spend
	gap     pipeline.Date     // dates that the largest min_gap can span
	first   bool              // something asks for a member's first purchase
}

// passPeriods are the periods of the limits of rules, by what they pay for, and of multipliers.
type passPeriods struct{ transactions, activities, birthdays, multipliers []pipeline.Period }

// Bounds say, of a member with a changed source, from which business dates on what is needed.
type Bounds struct {
	Earned       pipeline.Date // what the member earns from here on may differ
	Transactions pipeline.Date // and follows from the transactions from here on
	Activities   pipeline.Date // and from the activities from here on
}

// Budgeted returns the rules with a budget that all members share, but for those of referrals: as long as no more is
// asked for than there is, a budget changes nothing.
func (p *Plan) Budgeted() []*Rule {
	var out []*Rule
	for _, r := range p.Rules {
		if r.Referees == nil && r.Referrers == nil && slices.ContainsFunc(r.Passes, func(p Pass) bool { return p.Kind == PassBudget }) {
			out = append(out, r)
		}
	}
	return out
}

// Reach works out how far changes go.
func (p *Plan) Reach() Reach {
	r := Reach{windows: p.Windows, first: p.Needs.FirstPurchase}
	if p.Needs.Gap > 0 {
		r.gap = 1 + pipeline.Date(p.Needs.Gap/(24*time.Hour).Microseconds())
	}
	for _, l := range p.Limits {
		r.program = append(r.program, l.Period)
	}
	for _, rule := range p.Rules {
		r.rule(rule)
	}
	return r
}

func (r *Reach) rule(rule *Rule) {
	switch {
	case rule.LimitedCodes():
		r.Whole = fmt.Sprintf("all members share the gift codes of the rule %s", rule.ID)
	case rule.Sums:
		r.Whole = fmt.Sprintf("the rule %s adds up what one source earned at several times", rule.ID)
	}
	into := []*[]pipeline.Period{}
	for _, rv := range rule.Versions {
		switch rv.Source {
		case FromTransactions:
			into = append(into, &r.passes.transactions)
		case FromActivities, FromGiftCodes:
			into = append(into, &r.passes.activities)
		case FromBirthdays:
			into = append(into, &r.passes.birthdays)
		case FromGranted:
			into = append(into, &r.passes.multipliers)
		case FromReferrals:
			r.Whole = fmt.Sprintf("the rule %s pays one member for what another does", rule.ID)
		}
		if rv.Count != nil {
			r.counts = append(r.counts, rv.Count.Period)
		}
	}
	side := 0
	if rule.Multiplier {
		side = 1
	}
	for _, pass := range rule.Passes {
		if pass.Kind != PassTimes && pass.Kind != PassAmount {
			continue
		}
		for _, periods := range into {
			*periods = append(*periods, pass.Period)
		}
		if slices.ContainsFunc(pass.Caps, func(c Cap) bool { return c.Highest && c.Value != nil }) {
			r.highest[side] = append(r.highest[side], pass.Period)
		}
	}
}

// Of returns the bounds for a member whose earliest changed source is of the business date; MinDate stands for all of
// the member's life.
func (r Reach) Of(changed pipeline.Date) Bounds {
	earned := earliest(earliest(changed, r.highest[0]), r.highest[1])
	// Backwards through the steps: each needs what the step before it made, since the start of its own periods.
	multiplied := earliest(earned, r.program)
	granted := earliest(multiplied, r.passes.multipliers)
	b := Bounds{Earned: earned, Activities: earliest(granted, r.passes.activities)}
	b.Transactions = earliest(earliest(granted, r.passes.transactions), r.counts)
	if r.first {
		b.Transactions = pipeline.MinDate
	}
	b.Transactions = before(b.Transactions, r.gap)
	// The tier on each of these dates follows from what was spent before it.
	tiered := min(b.Transactions, b.Activities, earliest(granted, r.passes.birthdays))
	for _, days := range r.windows {
		if days == 0 {
			b.Transactions = pipeline.MinDate
			break
		}
		b.Transactions = min(b.Transactions, before(tiered, pipeline.Date(days)+1))
	}
	return b
}

// OfYears returns the bounds for a member who has several dates for the birthday of a year, of which one pays: years are
// then taken as a whole.
func (r Reach) OfYears(changed pipeline.Date) Bounds {
	if changed > pipeline.MinDate {
		changed = pipeline.PerYear.Start(r.Of(changed).Earned)
	}
	b := r.Of(changed)
	if b.Earned < changed { // a week that two years share
		return r.Of(pipeline.MinDate)
	}
	return b
}

// earliest is the first date of all the periods that the date lies in, at most the date itself.
func earliest(d pipeline.Date, periods []pipeline.Period) pipeline.Date {
	out := d
	if d == pipeline.MinDate {
		return d
	}
	for _, p := range periods {
		out = min(out, p.Start(d))
	}
	return out
}

// before goes back so many dates, not past MinDate.
func before(d, days pipeline.Date) pipeline.Date { return max(d-days, pipeline.MinDate) }
