package sqlgen

import (
	"fmt"
	"math/big"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
	"accrue/pipeline/program"
)

// earned is the amount of a rule version in ten-thousandths, rounded once, with the clip of per_transaction: steps 2
// and 3 of spec section 6.
func earned(rv *plan.RuleVersion, rule string) string {
	e, wide := earnCases(rv)
	switch {
	case rv.Clip != nil:
		e = fmt.Sprintf("least(%s, %d)", e, *rv.Clip)
	case wide:
		e = fmt.Sprintf("CASE WHEN %s > %d THEN CAST(error(%s || source_id || ' would earn more than 10^14') AS HUGEINT) ELSE %s END",
			e, int64(pipeline.MaxAmount), text("rule "+rule+": "), e)
	}
	return "CAST(" + e + " AS BIGINT)"
}

// earnCases chooses between several earnings by subject or by reward; wide says that HUGEINT is needed.
func earnCases(rv *plan.RuleVersion) (expr string, wide bool) {
	var b strings.Builder
	other := "0"
	for _, e := range rv.Earn {
		x, w := amount(e, largestInput(rv, e.Input))
		wide = wide || w
		switch {
		case e.Subjects != nil:
			fmt.Fprintf(&b, " WHEN subject IN (%s) THEN %s", textList(e.Subjects), x)
		case e.Input == plan.InputGranted:
			fmt.Fprintf(&b, " WHEN reward_no = %d THEN %s", e.Reward, x)
		default:
			other = x
		}
	}
	if b.Len() == 0 {
		return other, wide
	}
	return "CASE" + b.String() + " ELSE " + other + " END", wide
}

// For choosing between BIGINT and HUGEINT.
var (
	maxMoney  = big.NewInt(int64(pipeline.MaxAmount))
	maxBigint = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 63), big.NewInt(1))
)

// inputColumn names the column of an input in the statement around it.
var inputColumn = map[plan.Input]string{
	plan.InputNone: "1", plan.InputBasis: "basis", plan.InputQualifying: "qualifying", plan.InputUnits: "units",
	plan.InputGranted: "granted", plan.InputValue: "coalesce(value_units, 0)", plan.InputCode: "code_earn", plan.InputCrossed: "crossed",
}

// largestInput bounds an input: money by what a delivery may hold, grants by what candidates may reach, units by the
// BIGINT that their sum was cast to.
func largestInput(rv *plan.RuleVersion, in plan.Input) *big.Int {
	switch in {
	case plan.InputNone:
		return big.NewInt(1)
	case plan.InputUnits:
		return maxBigint
	case plan.InputCrossed:
		return mostCrossed(rv.Count)
	case plan.InputCode:
		return plan.Code{}.Largest()
	case plan.InputGranted:
		return new(big.Int).Mul(maxMoney, big.NewInt(int64(len(rv.Of))))
	}
	return maxMoney
}

// amount is `round(steps · Num / Den) · Unit` for inputs from 0 to top.
func amount(e plan.Earn, top *big.Int) (expr string, wide bool) {
	num, den, largest := commonRate(e.ByTier)
	stepMul, stepDiv := bigOf(e.StepMul), bigOf(e.StepDiv)
	// The largest value that any step can reach: before the division, and times the rate.
	peak := new(big.Int).Set(top)
	steps := new(big.Int).Set(top)
	if stepDiv.Sign() > 0 {
		peak.Mul(top, stepMul)
		steps.Add(new(big.Int).Div(peak, stepDiv), big.NewInt(1))
	}
	product := new(big.Int).Mul(steps, largest)
	product.Mul(product.Add(product, den), big.NewInt(2)) // room for rounding
	result := new(big.Int).Mul(new(big.Int).Add(new(big.Int).Div(product, den), big.NewInt(1)), big.NewInt(e.Unit))
	for _, p := range []*big.Int{product, result, stepDiv} {
		if p.Cmp(peak) > 0 {
			peak = p
		}
	}
	wide = peak.Cmp(maxBigint) > 0
	x := inputColumn[e.Input]
	if wide {
		x = "CAST(" + x + " AS HUGEINT)"
	}
	if stepDiv.Sign() > 0 {
		if stepMul.Cmp(big.NewInt(1)) != 0 {
			x += " * " + literal(stepMul)
		}
		x = "(" + x + " // " + literal(stepDiv) + ")"
	}
	return fmt.Sprintf("%s * %d", rounded(times(x, num), den, e.Rounding), e.Unit), wide || result.Cmp(maxMoney) > 0
}

func times(x, num string) string {
	switch {
	case num == "1":
		return x
	case x == "1":
		return num
	}
	return x + " * " + num
}

// rounded divides v ≥ 0 by den and rounds. Integer `//` truncates, which is floor here.
func rounded(v string, den *big.Int, r program.Rounding) string {
	if den.Cmp(big.NewInt(1)) == 0 {
		return "(" + v + ")"
	}
	d := literal(den)
	switch r {
	case program.Ceil:
		return fmt.Sprintf("((%s + %s) // %s)", v, literal(new(big.Int).Sub(den, big.NewInt(1))), d)
	case program.HalfUp:
		return fmt.Sprintf("((2 * (%s) + %s) // %s)", v, d, literal(new(big.Int).Lsh(den, 1)))
	case program.HalfEven:
		q := fmt.Sprintf("((%s) // %s)", v, d)
		twice := fmt.Sprintf("(2 * ((%s) %% %s))", v, d)
		return fmt.Sprintf("(%s + CASE WHEN %s > %s OR %s = %s AND %s %% 2 = 1 THEN 1 ELSE 0 END)", q, twice, d, twice, d, q)
	}
	return fmt.Sprintf("((%s) // %s)", v, d)
}

// commonRate brings the rates of all tiers to one denominator.
func commonRate(rates []plan.Rate) (num string, den, largest *big.Int) {
	den, largest = big.NewInt(1), big.NewInt(0)
	for _, r := range rates {
		d := bigOf(r.Den)
		den.Mul(den, new(big.Int).Div(d, new(big.Int).GCD(nil, nil, den, d)))
	}
	nums := make([]string, len(rates))
	for i, r := range rates {
		n := new(big.Int).Mul(bigOf(r.Num), new(big.Int).Div(den, bigOf(r.Den)))
		nums[i] = literal(n)
		if n.Cmp(largest) > 0 {
			largest = n
		}
	}
	if len(nums) == 1 {
		return nums[0], den, largest
	}
	var b strings.Builder
	for i, n := range nums {
		fmt.Fprintf(&b, " WHEN %d THEN %s", i, n)
	}
	return "CASE tier_no" + b.String() + " ELSE 0 END", den, largest
}

func bigOf(i plan.Int) *big.Int {
	n, _ := new(big.Int).SetString(i.String(), 10)
	return n
}

// literal writes an integer so that it is exact whatever its size: beyond 18 digits a bare one could be read as
// DOUBLE.
func literal(n *big.Int) string {
	if s := n.String(); len(s) > 18 {
		return "CAST('" + s + "' AS HUGEINT)"
	}
	return n.String()
}
