package tell

import (
	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

func (t teller) multiplier(b *program.Multiplier) words {
	grants := " grants"
	if len(b.Of) > 1 {
		grants = " grant together"
	}
	one := decimal.NewFromInt(1)
	extra := number(b.Factor.Sub(one)) + " times as much"
	if b.Factor.Sub(one).Equal(one) {
		extra = "the same again"
	}
	return words{whatFirst: true, what: "on top of what " + list(b.Of, "and") + grants,
		earnings: t.same(extra+" (×"+number(b.Factor)+")", "")}
}
