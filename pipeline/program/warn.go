package program

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
)

// Warning names something in a program file that is legal but dangerous.
type Warning Fault

// Text returns the warning as people read it, in the form of a fault.
func (w Warning) Text() string {
	f := Fault(w)
	f.Rule = strings.TrimSuffix("warning: "+f.Rule, ": ")
	return f.Text()
}

// warn fills in the warnings, in the order of their places.
func (p *Program) warn() {
	var found Faults
	for _, key := range []struct{ key, message, hint string }{
		{"time_zone", "no time_zone: business dates are those of UTC", "write the zone that a day is counted in: time_zone: Asia/Kolkata"},
		{"currency", "no currency: only transactions without a currency count", "write the currency of the amounts: currency: INR"},
	} {
		if p.doc.Root.Get(key.key) == nil {
			found = append(found, p.fault(key.key, key.hint, key.message))
		}
	}
	found = append(found, p.warnTiers()...)
	var everyPurchase []*Rule
	for _, r := range p.Rules {
		if why := p.unreachable(r); why != "" {
			found = append(found, p.faultAt(r.Pos, r.ID, "correct it, or leave the rule out", "no member can ever earn by it: "+why))
			continue
		}
		if a, ok := r.Body.(*Activity); ok && a.Value && p.unlimited(r) {
			found = append(found, p.faultAt(r.Pos, r.ID, "bound it by limits, a budget or the program's limits",
				"it pays whatever an activity's value says, and nothing limits it"))
		}
		if !paysEveryPurchase(r) {
			continue
		}
		if i := slices.IndexFunc(everyPurchase, func(o *Rule) bool { return o.Reward == r.Reward && (r.BestOf == "" || o.BestOf != r.BestOf) }); i >= 0 {
			found = append(found, p.faultAt(r.Pos, r.ID, "give them conditions, or a common best_of, if only one of them is meant to pay",
				fmt.Sprintf("both it and %s pay %s for every purchase", everyPurchase[i].ID, r.Reward.ID)))
		}
		everyPurchase = append(everyPurchase, r)
	}
	found = append(found, p.dangers()...)
	found.Sort()
	for _, f := range found {
		p.Warnings = append(p.Warnings, Warning(f))
	}
}

// unreachable says why a rule can never pay; "" where it can.
func (p *Program) unreachable(r *Rule) string {
	isActivity := r.Kind == KindActivity || r.Kind == KindGiftCode || r.Kind == KindReferral
	_, isMultiplier := r.Body.(*Multiplier)
	w := r.When
	if why := unreachableBirthday(r); why != "" {
		return why
	}
	switch {
	case r.Active.Until < p.EffectiveFrom:
		return fmt.Sprintf("it ends on %s, before the program takes effect on %s", r.Active.Until, p.EffectiveFrom)
	case isActivity && w.Channels != nil:
		return "activities have no channel"
	case isActivity && w.FirstPurchase != nil:
		return "an activity is no purchase"
	case !isActivity && !isMultiplier && w.Subjects != nil:
		return "transactions have no subject"
	case r.Budget != nil && r.Budget.IsZero():
		return "its budget is 0"
	case slices.ContainsFunc(r.Limits.Periods, isNothing):
		return "one of its limits is 0"
	case paysNothing(r):
		return "it earns nothing in any tier that it is for"
	}
	return p.cannotHold(r)
}

func isNothing(l Limit) bool {
	return l.Times != nil && *l.Times == 0 || l.Amount != nil && l.Amount.IsZero()
}

// paysNothing reports that the rule's earn is zero for every tier that its condition lets through.
func paysNothing(r *Rule) bool {
	zero := func(e Earn) bool {
		if e.All != nil {
			return e.All.IsZero()
		}
		for tier, v := range e.ByTier {
			if v != nil && !v.IsZero() && (r.When.Tiers == nil || slices.Contains(r.When.Tiers, tier)) {
				return false
			}
		}
		return true
	}
	switch b := r.Body.(type) {
	case *Spend:
		return zero(b.Earn)
	case *Visit:
		return zero(b.Earn)
	case *Quantity:
		return zero(b.Earn)
	case *Milestone:
		return zero(b.Earn)
	case *Birthday:
		return zero(b.Earn)
	case *Referral:
		return zero(b.Earn) && (b.RefereeEarn == nil || zero(*b.RefereeEarn))
	case *GiftCode:
		return !slices.ContainsFunc(b.Codes, func(c Code) bool { return !zero(c.Earn) })
	case *Activity:
		return !b.Value && (b.Earn == nil || zero(*b.Earn)) &&
			!slices.ContainsFunc(b.BySubject, func(s SubjectEarn) bool { return !zero(s.Earn) })
	}
	return false
}

// unlimited reports that neither the rule nor the program bounds what it pays.
func (p *Program) unlimited(r *Rule) bool {
	return len(r.Limits.Periods) == 0 && r.Budget == nil &&
		!slices.ContainsFunc(p.Limits, func(l RewardLimit) bool { return l.Reward == r.Reward })
}

// paysEveryPurchase reports that a rule pays for purchases without any condition.
func paysEveryPurchase(r *Rule) bool {
	open := Span{From: pipeline.MinDate, Until: pipeline.MaxDate}
	timed := slices.ContainsFunc(r.Limits.Periods, func(l Limit) bool { return l.Times != nil })
	if !r.When.Empty() || r.Active != open || timed {
		return false
	}
	switch b := r.Body.(type) {
	case *Spend:
		return b.Items == nil && noMinimum(b.MinSpend)
	case *Visit:
		return b.Items == nil && noMinimum(b.MinSpend) && b.MinGap == 0
	case *Milestone:
		return !b.Sum && b.Every.Equal(decimal.NewFromInt(1)) && noMinimum(b.MinSpend)
	}
	return false
}

func noMinimum(m *MinSpend) bool { return m == nil || m.Amount.Equal(decimal.Zero) }

// Empty reports whether the condition has no key.
func (w When) Empty() bool {
	return w.Tiers == nil && w.Tags == nil && w.Stores == nil && w.Regions == nil && w.Channels == nil &&
		w.Weekdays == nil && w.Hours == nil && w.FirstPurchase == nil && w.JoinedWithinDays == nil && w.Subjects == nil
}
