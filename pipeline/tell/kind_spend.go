package tell

import "accrue/pipeline/program"

func (t teller) spend(b *program.Spend) words {
	what := "for every full " + t.money(b.Per) + " spent"
	if b.Steps == program.StepsFractional {
		what = "for every " + t.money(b.Per) + " spent and in proportion for parts of it"
	}
	switch {
	case b.Items != nil && b.Basis == program.BasisTransaction:
		what += " in a purchase that has " + itemWords(b.Items)
	case b.Items != nil:
		what += " on " + itemWords(b.Items)
	}
	return words{earnings: t.earn(b.Earn, ""), what: what, pieces: t.minSpend(b.MinSpend)}
}
