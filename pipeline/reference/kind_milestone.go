package reference

import (
	"fmt"
	"math/big"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// progress is how far an order takes a milestone, by what it counts and over which period.
type progress struct{ before, after decimal.Decimal }

// tally is what one member has reached by one rule, in one of the ways that a version may count.
type tally struct {
	rule, member string
	sum          bool
	period       pipeline.Period
	start        pipeline.Date
}

// countOrders walks all sources in order of time and notes on each order how far it takes each milestone that counts
// it: eligible sources of the rule on their own business date, with a positive spend basis (F11). A version may count
// something else, or over another period, than the one before it: what it starts from is what its own way of counting
// has found among the orders of all versions.
func (ev *evaluation) countOrders() {
	reached := map[tally]decimal.Decimal{}
	for _, s := range ev.sources {
		for _, r := range ev.rulesFor(s) {
			b, ok := r.Body.(*program.Milestone)
			if !ok || !ev.eligible(r, s, nil) || !meetsMinSpend(b.MinSpend, nil, s, nil) || !s.order() {
				continue
			}
			for _, sum := range []bool{false, true} {
				own := decimal.NewFromInt(1)
				if sum {
					own = s.purchase.basis
				}
				for _, p := range []pipeline.Period{pipeline.PerMonth, pipeline.PerQuarter, pipeline.PerYear, pipeline.Lifetime} {
					k := tally{r.ID, s.memberID, sum, p, p.Start(s.on)}
					before := reached[k]
					reached[k] = before.Add(own)
					if sum == b.Sum && p == b.Period {
						s.note(r.ID, progress{before, reached[k]})
					}
				}
			}
		}
	}
}

func (s *source) note(rule string, p progress) {
	if s.progress == nil {
		s.progress = map[string]progress{}
	}
	s.progress[rule] = p
}

// earnMilestone pays earn for every threshold T with before < T ≤ after (F12).
func earnMilestone(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	b := r.Body.(*program.Milestone)
	if !meetsMinSpend(b.MinSpend, nil, s, d) {
		return nil, ""
	}
	p, counted := s.progress[r.ID]
	if !counted {
		d.refuse(NotQualified, "it is no order: its spend basis is %s", s.purchase.basis)
		return nil, ""
	}
	crossed := decimal.Zero
	if b.At == nil {
		crossed = wholeSteps(p.after, b.Every).Sub(wholeSteps(p.before, b.Every))
	}
	for _, t := range b.At {
		if p.before.LessThan(t) && !p.after.LessThan(t) {
			crossed = crossed.Add(decimal.NewFromInt(1))
		}
	}
	if crossed.IsZero() {
		if d != nil {
			d.refuse(NotQualified, "%s; %s", reachedText(b, s, p), nextText(b, p.after))
		}
		return nil, ""
	}
	if d != nil {
		d.step("basis", p.after, "%s", reachedText(b, s, p))
	}
	earn := b.Earn.For(s.tier)
	total := crossed.Mul(earn)
	if d == nil {
		return total.Rat(), ""
	}
	return total.Rat(), fmt.Sprintf("%s: %s × %s = %s%s", crossedText(b, p, crossed), crossed, earn, total, s.rateText(b.Earn))
}

// reachedText says where the order stands: "the member's 5th order in 2026-11", "800 spent before + 250 = 1050".
func reachedText(b *program.Milestone, s *source, p progress) string {
	during := inPeriod(b.Period, s.on)
	if b.Sum {
		return fmt.Sprintf("%s spent before + %s = %s%s", p.before, s.purchase.basis, p.after, during)
	}
	return fmt.Sprintf("the member's %s order%s", ordinal(int(p.after.IntPart())), during)
}

// crossedText names the thresholds that the order crosses, of multiples only the first and the last.
func crossedText(b *program.Milestone, p progress, crossed decimal.Decimal) string {
	if b.At != nil {
		var at []string
		for _, t := range b.At {
			if p.before.LessThan(t) && !p.after.LessThan(t) {
				at = append(at, t.String())
			}
		}
		return "reaches " + list(at)
	}
	last := wholeSteps(p.after, b.Every).Mul(b.Every)
	if crossed.Equal(decimal.NewFromInt(1)) {
		return fmt.Sprintf("reaches %s, a multiple of %s", last, b.Every)
	}
	first := nextThreshold(b, p.before)
	return fmt.Sprintf("reaches %s to %s, %s multiples of %s", first, last, crossed, b.Every)
}

// nextText says what would pay.
func nextText(b *program.Milestone, after decimal.Decimal) string {
	next := nextThreshold(b, after)
	switch {
	case next == nil:
		return fmt.Sprintf("the last that pays was %s", b.At[len(b.At)-1])
	case b.Sum:
		return fmt.Sprintf("the next that pays is %s", next)
	}
	return fmt.Sprintf("the next that pays is the %s", ordinal(int(next.IntPart())))
}

// nextThreshold is the first one above what is reached, nil where there is none.
func nextThreshold(b *program.Milestone, reached decimal.Decimal) *decimal.Decimal {
	if b.At == nil {
		next := wholeSteps(reached, b.Every).Mul(b.Every).Add(b.Every)
		return &next
	}
	for _, t := range b.At {
		if reached.LessThan(t) {
			return &t
		}
	}
	return nil
}
