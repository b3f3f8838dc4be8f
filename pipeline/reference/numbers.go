package reference

import (
	"math/big"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

// largest is the largest magnitude that a number of a delivery may have: 10^14 (F49).
var largest = decimal.New(1, 14)

// places is how many decimal places a number of a delivery may have.
const places = 4

// parseNumber reads `-?digits[.digits]` (F49). The reason is empty, bad_number, too_many_places or number_too_large,
// the first of them that holds (F50).
func parseNumber(s string) (d decimal.Decimal, reason string) {
	whole, fraction, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if !allDigits(whole) || dotted && !allDigits(fraction) {
		return d, badNumber
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > places {
		return d, tooManyPlaces
	}
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return d, badNumber
	}
	if strings.HasPrefix(s, "-") {
		n.Neg(n)
	}
	d = decimal.NewFromBigInt(n, -int32(len(fraction)))
	if d.Abs().GreaterThan(largest) {
		return d, numberTooLarge
	}
	return d, ""
}

// allDigits reports whether s is one or more ASCII digits.
func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// wholeSteps returns floor(a / b) for a ≥ 0 and b > 0.
func wholeSteps(a, b decimal.Decimal) decimal.Decimal {
	quotient, _ := a.QuoRem(b, 0)
	return quotient
}

// fraction returns a × b / c without loss.
func fraction(a, b, c decimal.Decimal) *big.Rat {
	return new(big.Rat).Quo(a.Mul(b).Rat(), c.Rat())
}

// round turns an exact amount of zero or more into a multiple of 10^-scale.
func round(exact *big.Rat, scale int, mode program.Rounding) decimal.Decimal {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	scaled := new(big.Int).Mul(exact.Num(), unit)
	units, rest := new(big.Int).QuoRem(scaled, exact.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(exact.Denom()) // -1 below half a unit, 0 half, 1 above
	up := false
	switch mode {
	case program.Floor:
	case program.Ceil:
		up = rest.Sign() > 0
	case program.HalfUp:
		up = half >= 0
	case program.HalfEven:
		up = half > 0 || half == 0 && units.Bit(0) == 1
	}
	if up {
		units.Add(units, big.NewInt(1))
	}
	return decimal.NewFromBigInt(units, -int32(scale))
}

// kept is the formula of all caps: of an amount that takes the running sum to sum (itself included), what stays
// under the cap is min(cap, sum) − min(cap, sum − amount).
func kept(amount, sum, limit decimal.Decimal) decimal.Decimal {
	return decimal.Min(limit, sum).Sub(decimal.Min(limit, sum.Sub(amount)))
}

// notBelowZero returns the larger of d and zero.
func notBelowZero(d decimal.Decimal) decimal.Decimal { return decimal.Max(d, decimal.Zero) }

// ratText writes an exact amount for people: as a decimal where it has one of up to ten places, else as a fraction.
type ratText struct{ *big.Rat }

// String returns the amount's text.
func (r ratText) String() string {
	if n, exact := r.FloatPrec(); exact && n <= 10 {
		return r.FloatString(n)
	}
	return r.RatString()
}
