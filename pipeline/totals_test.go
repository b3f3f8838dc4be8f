package pipeline

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Sums are exact far past 64 bits: against big integers.
func TestSumIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s, twice Sum
		want := new(big.Int)
		for _, n := range rapid.SliceOf(rapid.Int64()).Draw(t, "amounts") {
			s = s.Add(Amount(n))
			twice = twice.Add(Amount(n)).Plus(Sum{}.Add(Amount(n)))
			want.Add(want, big.NewInt(n))
		}
		if s.big().Cmp(want) != 0 {
			t.Fatalf("got %s, want %s", s.big(), want)
		}
		if twice.Minus(s) != s || s.IsZero() != (want.Sign() == 0) {
			t.Fatalf("twice %s less %s is %s", twice.big(), s.big(), twice.Minus(s).big())
		}
		if back, err := ParseSum(want.String()); err != nil || back != s {
			t.Fatalf("%s is read as %s (%v)", want, back.big(), err)
		}
	})
}

func TestSumOfTenBillionLargestAmounts(t *testing.T) {
	s := Sum{}.Add(MaxAmount)
	for range 34 { // 2^34 of them
		s = s.Plus(s)
	}
	if got, want := s.String(), "1717986918400000000000000"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := (Sum{}).Minus(s).Format(2), "-1717986918400000000000000.00"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSumTexts(t *testing.T) {
	for text, want := range map[string]string{"0": "0", "-5": "-0.0005", "33300": "3.33", "-10000": "-1", "123456789012345678901234": "12345678901234567890.1234"} {
		if s, err := ParseSum(text); err != nil || s.String() != want {
			t.Errorf("%s is %s (%v), want %s", text, s, err, want)
		}
	}
	for _, text := range []string{"", "1.5", "1e3", "x", strings.Repeat("9", 39)} {
		if s, err := ParseSum(text); err == nil {
			t.Errorf("%q was read as %s", text, s)
		}
	}
}

func TestTotalsNameBothFigures(t *testing.T) {
	var want, got Totals
	want.Add("points", Reversal, 1, Sum{}.Add(-20000))
	want.Add("points", Accrual, 2, Sum{}.Add(50000))
	want.Add("cashback", Accrual, 1, Sum{}.Add(33300))
	want.Add("points", Accrual, 1, Sum{}.Add(10000))
	var order []string
	for _, s := range want.Sums {
		order = append(order, s.Reward+" "+string(s.Kind)+" "+s.Amount.String())
	}
	if got, want := strings.Join(order, ", "), "cashback accrual 3.33, points accrual 6, points reversal -2"; got != want || len(order) != 3 {
		t.Errorf("got %s, want %s", got, want)
	}
	if d := want.Compare(&want); d != nil {
		t.Errorf("equal totals differ: %q", d)
	}
	got.Add("points", Accrual, 3, Sum{}.Add(60001))
	got.Add("points", Reversal, 2, Sum{}.Add(-20000))
	lines := strings.Join(want.Compare(&got), "; ")
	if lines != "rows of cashback accrual: 1 expected, 0 found, difference -1; "+
		"sum of cashback accrual: 3.33 expected, 0 found, difference -3.33; "+
		"sum of points accrual: 6 expected, 6.0001 found, difference 0.0001; "+
		"rows of points reversal: 1 expected, 2 found, difference 1" {
		t.Errorf("got %s", lines)
	}
}
