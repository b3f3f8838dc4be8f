package pipeline

import (
	"fmt"
	"math/big"
	"math/bits"
	"sort"
)

// Sum is an exact sum of Amounts, in 128 bits: more than 10^10 rows of the largest amount can reach. The zero
// value is zero.
type Sum struct {
	hi int64
	lo uint64
}

// Add returns the sum with a added.
func (s Sum) Add(a Amount) Sum {
	lo, carry := bits.Add64(s.lo, uint64(a), 0)
	return Sum{hi: s.hi + int64(a)>>63 + int64(carry), lo: lo}
}

// Plus returns the sum of two sums.
func (s Sum) Plus(t Sum) Sum {
	lo, carry := bits.Add64(s.lo, t.lo, 0)
	return Sum{hi: s.hi + t.hi + int64(carry), lo: lo}
}

// Minus returns s − t.
func (s Sum) Minus(t Sum) Sum {
	lo, borrow := bits.Sub64(s.lo, t.lo, 0)
	return Sum{hi: s.hi - t.hi - int64(borrow), lo: lo}
}

// IsZero reports whether the sum is zero.
func (s Sum) IsZero() bool { return s == Sum{} }

// ParseSum reads a whole number of ten-thousandths, as a database prints the sum of a BIGINT column.
func ParseSum(text string) (Sum, error) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || n.BitLen() > 126 {
		return Sum{}, fmt.Errorf("%q is not a sum", text)
	}
	lo := new(big.Int).And(n, new(big.Int).SetUint64(^uint64(0)))
	return Sum{hi: new(big.Int).Rsh(n, 64).Int64(), lo: lo.Uint64()}, nil
}

func (s Sum) big() *big.Int {
	n := new(big.Int).Lsh(big.NewInt(s.hi), 64)
	return n.Add(n, new(big.Int).SetUint64(s.lo))
}

// Format writes the sum with the given number of places (0 to 4). Digits beyond them must be zero.
func (s Sum) Format(places int) string {
	n := s.big()
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
		n.Neg(n)
	}
	whole, frac := new(big.Int).QuoRem(n, big.NewInt(int64(Unit)), new(big.Int))
	if places <= 0 {
		return sign + whole.String()
	}
	return sign + whole.String() + "." + fmt.Sprintf("%04d", frac.Int64())[:places]
}

// String writes the sum without trailing zeros.
func (s Sum) String() string { return trimZeros(s.Format(AmountPlaces)) }

// Total is the control total of one reward and kind.
type Total struct {
	Reward string
	Kind   GrantKind
	Rows   int64
	Amount Sum
}

// Totals are control totals: what a stage hands on and the next one must find. Sums are ordered by reward and then
// by kind in the order of GrantKinds; none has zero rows.
type Totals struct {
	Rows int64
	Sums []Total
}

// Add counts rows of one reward and kind.
func (t *Totals) Add(reward string, kind GrantKind, rows int64, amount Sum) {
	t.Rows += rows
	i := sort.Search(len(t.Sums), func(i int) bool {
		s := t.Sums[i]
		return s.Reward > reward || s.Reward == reward && kindPlace(s.Kind) >= kindPlace(kind)
	})
	if i == len(t.Sums) || t.Sums[i].Reward != reward || t.Sums[i].Kind != kind {
		t.Sums = append(t.Sums, Total{})
		copy(t.Sums[i+1:], t.Sums[i:])
		t.Sums[i] = Total{Reward: reward, Kind: kind}
	}
	t.Sums[i].Rows += rows
	t.Sums[i].Amount = t.Sums[i].Amount.Plus(amount)
}

// Compare returns one sentence for each figure in which found differs from t, which holds what it should be: both
// figures and the difference. It is empty where they agree.
func (t *Totals) Compare(found *Totals) []string {
	var out []string
	if t.Rows != found.Rows {
		out = append(out, fmt.Sprintf("rows: %d expected, %d found, difference %d", t.Rows, found.Rows, found.Rows-t.Rows))
	}
	both := &Totals{}
	for _, side := range []*Totals{t, found} {
		for _, s := range side.Sums {
			both.Add(s.Reward, s.Kind, 0, Sum{})
		}
	}
	for _, s := range both.Sums {
		want, got := t.of(s), found.of(s)
		if want.Rows != got.Rows {
			out = append(out, fmt.Sprintf("rows of %s %s: %d expected, %d found, difference %d",
				s.Reward, s.Kind, want.Rows, got.Rows, got.Rows-want.Rows))
		}
		if want.Amount != got.Amount {
			out = append(out, fmt.Sprintf("sum of %s %s: %s expected, %s found, difference %s",
				s.Reward, s.Kind, want.Amount, got.Amount, got.Amount.Minus(want.Amount)))
		}
	}
	return out
}

func (t *Totals) of(key Total) Total {
	for _, s := range t.Sums {
		if s.Reward == key.Reward && s.Kind == key.Kind {
			return s
		}
	}
	return Total{}
}

func kindPlace(k GrantKind) int {
	for i, other := range GrantKinds {
		if k == other {
			return i
		}
	}
	return len(GrantKinds)
}
