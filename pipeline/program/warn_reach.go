package program

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
)

// cannotHold says why a rule's conditions can never all be met, or why what they let through is never paid; "" where
// nothing is known against it.
func (p *Program) cannotHold(r *Rule) string {
	for _, why := range []func(*Rule) string{
		p.neverOnItsDays, neverTagged, p.neverAtItsHours, neverReached, neverAnItem, roundsAway, p.limitedToNothing, p.alwaysBeaten,
		p.nothingToMultiply,
	} {
		if said := why(r); said != "" {
			return said
		}
	}
	return ""
}

// neverOnItsDays: the rule is active for less than a week, and none of its weekdays lies in it.
func (p *Program) neverOnItsDays(r *Rule) string {
	from, until := max(r.Active.From, p.EffectiveFrom), r.Active.Until
	if r.When.Weekdays == nil || until == pipeline.MaxDate {
		return ""
	}
	for d := from; d <= until; d++ {
		if slices.Contains(r.When.Weekdays, d.Weekday()) || d-from >= 6 {
			return ""
		}
	}
	return fmt.Sprintf("none of its weekdays lies between %s and %s", from, until)
}

// neverTagged: tags are split at `;` and blanks around them are cut (F56), so that no member has such a tag.
func neverTagged(r *Rule) string {
	if len(r.When.Tags) == 0 {
		return ""
	}
	for _, tag := range r.When.Tags {
		if !strings.Contains(tag, ";") && strings.Trim(tag, " \t") == tag {
			return ""
		}
	}
	return fmt.Sprintf("no member has a tag %q: tags are split at ; and blanks around them are cut", r.When.Tags[0])
}

// neverAtItsHours: a birthday has the time at which its business date starts (F40).
func (p *Program) neverAtItsHours(r *Rule) string {
	h := r.When.Hours
	if h == nil || r.Kind != KindBirthday {
		return ""
	}
	at := p.DayStartsAt
	if h.contains(at) {
		return ""
	}
	return fmt.Sprintf("a birthday has the time at which the day starts, %02d:%02d", int(at.Hours()), int(at.Minutes())%60)
}

// neverReached: only one order of a member is its first, so that a count of first orders ends at 1.
func neverReached(r *Rule) string {
	m, ok := r.Body.(*Milestone)
	if !ok || m.Sum || r.When.FirstPurchase == nil || !*r.When.FirstPurchase {
		return ""
	}
	first := m.Every
	if len(m.At) > 0 {
		first = m.At[0]
	}
	if first.Equal(decimal.NewFromInt(1)) {
		return ""
	}
	return fmt.Sprintf("it counts the member's first purchase alone, which never is order number %s", first)
}

// neverAnItem: everything that the filter includes it excludes as well.
func neverAnItem(r *Rule) string {
	var f *ItemFilter
	switch b := r.Body.(type) {
	case *Spend:
		f = b.Items
	case *Visit:
		f = b.Items
	case *Quantity:
		f = b.Items
	}
	if f == nil || f.Include.Empty() {
		return ""
	}
	within := func(in, out []string) bool {
		return !slices.ContainsFunc(in, func(v string) bool { return !slices.Contains(out, v) })
	}
	if within(f.Include.ItemIDs, f.Exclude.ItemIDs) && within(f.Include.Categories, f.Exclude.Categories) &&
		within(f.Include.Brands, f.Exclude.Brands) {
		return "its items exclude all that they include"
	}
	return ""
}

// roundsAway: what the rule pays at a time is fixed, and rounds to zero.
func roundsAway(r *Rule) string {
	var earn Earn
	switch b := r.Body.(type) {
	case *Visit:
		earn = b.Earn
	case *Birthday:
		earn = b.Earn
	case *Activity:
		if b.Earn == nil || b.BySubject != nil {
			return ""
		}
		earn = *b.Earn
	default:
		return ""
	}
	if r.Reward == nil || r.Rounding == Ceil {
		return ""
	}
	// Half a unit may round up under half_up, but to zero under half_even.
	unit := decimal.New(1, -int32(r.Reward.Scale))
	half := unit.Div(decimal.NewFromInt(2))
	pays := func(v decimal.Decimal) bool {
		switch r.Rounding {
		case HalfUp:
			return v.GreaterThanOrEqual(half)
		case HalfEven:
			return v.GreaterThan(half)
		}
		return v.GreaterThanOrEqual(unit)
	}
	amounts := earn.ByTier
	if earn.All != nil {
		amounts = []*decimal.Decimal{earn.All}
	}
	for tier, v := range amounts {
		if v != nil && pays(*v) && (earn.All != nil || r.When.Tiers == nil || slices.Contains(r.When.Tiers, tier)) {
			return ""
		}
	}
	return fmt.Sprintf("what it earns rounds to 0: %s is granted in multiples of %s", r.Reward.ID, unit)
}

