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

func readSpend(r *ruleReader) Body {
	s := &Spend{Earn: r.needEarn(), Per: r.needPer("write what one step costs: per: 100"), Steps: StepsWhole,
		Items: r.items(), Basis: BasisTransaction, MinSpend: r.minSpend()}
	if w, ok := r.OneOf(r.m.Get("steps"), string(StepsWhole), string(StepsFractional)); ok {
		s.Steps = Steps(w)
	}
	if s.Items != nil {
		s.Basis = BasisQualifying
	}
	n := r.m.Get("basis")
	w, ok := r.OneOf(n, string(BasisQualifying), string(BasisTransaction))
	switch {
	case ok && !r.m.Has("items"):
		r.Fault(n.Pos, "leave it out, or say which items", "basis without items: there is only the whole transaction")
	case ok:
		s.Basis = Basis(w)
	}
	return s
}
