package tell

import (
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

func (t teller) quantity(b *program.Quantity) words {
	items := "items"
	if b.Items != nil {
		items = itemWords(b.Items)
	}
	what := "for every " + number(b.Per) + " " + items
	if b.Per.Equal(decimal.NewFromInt(1)) {
		what = "for every item" + strings.TrimPrefix(items, "items")
	}
	if strings.Contains(items, ",") {
		what += ","
	}
	return words{earnings: t.earn(b.Earn, ""), what: what + " bought in one purchase", pieces: t.minSpend(b.MinSpend)}
}