// limitedToNothing: the program's own limit leaves nothing of the reward.
func (p *Program) limitedToNothing(r *Rule) string {
	for _, l := range p.Limits {
		if l.Reward == r.Reward && l.Amount.IsZero() {
			return fmt.Sprintf("the program limits %s %s to 0", l.Reward.ID, l.Period)
		}
	}
	return ""
}

// alwaysBeaten: another rule of its best_of pays every purchase at least as much (a tie goes to the rule first in the
// file). Only rules of one kind that count in the same steps are held against each other.
func (p *Program) alwaysBeaten(r *Rule) string {
	if r.BestOf == "" {
		return ""
	}
	for _, o := range p.Rules {
		if o != r && o.BestOf == r.BestOf && o.Reward == r.Reward && o.Rounding == r.Rounding && o.Kind == r.Kind &&
			paysEveryPurchase(o) && !clipped(o) && p.earnsAtLeast(o, r) {
			return fmt.Sprintf("%s pays every purchase and always beats it in best_of: %s", o.ID, r.BestOf)
		}
	}
	return ""
}

func clipped(r *Rule) bool {
	return slices.ContainsFunc(r.Limits.Periods, func(l Limit) bool { return l.Period == pipeline.PerTransaction })
}

func (p *Program) earnsAtLeast(o, r *Rule) bool {
	var more, less Earn
	switch a := o.Body.(type) {
	case *Spend:
		b := r.Body.(*Spend)
		if !a.Per.Equal(b.Per) || a.Steps != b.Steps {
			return false
		}
		more, less = a.Earn, b.Earn
	case *Visit:
		more, less = a.Earn, r.Body.(*Visit).Earn
	default:
		return false
	}
	for tier := -1; tier < len(p.Tiers); tier++ {
		if tier < 0 && len(p.Tiers) > 0 {
			continue // every member has a tier
		}
		c := more.For(tier).Cmp(less.For(tier))
		if c < 0 || c == 0 && o.Place > r.Place {
			return false
		}
	}
	return true
}

// nothingToMultiply: none of the rules of a multiplier can pay where its condition holds.
func (p *Program) nothingToMultiply(r *Rule) string {
	m, ok := r.Body.(*Multiplier)
	if !ok {
		return ""
	}
	first := ""
	for _, id := range m.Of {
		base := p.RuleByID(strings.TrimSuffix(id, refereeSuffix))
		if base == nil {
			return ""
		}
		why := apart(p, r, base)
		if why == "" {
			return ""
		}
		if first == "" {
			first = fmt.Sprintf("%s %s", id, why)
		}
	}
	return first
}

// apart says why a rule never pays where a multiplier's condition holds; "" where it may. Tags are no reason: a member
// may have several.
func apart(p *Program, m, base *Rule) string {
	a, b := m.When, base.When
	purchase := base.Kind == KindSpend || base.Kind == KindVisit || base.Kind == KindQuantity || base.Kind == KindMilestone
	switch {
	case p.unreachable(base) != "":
		return "never pays either"
	case purchase && a.Subjects != nil:
		return "pays purchases, which have no subject"
	case base.Kind == KindActivity && a.Channels != nil:
		return "pays activities, which have no channel"
	case base.Kind == KindActivity && a.FirstPurchase != nil:
		return "pays activities, which are no purchases"
	case m.Active.Until < base.Active.From || base.Active.Until < m.Active.From:
		return "is not active when it is"
	}
	return elsewhere(a, b)
}

// elsewhere says why two conditions never hold of the same thing; "" where they may.
func elsewhere(a, b When) string {
	switch {
	case disjoint(a.Tiers, b.Tiers):
		return "pays other tiers"
	case disjoint(a.Stores, b.Stores):
		return "pays in other stores"
	case disjoint(a.Regions, b.Regions):
		return "pays in other regions"
	case disjoint(a.Channels, b.Channels):
		return "pays through other channels"
	case disjoint(a.Weekdays, b.Weekdays):
		return "pays on other weekdays"
	case disjoint(a.Subjects, b.Subjects):
		return "pays other subjects"
	case a.FirstPurchase != nil && b.FirstPurchase != nil && *a.FirstPurchase != *b.FirstPurchase:
		return "pays other purchases: first_purchase says the opposite"
	case a.Hours != nil && b.Hours != nil && !meet(*a.Hours, *b.Hours):
		return "pays at other hours"
	}
	return ""
}

func disjoint[T comparable](a, b []T) bool {
	return a != nil && b != nil && !slices.ContainsFunc(a, func(v T) bool { return slices.Contains(b, v) })
}

// meet reports whether two spans of the day have a minute in common.
func meet(a, b Hours) bool {
	return a.contains(b.From) || b.contains(a.From)
}

func (h Hours) contains(at time.Duration) bool {
	if h.From < h.Until {
		return h.From <= at && at < h.Until
	}
	return at >= h.From || at < h.Until
}
