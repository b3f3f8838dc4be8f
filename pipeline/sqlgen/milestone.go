package sqlgen

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
)

// milestones renders the candidates of the versions in which a rule counts orders. The eligible orders of all of them
// are counted together, for each version in its own way; an order's own version says which thresholds it crosses (F11,
// F12).
func (g *generator) milestones(r *plan.Rule, counting []*plan.RuleVersion) string {
	orders, crossed, windows := g.countOrders(r, counting)
	amounts := map[int]string{}
	for _, rv := range counting {
		amounts[rv.Ver] = earned(rv, r.ID)
	}
	return fmt.Sprintf(`SELECT %s FROM (
  SELECT *, %s AS amount FROM (
%s
  ) WHERE crossed > 0
) WHERE amount > 0`, g.newColumns(r), byVersion("ver", amounts, len(g.plan.Family.Versions), "0"), g.crossed(orders, crossed, windows))
}

// countOrders returns the eligible orders of each version, how many thresholds one crosses by version, and the running
// counts that this is seen from.
func (g *generator) countOrders(r *plan.Rule, counting []*plan.RuleVersion) (orders []string, crossed map[int]string, windows []string) {
	crossed = map[int]string{}
	for _, rv := range counting {
		orders = append(orders, g.fromTransactions(r, rv).sql())
		w := g.runningCount(rv.Count)
		k := slices.Index(windows, w)
		if k < 0 {
			k = len(windows)
			windows = append(windows, w)
		}
		crossed[rv.Ver] = crosses(rv.Count, fmt.Sprintf("s%d", k))
	}
	for k := range windows {
		windows[k] += fmt.Sprintf(" AS s%d", k)
	}
	return orders, crossed, windows
}

// crossed selects orders with the number of thresholds that each of them crosses.
func (g *generator) crossed(orders []string, crossed map[int]string, windows []string) string {
	return fmt.Sprintf(`    SELECT *, CAST(%s AS BIGINT) AS crossed FROM (
      SELECT o.*, %s
      FROM (
%s
      ) o
    )`, byVersion("ver", crossed, len(g.plan.Family.Versions), "0"), strings.Join(windows, ",\n        "),
		strings.Join(orders, "\n    UNION ALL\n"))
}

// runningCount is the member's count of orders, or sum of their spend, up to and with each order of the period.
func (g *generator) runningCount(c *plan.Count) string {
	partition := "o.member_no"
	if c.Period != pipeline.Lifetime {
		partition += ", " + periodKey(c.Period, "o.day")
	}
	in := "(PARTITION BY " + partition + " ORDER BY o.us, o.source_id"
	if !c.Sum {
		return "row_number() OVER " + in + ")"
	}
	sum := "sum(o.basis) OVER " + in + " ROWS UNBOUNDED PRECEDING)"
	if g.facts.SpendFits { // dividing HUGEINTs takes as long as the window
		sum = "CAST(" + sum + " AS BIGINT)"
	}
	return sum
}

// crosses counts the thresholds T with before < T ≤ s, where s is the running count with the order and before is
// without it.
func crosses(c *plan.Count, s string) string {
	before := s + " - 1"
	if c.Sum {
		before = s + " - basis"
	}
	if c.Every > 0 {
		return fmt.Sprintf("(%s) // %d - (%s) // %d", s, c.Every, before, c.Every)
	}
	at := make([]string, len(c.At))
	for i, t := range c.At {
		at[i] = fmt.Sprintf("CASE WHEN %s < %d AND %s >= %d THEN 1 ELSE 0 END", before, t, s, t)
	}
	return strings.Join(at, " + ")
}

// mostCrossed bounds how many thresholds one order can cross: the next order is the next number, a sum grows by at most
// the largest spend basis.
func mostCrossed(c *plan.Count) *big.Int {
	switch {
	case !c.Sum:
		return big.NewInt(1)
	case c.Every > 0:
		most := new(big.Int).Div(maxMoney, big.NewInt(c.Every))
		return most.Add(most, big.NewInt(1))
	}
	return big.NewInt(int64(len(c.At)))
}

// sumsSpend: some version's thresholds are sums of spend, so that the orders of all versions carry theirs.
func sumsSpend(r *plan.Rule) bool {
	return slices.ContainsFunc(r.Versions, func(rv *plan.RuleVersion) bool { return rv.Count != nil && rv.Count.Sum })
}
