package plan

import "accrue/pipeline/program"

func init() { builders[program.KindSpend] = buildSpend }

// buildSpend: steps whole ⌊basis / per⌋ × earn, fractional basis × earn / per (spec section 5).
func buildSpend(c *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Spend)
	in := InputBasis
	c.lines(rv, b.Items, b.MinSpend)
	if b.Items != nil {
		rv.AnyLine = true
		if b.Basis == program.BasisQualifying {
			in = InputQualifying
		}
	}
	rv.Source = FromTransactions
	rv.Where = append(rv.Where, minSpend(b.MinSpend)...)
	if b.Steps == program.StepsFractional {
		rv.Earn = []Earn{perFraction(rv.Rule, b.Earn, b.Per, in)}
		return
	}
	rv.Earn = []Earn{perSteps(rv.Rule, b.Earn, b.Per, in)}
}
