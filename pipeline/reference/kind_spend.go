package reference

import (
	"math/big"

	"accrue/pipeline/program"
)

// earnSpend pays floor(basis / per) × earn, or with fractional steps basis × earn / per, both exact.
func earnSpend(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	b := r.Body.(*program.Spend)
	if !meetsMinSpend(b.MinSpend, b.Items, s, d) || !hasItems(b.Items, s, d) {
		return nil, ""
	}
	basis := s.purchase.basis
	if b.Items != nil && b.Basis == program.BasisQualifying {
		basis = s.purchase.qualifyingSum(b.Items)
		d.step("basis", basis, "%s", s.purchase.qualifyingText(b.Items, d))
	} else {
		d.step("basis", basis, "%s = %s", s.purchase.basisText, basis)
	}
	earn := b.Earn.For(s.tier)
	if b.Steps == program.StepsFractional {
		exact := fraction(basis, earn, b.Per)
		return exact, d.say("%s × %s / %s = %s%s", basis, earn, b.Per, ratText{exact}, s.rateText(b.Earn))
	}
	points := wholeSteps(basis, b.Per).Mul(earn)
	return points.Rat(), d.say("floor(%s / %s) × %s = %s%s", basis, b.Per, earn, points, s.rateText(b.Earn))
}
