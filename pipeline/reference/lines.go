package reference

import (
	"slices"

	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

// matches reports whether a line's own columns pass the filter: any include, or there is none, and no exclude.
func matches(f *program.ItemFilter, i Item) bool {
	if f == nil {
		return true // F55: without `items` every line qualifies
	}
	return (f.Include.Empty() || listed(f.Include, i)) && !listed(f.Exclude, i)
}

func listed(m program.ItemMatch, i Item) bool {
	has := func(values []string, v string) bool { return v != "" && slices.Contains(values, v) }
	return has(m.ItemIDs, i.ItemID) || has(m.Categories, i.Category) || has(m.Brands, i.Brand)
}

// anyQualifies reports whether at least one line qualifies.
func (p *purchase) anyQualifies(f *program.ItemFilter) bool {
	return slices.ContainsFunc(p.lines, func(l line) bool { return l.qualifies() && matches(f, l.Item) })
}

// qualifyingSum is the sum of the net amounts of the lines that match, discount lines among them, not below zero and
// at most the spend basis: what was not paid never earns through the lines (F4).
func (p *purchase) qualifyingSum(f *program.ItemFilter) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range p.lines {
		if matches(f, l.Item) {
			sum = sum.Add(l.left)
		}
	}
	return decimal.Min(notBelowZero(sum), p.basis)
}

// units is the net quantity of the lines that match. Quantities alone are looked at, whatever is left of the amounts
// (F20); discount lines have none.
func (p *purchase) units(f *program.ItemFilter) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range p.lines {
		if matches(f, l.Item) {
			sum = sum.Add(l.units)
		}
	}
	return sum
}
