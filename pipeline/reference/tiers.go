package reference

import (
	"fmt"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// spending is the spend basis of one completed transaction on its business date.
type spending struct {
	on    pipeline.Date
	basis decimal.Decimal
}

// gatherSpending notes what every member spent, where some version takes its tiers from it: over all transactions known,
// from before the program's first version too (F21), each by the version in force on its own date (F22).
func (ev *evaluation) gatherSpending(facts Facts) {
	fromSpend := false
	for _, v := range ev.family.Versions {
		fromSpend = fromSpend || v.TierFrom == program.TierFromSpend
	}
	if !fromSpend {
		return
	}
	returns := map[string][]Return{}
	for _, r := range facts.Returns {
		returns[r.TransactionID] = append(returns[r.TransactionID], r)
	}
	currency := ev.family.Versions[0].Currency
	for _, t := range facts.Transactions {
		_, on := ev.clock.place(t.OccurredAt, ev.clock.zoneOf(t.StoreID))
		if t.Status != completed || t.MemberID == "" || on > ev.horizon || t.Currency != "" && t.Currency != currency {
			continue
		}
		p := ev.family.Versions[max(ev.family.InForce(on), 0)]
		ev.spent[t.MemberID] = append(ev.spent[t.MemberID], spending{on, net(t, nil, returns[t.ID], p).basis})
	}
}

// tierOf returns the index of a member's tier on a date: by the members row, or from spend the highest in the list whose
// threshold is exceeded or that has none, else the default one (F21).
func (ev *evaluation) tierOf(p *program.Program, m Member, id string, d pipeline.Date) int {
	if p.TierFrom != program.TierFromSpend {
		return tierOf(p, m)
	}
	for i := len(p.Tiers) - 1; i >= 0; i-- {
		if t := p.Tiers[i]; t.Over == nil || ev.spentBefore(id, d, t.WithinDays).GreaterThan(*t.Over) {
			return i
		}
	}
	return p.DefaultTier
}

// spentBefore adds up what a member spent in the days before d: the window ends the day before.
func (ev *evaluation) spentBefore(id string, d pipeline.Date, days *int) decimal.Decimal {
	sum := decimal.Zero
	for _, s := range ev.spent[id] {
		if s.on < d && (days == nil || s.on >= d-pipeline.Date(*days)) {
			sum = sum.Add(s.basis)
		}
	}
	return sum
}

// spendTierText says for people which spend puts a member into its tier, and what the next one asks for.
func (ev *evaluation) spendTierText(p *program.Program, s *source) string {
	spent := func(t program.Tier) string {
		sum, until := ev.spentBefore(s.memberID, s.on, t.WithinDays), s.on-1
		if t.WithinDays == nil {
			return fmt.Sprintf("%s spent up to %s", sum, until)
		}
		return fmt.Sprintf("%s spent from %s to %s", sum, s.on-pipeline.Date(*t.WithinDays), until)
	}
	text := "from spend: "
	switch own := p.Tiers[s.tier]; {
	case own.Over == nil:
		text += "it asks for none"
	case ev.spentBefore(s.memberID, s.on, own.WithinDays).GreaterThan(*own.Over):
		text += fmt.Sprintf("%s is more than %s", spent(own), own.Over)
	default:
		text += "no threshold is exceeded"
	}
	if s.tier+1 < len(p.Tiers) && p.Tiers[s.tier+1].Over != nil {
		next := p.Tiers[s.tier+1]
		text += fmt.Sprintf("; %s asks for more than %s, and it is %s", next.ID, next.Over, spent(next))
	}
	return text
}
