package program

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// mostFactor is the largest factor that is taken for what it says: beyond it a percentage was meant.
const mostFactor = 10

// dangers warns of amounts that look like another thing than was meant.
func (p *Program) dangers() Faults {
	var found Faults
	for _, r := range p.Rewards {
		if why := expiresFirst(r); why != "" {
			found = append(found, p.faultAt(r.Pos, "", "let it expire later, or hold it for fewer days", why))
		}
	}
	for _, r := range p.Rules {
		if f, ok := p.overpaid(r); ok {
			found = append(found, f)
		}
		for _, e := range earnsOf(r) {
			if why := p.wrongOrder(e); why != "" {
				found = append(found, p.faultAt(e.Pos, r.ID, "tiers are listed low to high: exchange the amounts, or the tiers", why))
			}
		}
	}
	return found
}

// overpaid warns of a percentage that was written as a factor. An amount above what was spent is looked for where the
// reward is money: points are worth what the program says, and ten of them for every unit of currency are common.
func (p *Program) overpaid(r *Rule) (Fault, bool) {
	switch b := r.Body.(type) {
	case *Multiplier:
		if !b.Factor.GreaterThan(decimal.NewFromInt(mostFactor)) {
			return Fault{}, false
		}
		hint := fmt.Sprintf("for %s %% more write factor: %s", b.Factor, b.Factor.Shift(-2).Add(decimal.NewFromInt(1)))
		if b.Factor.GreaterThan(decimal.NewFromInt(100)) {
			hint = fmt.Sprintf("for %s %% of what was granted write factor: %s", b.Factor, b.Factor.Shift(-2))
		}
		return p.faultAt(r.Pos, r.ID, hint, fmt.Sprintf("factor %s pays %s times as much", b.Factor, b.Factor)), true
	case *Spend:
		most, tier := p.mostOf(b.Earn)
		if !isMoney(r.Reward, p.Currency) || !most.GreaterThan(b.Per) {
			return Fault{}, false
		}
		who := ""
		if tier != "" {
			who = tier + ": "
		}
		return p.faultAt(b.Earn.Pos, r.ID, fmt.Sprintf("for %s %% write earn: %s with per: 100", most, most),
			fmt.Sprintf("%s%s %s for every %s spent is more than 100 %% of the spend", who, most, r.Reward.ID, b.Per)), true
	}
	return Fault{}, false
}

// isMoney reports whether a reward looks like money: it has decimal places, or is called so.
func isMoney(r *Reward, currency string) bool {
	id := strings.ToLower(r.ID)
	return r.Scale > 0 || strings.Contains(id, "cash") || currency != "" && strings.Contains(id, strings.ToLower(currency))
}

// mostOf returns the largest amount, and the tier that earns it where it goes by tier.
func (p *Program) mostOf(e Earn) (most decimal.Decimal, tier string) {
	if e.All != nil {
		return *e.All, ""
	}
	for i, v := range e.ByTier {
		if v != nil && v.GreaterThan(most) {
			most, tier = *v, p.Tiers[i].ID
		}
	}
	return most, tier
}

// earnsOf returns all that a rule can earn by tier.
func earnsOf(r *Rule) []Earn {
	switch b := r.Body.(type) {
	case *Spend:
		return []Earn{b.Earn}
	case *Visit:
		return []Earn{b.Earn}
	case *Quantity:
		return []Earn{b.Earn}
	case *Milestone:
		return []Earn{b.Earn}
	case *Birthday:
		return []Earn{b.Earn}
	case *Activity:
		var out []Earn
		if b.Earn != nil {
			out = append(out, *b.Earn)
		}
		for _, s := range b.BySubject {
			out = append(out, s.Earn)
		}
		return out
	}
	return nil
}

// wrongOrder says that a higher tier earns less than one below it. A tier that was left out is meant to earn nothing.
func (p *Program) wrongOrder(e Earn) string {
	below := -1
	for i, v := range e.ByTier {
		if v == nil {
			continue
		}
		if below >= 0 && v.LessThan(*e.ByTier[below]) {
			return fmt.Sprintf("%s earns %s, less than the lower tier %s with %s", p.Tiers[i].ID, v, p.Tiers[below].ID, e.ByTier[below])
		}
		below = i
	}
	return ""
}

// expiresFirst says that a reward expires before it becomes available, whatever the date.
func expiresFirst(r *Reward) string {
	e := r.Expires
	if e.AfterDays != nil && r.HoldDays > *e.AfterDays {
		return fmt.Sprintf("%s is available after %s and expires after %s: nobody can use it",
			r.ID, count(r.HoldDays, "day"), count(*e.AfterDays, "day"))
	}
	const longestMonth = 31
	if e.AfterMonths != nil && e.EndOf == "" && r.HoldDays > longestMonth**e.AfterMonths {
		return fmt.Sprintf("%s is available after %s and expires after %s: nobody can use it",
			r.ID, count(r.HoldDays, "day"), count(*e.AfterMonths, "month"))
	}
	return ""
}
