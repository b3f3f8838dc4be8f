package program

import (
	"slices"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// KindMilestone pays on the Nth order, or at each X of cumulative spend.
const KindMilestone Kind = "milestone"

// Milestone pays Earn for every threshold that an order takes the member's running count or sum to or over (F12).
// Counting goes on over all versions that have the rule as a milestone (F11).
type Milestone struct {
	Earn Earn
	// Every is the distance between thresholds: 5 for the 5th, 10th, … order. Zero where At lists them.
	Every decimal.Decimal
	At    []decimal.Decimal // > 0, ascending; nil with Every
	// Sum: thresholds are sums of the orders' spend bases; false: they are numbers of orders, and whole.
	Sum      bool
	Period   pipeline.Period // PerMonth, PerQuarter, PerYear or Lifetime: where counting starts again
	MinSpend *MinSpend
}

// Kind returns KindMilestone.
func (*Milestone) Kind() Kind { return KindMilestone }

// milestonePeriods are the words for the spans that orders are counted over.
var milestonePeriods = map[string]pipeline.Period{
	"lifetime": pipeline.Lifetime, "year": pipeline.PerYear, "quarter": pipeline.PerQuarter, "month": pipeline.PerMonth,
}

func readMilestone(r *ruleReader) Body {
	m := &Milestone{Earn: r.needEarn(), Period: pipeline.Lifetime, MinSpend: r.minSpend()}
	m.Sum = r.sumsSpend()
	every, at := r.m.Get("every"), r.m.Get("at")
	switch {
	case every != nil && at != nil:
		r.Fault(at.Pos, "keep one of them", "a milestone has every or at, not both")
	case !r.m.Has("every") && !r.m.Has("at"):
		r.Fault(r.rule.Pos, "write every: 5 for the 5th, 10th, … order, or at: [5, 20] for those two", "every or at is missing")
	}
	m.Every, _ = r.threshold(every, "every", m.Sum)
	m.At = r.thresholds(at, m.Sum)
	if s, ok := r.OneOf(r.m.Get("period"), "lifetime", "year", "quarter", "month"); ok {
		m.Period = milestonePeriods[s]
	}
	return m
}

// sumsSpend reads what is counted: orders, which is the default, or their spend.
func (r *ruleReader) sumsSpend() bool {
	count, sum := r.m.Get("count"), r.m.Get("sum")
	r.OneOf(count, "orders")
	r.OneOf(sum, "spend")
	if count != nil && sum != nil {
		r.Fault(sum.Pos, "keep one of them", "a milestone counts orders or sums spend, not both")
	}
	return r.m.Has("sum")
}

// threshold reads a number of orders or a sum of spend, more than zero.
func (r *ruleReader) threshold(n *yamlpos.Node, name string, sum bool) (decimal.Decimal, bool) {
	b := bounds{above: true, tooLittle: "the first order is number 1", placesHint: "orders are counted one by one; for spend write sum: spend"}
	if sum {
		b = bounds{above: true, tooLittle: "write how much must be spent", places: spendPlaces, placesHint: spendHint}
	}
	return r.number(n, name, b)
}

// thresholds reads the list of at, in any order, none of them twice.
func (r *ruleReader) thresholds(list *yamlpos.Node, sum bool) []decimal.Decimal {
	items, _ := r.Items(list, "write the orders that it pays for: at: [5, 20]")
	var out []decimal.Decimal
	for _, it := range items {
		v, ok := r.threshold(it, "at", sum)
		switch {
		case !ok:
		case slices.ContainsFunc(out, v.Equal):
			r.Fault(it.Pos, "name it once", "at names %s twice", v)
		default:
			out = append(out, v)
		}
	}
	slices.SortFunc(out, decimal.Decimal.Cmp)
	return out
}
