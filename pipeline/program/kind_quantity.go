package program

import "github.com/shopspring/decimal"

// KindQuantity pays per N qualifying units bought.
const KindQuantity Kind = "quantity"

// Quantity pays floor(units / Per) × Earn on the net quantity of the qualifying lines of one transaction (F10).
type Quantity struct {
	Earn     Earn
	Per      decimal.Decimal // > 0
	Items    *ItemFilter
	MinSpend *MinSpend
}

// Kind returns KindQuantity.
func (*Quantity) Kind() Kind { return KindQuantity }

func readQuantity(r *ruleReader) Body {
	return &Quantity{Earn: r.needEarn(), Per: r.needPer("write how many units one step takes: per: 1"),
		Items: r.items(), MinSpend: r.minSpend()}
}
