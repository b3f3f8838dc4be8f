package reference

import (
	"math/big"

	"accrue/pipeline/program"
)

// earnQuantity pays floor(units / per) × earn on the net quantity of the qualifying lines of one transaction; units
// left over are not carried on (F10). A line qualifies by its quantity alone (F20).
func earnQuantity(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	b := r.Body.(*program.Quantity)
	if !meetsMinSpend(b.MinSpend, b.Items, s, d) {
		return nil, ""
	}
	units := s.purchase.units(b.Items)
	if b.Items != nil {
		d.judgeLines(b.Items, s.purchase, func(l line) bool { return l.units.IsPositive() })
	}
	if !units.IsPositive() {
		d.refuse(NoQualifyingItems, "%s has qualifying units left", noneOf(s.purchase.lines))
		return nil, ""
	}
	earn := b.Earn.For(s.tier)
	points := wholeSteps(units, b.Per).Mul(earn)
	d.step("basis", units, "%s", s.purchase.unitsText(b.Items, d))
	return points.Rat(), d.say("floor(%s / %s) × %s = %s%s", units, b.Per, earn, points, s.rateText(b.Earn))
}
