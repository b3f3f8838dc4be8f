package reference

import (
	"fmt"
	"sort"

	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

// purchase is a transaction after its returns were taken off.
type purchase struct {
	Transaction
	fullyReturned bool
	basis         decimal.Decimal // the spend basis
	basisText     string          // how it comes about, for people
	lines         []line          // in order of line_no
}

// line is one line of a purchase, with what returns left of it.
type line struct {
	Item
	left  decimal.Decimal // net amount; as sold for a discount line
	units decimal.Decimal // net quantity; zero for a discount line
}

// discount reports whether the line is a discount line: it lowers sums and does nothing else (F23).
func (l line) discount() bool { return l.Amount.IsNegative() }

// qualifies reports whether there is anything left to qualify (F20): of a line of which an amount was sold some
// amount, of one sold at zero some quantity.
func (l line) qualifies() bool {
	if l.Amount.IsPositive() {
		return l.left.IsPositive()
	}
	return !l.discount() && l.units.IsPositive()
}

// net takes the returns off a transaction, as the version p says that is in force on its business date (F22). With
// `returns: ignore` there are none.
func net(t Transaction, items []Item, returns []Return, p *program.Program) *purchase {
	if p.Returns == program.ReturnsIgnore {
		returns = nil
	}
	out := &purchase{Transaction: t}
	returned := sumReturns(returns)
	out.fullyReturned = len(returns) > 0 && returned.GreaterThanOrEqual(t.Amount)
	out.netBasis(returns, returned, p.Exclude)
	for _, item := range items {
		out.lines = append(out.lines, line{Item: item})
	}
	sort.Slice(out.lines, func(i, j int) bool { return lineNoLess(out.lines[i].LineNo, out.lines[j].LineNo) })
	var whole []Return // returns without line_no
	byLine := map[string][]Return{}
	for _, r := range returns {
		if r.LineNo == "" {
			whole = append(whole, r)
		} else {
			byLine[r.LineNo] = append(byLine[r.LineNo], r)
		}
	}
	for i := range out.lines {
		out.lines[i].netOwn(byLine[out.lines[i].LineNo])
	}
	spread(out.lines, sumReturns(whole))
	return out
}

func sumReturns(returns []Return) decimal.Decimal {
	sum := decimal.Zero
	for _, r := range returns {
		sum = sum.Add(r.Amount)
	}
	return sum
}

// netBasis sets the spend basis: max(0, amount − returned − Σ over excluded parts of max(0, part − returned part))
// (F19).
func (p *purchase) netBasis(returns []Return, returned decimal.Decimal, exclude []program.Part) {
	basis := p.Amount.Sub(returned)
	p.basisText = p.Amount.String()
	if len(returns) > 0 {
		p.basisText += " − " + returned.String() + " returned"
	}
	for _, part := range exclude {
		back := decimal.Zero
		for _, r := range returns {
			back = back.Add(r.Parts[part])
		}
		left := notBelowZero(p.Parts[part].Sub(back))
		basis = basis.Sub(left)
		switch {
		case left.IsZero():
		case back.IsZero():
			p.basisText += " − " + left.String() + " " + string(part)
		default:
			p.basisText += fmt.Sprintf(" − (%s − %s returned) %s", p.Parts[part], back, part)
		}
	}
	if p.basis = notBelowZero(basis); basis.IsNegative() {
		p.basisText += ", not below zero"
	}
}

// netOwn takes the returns that name this line off it. A line never falls below zero; what exceeds it is not moved to
// others (F18). A discount line takes no part (F23).
func (l *line) netOwn(own []Return) {
	if l.discount() {
		l.left, l.units = l.Amount, decimal.Zero
		return
	}
	returned, back, unsaid := sumReturns(own), decimal.Zero, false
	for _, r := range own {
		if r.Quantity == nil {
			unsaid = true
		} else {
			back = back.Add(*r.Quantity)
		}
	}
	l.left = notBelowZero(l.Amount.Sub(returned))
	l.units = notBelowZero(l.Quantity.Sub(back))
	if unsaid && returned.GreaterThanOrEqual(l.Amount) {
		l.units = decimal.Zero // F18: the amount is used up, so the units that nobody counted are gone too
	}
}

// spread takes R, the sum of the returns without line_no, off the lines in their order: with the running sum C of
// what the returns with line_no left and its total A, line i loses rhu(R × C_i / A) − rhu(R × C_(i−1) / A), rounded
// half up to four places (section 6, F16). Quantities stay.
func spread(lines []line, r decimal.Decimal) {
	total := decimal.Zero
	for _, l := range lines {
		if !l.discount() {
			total = total.Add(l.left)
		}
	}
	if total.IsZero() || r.IsZero() {
		return
	}
	share := func(c decimal.Decimal) decimal.Decimal { return round(fraction(r, c, total), places, program.HalfUp) }
	running := decimal.Zero
	for i := range lines {
		if lines[i].discount() {
			continue
		}
		before := share(running)
		running = running.Add(lines[i].left)
		lines[i].left = notBelowZero(lines[i].left.Sub(share(running).Sub(before)))
	}
}

// lineNoLess orders line numbers: those that are all digits come first, by their length and then their bytes, which is
// their numeric order; the others by bytes (F53).
func lineNoLess(a, b string) bool {
	an, bn := allDigits(a), allDigits(b)
	if an != bn {
		return an
	}
	if an && len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
