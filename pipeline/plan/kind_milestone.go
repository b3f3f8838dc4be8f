package plan

import (
	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

func init() { builders[program.KindMilestone] = buildMilestone }

// buildMilestone: k × earn for an order that takes the running count or sum over k thresholds (F12). Orders are
// completed transactions with a positive spend basis that are eligible for the rule (F11).
func buildMilestone(c *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Milestone)
	rv.Source = FromTransactions
	c.lines(rv, nil, b.MinSpend)
	least := int64(1)
	rv.Where = append(append(rv.Where, minSpend(b.MinSpend)...),
		Cond{Key: "not_qualified", Attr: AttrBasis, Ranges: []Range{{Min: &least}}})
	inUnits := units // sums are ten-thousandths
	if !b.Sum {
		inUnits = decimal.Decimal.IntPart
	}
	rv.Count = &Count{Sum: b.Sum, Period: b.Period, Every: inUnits(b.Every)}
	for _, t := range b.At {
		rv.Count.At = append(rv.Count.At, inUnits(t))
	}
	e := fixed(rv.Rule, b.Earn)
	e.Input = InputCrossed
	rv.Earn = []Earn{e}
}
