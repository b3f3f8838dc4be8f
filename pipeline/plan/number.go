package plan

import (
	"math/big"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
)

// Int is an integer of any size. The zero value is 0.
type Int struct{ v *big.Int }

// String returns the decimal digits.
func (i Int) String() string {
	if i.v == nil {
		return "0"
	}
	return i.v.String()
}

// IsZero reports whether the integer is 0.
func (i Int) IsZero() bool { return i.v == nil || i.v.Sign() == 0 }

// IsOne reports whether the integer is 1.
func (i Int) IsOne() bool { return i.v != nil && i.v.IsInt64() && i.v.Int64() == 1 }

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// ratio returns d as an exact fraction.
func ratio(d decimal.Decimal) *big.Rat { return d.Rat() }

// units returns d in ten-thousandths. The program's checks keep d to four places.
func units(d decimal.Decimal) int64 { return d.Shift(pipeline.AmountPlaces).IntPart() }

func unitsPtr(d *decimal.Decimal) *int64 {
	if d == nil {
		return nil
	}
	u := units(*d)
	return &u
}

// rate returns r as a fraction in lowest terms.
func rate(r *big.Rat) Rate { return Rate{Num: Int{r.Num()}, Den: Int{r.Denom()}} }

// NewInt returns n as an Int.
func NewInt(n *big.Int) Int { return Int{n} }
