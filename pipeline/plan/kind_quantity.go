package plan

import "accrue/pipeline/program"

func init() { builders[program.KindQuantity] = buildQuantity }

// buildQuantity: ⌊units / per⌋ × earn on the net quantity of the qualifying lines of one transaction (F10).
func buildQuantity(c *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Quantity)
	all := b.Items
	if all == nil {
		all = &program.ItemFilter{}
	}
	c.lines(rv, all, b.MinSpend)
	rv.Source = FromTransactions
	rv.Where = append(rv.Where, minSpend(b.MinSpend)...)
	rv.Earn = []Earn{perSteps(rv.Rule, b.Earn, b.Per, InputUnits)}
}
