package program

import "github.com/shopspring/decimal"

// KindSpend pays per X of currency spent.
const KindSpend Kind = "spend"

// Steps says whether only full steps of Per are paid.
type Steps string

// Steps: whole pays floor(basis / per) × earn, fractional basis × earn / per; both exact before rounding.
const (
	StepsWhole      Steps = "whole"
	StepsFractional Steps = "fractional"
)

// Basis says what a spend rule with items pays on.
type Basis string

// Basis: the qualifying lines' net amounts (default with items), or the whole transaction if any line qualifies.
const (
	BasisQualifying  Basis = "qualifying"
	BasisTransaction Basis = "transaction"
)

// Spend pays Earn per Per of spend.
type Spend struct {
	Earn     Earn
	Per      decimal.Decimal // > 0
	Steps    Steps
	Items    *ItemFilter // nil for none
	Basis    Basis       // BasisTransaction where there are no items
	MinSpend *MinSpend
}

// Kind returns KindSpend.
func (*Spend) Kind() Kind { return KindSpend }
