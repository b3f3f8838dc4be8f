package sqlgen

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"accrue/pipeline/plan"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// exact is round(steps · num / den) · unit in rationals: the formula of plan.Earn worked out another way.
func exact(e plan.Earn, x *big.Int) *big.Int {
	steps := new(big.Rat).SetInt(x)
	if !e.StepDiv.IsZero() {
		q := new(big.Rat).SetFrac(new(big.Int).Mul(x, bigOf(e.StepMul)), bigOf(e.StepDiv))
		steps.SetInt(new(big.Int).Div(q.Num(), q.Denom()))
	}
	v := steps.Mul(steps, new(big.Rat).SetFrac(bigOf(e.ByTier[0].Num), bigOf(e.ByTier[0].Den)))
	whole := new(big.Int).Div(v.Num(), v.Denom())
	rest := new(big.Rat).Sub(v, new(big.Rat).SetInt(whole))
	up := false
	switch c := rest.Cmp(big.NewRat(1, 2)); e.Rounding {
	case program.Ceil:
		up = rest.Sign() > 0
	case program.HalfUp:
		up = c >= 0
	case program.HalfEven:
		up = c > 0 || c == 0 && whole.Bit(0) == 1
	}
	if up {
		whole.Add(whole, big.NewInt(1))
	}
	return whole.Mul(whole, big.NewInt(e.Unit))
}

func TestAmountsAreExact(t *testing.T) {
	ctx := context.Background()
	db, err := warehouse.Open(ctx, warehouse.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(n ...int64) *big.Int { return big.NewInt(n[rnd.IntN(len(n))]) }
	checked, wideSeen, narrowSeen := 0, false, false
	for i := 0; i < 400; i++ {
		r := new(big.Rat).SetFrac(pick(1, 2, 3, 5, 25, 333333, 2333333, 1_000_000, 987654321, 100_000_000_000_000),
			pick(1, 3, 7, 10, 100, 10_000, 1_000_000, 3_000_000, 999_999_999_999))
		e := plan.Earn{Input: plan.InputBasis, ByTier: []plan.Rate{rateOf(r)}, Unit: pick(1, 10, 100, 1000, 10_000).Int64(),
			Rounding: []program.Rounding{program.Floor, program.Ceil, program.HalfUp, program.HalfEven}[rnd.IntN(4)]}
		if rnd.IntN(2) == 0 {
			e.StepMul, e.StepDiv = intOf(pick(1, 10, 1_000_000)), intOf(pick(1, 3, 1000, 1_000_000, 2_333_333, 100_000_000_000_000_000))
		}
		expr, wide := amount(e, maxMoney)
		wideSeen, narrowSeen = wideSeen || wide, narrowSeen || !wide
		var xs []string
		var want []*big.Int
		for _, x := range []*big.Int{pick(0, 1, 5, 25, 50, 9_999), big.NewInt(rnd.Int64N(1_000_000)), big.NewInt(rnd.Int64N(1_000_000_000_000)),
			big.NewInt(rnd.Int64N(1_000_000_000_000_000_000)), maxMoney} {
			if w := exact(e, x); w.BitLen() < 120 {
				xs, want = append(xs, "("+x.String()+")"), append(want, w)
			}
		}
		if len(xs) == 0 {
			continue
		}
		k := 0
		var got, typ string
		err := db.Each(ctx, fmt.Sprintf("SELECT CAST(%s AS VARCHAR), typeof(%s) FROM (VALUES %s) t(basis)", expr, expr, strings.Join(xs, ", ")), nil,
			[]any{&got, &typ}, func() error {
				if got != want[k].String() || (typ != "BIGINT" && typ != "HUGEINT" && typ != "INTEGER") {
					t.Errorf("%s of %s: %s (%s), want %s", expr, xs[k], got, typ, want[k])
				}
				k++
				checked++
				return nil
			})
		// A product past 128 bits must stop the run; it must never be silent.
		if err != nil && !strings.Contains(err.Error(), "Overflow") {
			t.Errorf("%s: %v", expr, err)
		}
	}
	if checked < 1000 || !wideSeen || !narrowSeen {
		t.Errorf("checked %d amounts, wide %t, narrow %t: too few to mean anything", checked, wideSeen, narrowSeen)
	}
}

func rateOf(r *big.Rat) plan.Rate { return plan.Rate{Num: intOf(r.Num()), Den: intOf(r.Denom())} }

func intOf(n *big.Int) plan.Int { return plan.NewInt(n) }

// What makes the detour over integers necessary, so that nobody takes the short way again.
func TestTrapsOfDuckDB(t *testing.T) {
	ctx := context.Background()
	db, err := warehouse.Open(ctx, warehouse.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	one := func(q string) string {
		var s string
		if err := db.QueryRow(ctx, "SELECT CAST("+q+" AS VARCHAR)").Scan(&s); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		return s
	}
	for _, c := range []struct{ query, want, why string }{
		{"floor(0.30::DECIMAL(18,2) / 0.10::DECIMAL(18,2))", "2.0", "division of decimals is DOUBLE: the true answer is 3"},
		{"typeof(7::DECIMAL(18,2) // 2::DECIMAL(18,2))", "DOUBLE", "integer division of decimals is DOUBLE too"},
		{"CAST('1.239' AS DECIMAL(18,2))", "1.24", "a cast rounds in silence"},
		{"CAST('1e2' AS DECIMAL(18,2))", "100.00", "and takes exponents"},
		{"3000 // 1000", "3", "integers divide exactly: 0.30 / 0.10 in ten-thousandths"},
		{"CAST(170141183460469231731687303715884105727 AS HUGEINT) // 3", "56713727820156410577229101238628035242", "HUGEINT too"},
	} {
		if got := one(c.query); got != c.want {
			t.Errorf("%s is %s here, was %s: %s", c.query, got, c.want, c.why)
		}
	}
	var s string
	if err := db.QueryRow(ctx, "SELECT typeof(sum(x)) FROM (SELECT 1::BIGINT AS x)").Scan(&s); err != nil || s != "HUGEINT" {
		t.Errorf("sum of BIGINT is %s (%v), want HUGEINT: sums of 10^10 rows fit", s, err)
	}
	if err := db.QueryRow(ctx, "SELECT CAST(9000000000000000000::HUGEINT * 1000000000000000000::HUGEINT * 100 AS VARCHAR)").Scan(&s); err == nil {
		t.Errorf("a product past HUGEINT gives %s, want an error", s)
	}
}
