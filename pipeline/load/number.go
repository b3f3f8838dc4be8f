package load

import (
	"math/big"
	"strings"

	"accrue/pipeline"
	"accrue/schemas"
)

// maxWhole is the number of digits before the point beyond which no number is read: more than 10^14 has.
const maxWhole = 15

// parseNumber reads `-?digits[.digits]` (F49) as ten-thousandths. Of its faults the first in the order of F50 is
// given; "" for none. Zeros in front and behind say nothing, nor does the sign of zero.
func parseNumber(b []byte) (v int64, reason schemas.RejectReason) {
	whole, frac, negative, ok := splitNumber(b)
	switch {
	case !ok:
		return 0, badNumber
	case len(frac) > pipeline.AmountPlaces:
		return 0, tooManyPlaces
	case len(whole) > maxWhole:
		return 0, numberTooLarge
	}
	for _, c := range whole {
		v = v*10 + int64(c-'0')
	}
	for i := 0; i < pipeline.AmountPlaces; i++ {
		v *= 10
		if i < len(frac) {
			v += int64(frac[i] - '0')
		}
	}
	if v > int64(pipeline.MaxAmount) {
		return 0, numberTooLarge
	}
	if negative {
		v = -v
	}
	return v, ""
}

// splitNumber cuts a number into its digits before the point, without zeros in front, and behind it, without zeros
// at the end.
func splitNumber(b []byte) (whole, frac []byte, negative, ok bool) {
	if len(b) > 0 && b[0] == '-' {
		b, negative = b[1:], true
	}
	n := countDigits(b)
	if n == 0 {
		return nil, nil, false, false
	}
	whole = b[:n]
	if b = b[n:]; len(b) > 0 {
		if b[0] != '.' || len(b) == 1 || countDigits(b[1:]) != len(b)-1 {
			return nil, nil, false, false
		}
		frac = b[1:]
	}
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
	}
	for len(frac) > 0 && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	return whole, frac, negative, true
}

func countDigits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// total is the exact sum of the amounts of a file, those of rejected rows included as far as they are numbers (F54).
type total struct {
	sum pipeline.Sum // of those that can be accepted
	odd *big.Rat     // of the others: more places, or larger; nil for none
}

// mostDigits bounds the numbers that are added up: no sender's control total is longer.
const mostDigits = 100

// add takes an amount that can be accepted.
func (t *total) add(v int64) { t.sum = t.sum.Add(pipeline.Amount(v)) }

// addOdd takes the text of an amount that cannot be accepted; what is no number adds nothing.
func (t *total) addOdd(text []byte) {
	if r, ok := exactNumber(string(text)); ok {
		if t.odd == nil {
			t.odd = new(big.Rat)
		}
		t.odd.Add(t.odd, r)
	}
}

// exactNumber reads a number of any size, as F49 writes it.
func exactNumber(text string) (*big.Rat, bool) {
	if _, _, _, ok := splitNumber([]byte(text)); !ok || len(text) > mostDigits {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

func (t *total) plus(u total) {
	t.sum = t.sum.Plus(u.sum)
	if u.odd != nil {
		if t.odd == nil {
			t.odd = new(big.Rat)
		}
		t.odd.Add(t.odd, u.odd)
	}
}

// exact returns the sum as a fraction of whole units.
func (t total) exact() *big.Rat {
	r, _ := new(big.Rat).SetString(t.sum.String())
	if t.odd != nil {
		r.Add(r, t.odd)
	}
	return r
}

// mostStored is what a column of 128 bits surely holds.
var mostStored = new(big.Int).Exp(big.NewInt(10), big.NewInt(37), nil)

// stored returns the sum in whole ten-thousandths, for the warehouse: what is finer is cut off, and a sum that no
// column holds is cut to the largest.
func (t total) stored() string {
	r := t.exact()
	r.Mul(r, new(big.Rat).SetInt64(int64(pipeline.Unit)))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if n.CmpAbs(mostStored) > 0 {
		n.Mul(mostStored, big.NewInt(int64(n.Sign())))
	}
	return n.String()
}

// formatExact writes a fraction as a decimal without zeros at the end. It must have no more than mostDigits places.
func formatExact(r *big.Rat) string {
	s := r.FloatString(mostDigits)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
