package tell

import (
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

func (t teller) milestone(b *program.Milestone) words {
	write := ordinal
	if b.Sum {
		write = t.money
	}
	at := make([]string, len(b.At))
	for i, d := range b.At {
		at[i] = write(d)
	}
	var what string
	switch {
	case b.Sum && b.At == nil:
		what = "for every " + t.money(b.Every) + " that their orders add up to"
	case b.Sum:
		what = "when their orders add up to " + list(at, "and")
	case b.At == nil && b.Every.Equal(decimal.NewFromInt(1)):
		what = "for every order"
	case b.At == nil:
		what = "for every " + ordinal(b.Every) + " order"
	default:
		what = "for the " + list(at, "and") + " order"
	}
	if b.Period != pipeline.Lifetime {
		what += " within a calendar " + strings.TrimPrefix(string(b.Period), "per_")
	}
	w := words{earnings: t.earn(b.Earn, ""), what: what}
	if m := b.MinSpend; m != nil {
		orders, sum := "orders of ", "more than "+t.money(m.Amount)
		if m.OfItems {
			orders = "orders whose items come to "
		}
		if m.AtLeast {
			sum = t.money(m.Amount) + " or more"
		}
		w.pieces = []piece{{key: "min_spend", words: "counting only " + orders + sum, place: inMain}}
	}
	return w
}

// ordinal writes the place of a thing in a row: "1st", "2nd", "11th".
func ordinal(d decimal.Decimal) string {
	n := number(d)
	switch {
	case strings.HasSuffix(n, "11") || strings.HasSuffix(n, "12") || strings.HasSuffix(n, "13"):
	case strings.HasSuffix(n, "1"):
		return n + "st"
	case strings.HasSuffix(n, "2"):
		return n + "nd"
	case strings.HasSuffix(n, "3"):
		return n + "rd"
	}
	return n + "th"
}
