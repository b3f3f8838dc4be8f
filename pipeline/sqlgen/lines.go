package sqlgen

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
	"accrue/pipeline/program"
)

// lines makes one table per distinct filter: what the qualifying lines of a transaction add up to.
func (g *generator) lines() {
	if len(g.plan.Lines) == 0 {
		return
	}
	amount, quantity, join := "i.amount", "i.quantity", ""
	if g.nets() {
		g.netLines()
		amount, quantity = "coalesce(n.amount, i.amount)", "coalesce(n.quantity, i.quantity)"
		join = "\n  LEFT JOIN eval_net_lines n ON n.transaction_id = i.transaction_id AND n.line_no = i.line_no"
	}
	for k, l := range g.plan.Lines {
		// A discount line lowers the sum and nothing else (F23); a line of which nothing is left does not qualify
		// any more (F20), though quantity looks at quantities alone. A sum below zero counts as zero, and one beyond
		// MaxAmount as the spend basis, which is not larger (F4).
		units, sum := "", ""
		if g.countsUnits(k) {
			units = fmt.Sprintf(",\n  CAST(CASE WHEN units > %d THEN error(concat('transaction ', transaction_id, ': the quantities of its lines add up to more than 64 bits hold'))\n"+
				"    ELSE units END AS BIGINT) AS units", int64(math.MaxInt64))
			sum = fmt.Sprintf(",\n    coalesce(sum(%s) FILTER (WHERE i.amount >= 0), 0) AS units", quantity)
		}
		g.add("lines", fmt.Sprintf(`CREATE TEMP TABLE lines_%d AS
SELECT transaction_id, CAST(least(greatest(qualifying, 0), %d) AS BIGINT) AS qualifying, line_count%s
FROM (
  SELECT i.transaction_id, sum(%s) AS qualifying,
    count(*) FILTER (WHERE i.amount > 0 AND %s > 0 OR i.amount = 0 AND %s > 0) AS line_count%s
  FROM %s i%s%s
  GROUP BY i.transaction_id
)`, k, int64(pipeline.MaxAmount), units, amount, amount, quantity, sum, g.facts.Table("items"), join, where(lineFilter(l.Filter))))
	}
}

// countsUnits reports whether a rule with the filter counts units. Where none does, no sum of quantities may stop a night.
func (g *generator) countsUnits(filter int) bool {
	return slices.ContainsFunc(g.plan.Rules, func(r *plan.Rule) bool {
		return slices.ContainsFunc(r.Versions, func(rv *plan.RuleVersion) bool { return rv.Lines == filter && inputs(rv)[plan.InputUnits] })
	})
}

// dropLines drops what only candidates of purchases look at.
func (g *generator) dropLines() {
	for k := range g.plan.Lines {
		g.drop(fmt.Sprintf("lines_%d", k))
	}
	if len(g.plan.Lines) > 0 && g.nets() {
		g.drop("eval_net_lines")
	}
}

func where(conds []string) string {
	if len(conds) == 0 {
		return ""
	}
	return "\nWHERE " + strings.Join(conds, " AND ")
}

// lineFilter: any include (or there is none) and no exclude.
func lineFilter(f program.ItemFilter) []string {
	match := func(m program.ItemMatch) string {
		var any []string
		for _, c := range []struct {
			column string
			values []string
		}{{"item_id", m.ItemIDs}, {"category", m.Categories}, {"brand", m.Brands}} {
			if c.values != nil {
				any = append(any, fmt.Sprintf("coalesce(i.%s IN (%s), FALSE)", c.column, textList(c.values)))
			}
		}
		return "(" + strings.Join(any, " OR ") + ")"
	}
	var out []string
	if !f.Include.Empty() {
		out = append(out, match(f.Include))
	}
	if !f.Exclude.Empty() {
		out = append(out, "NOT "+match(f.Exclude))
	}
	return out
}

// ItemColumns lists the columns of items that the statements look at.
func ItemColumns(p *plan.Plan) []string {
	out := []string{"transaction_id", "line_no", "amount", "quantity"}
	asks := func(has func(program.ItemMatch) bool) bool {
		return slices.ContainsFunc(p.Lines, func(l plan.LineSet) bool { return has(l.Filter.Include) || has(l.Filter.Exclude) })
	}
	if asks(func(m program.ItemMatch) bool { return m.ItemIDs != nil }) {
		out = append(out, "item_id")
	}
	if asks(func(m program.ItemMatch) bool { return m.Categories != nil }) {
		out = append(out, "category")
	}
	if asks(func(m program.ItemMatch) bool { return m.Brands != nil }) {
		out = append(out, "brand")
	}
	return out
}

// netLines works out what returns left of the lines of the transactions that have any (spec section 6, F16 to F18).
func (g *generator) netLines() {
	var recompute []int64
	for i, v := range g.plan.Family.Versions {
		if v.Returns == program.ReturnsRecompute {
			recompute = append(recompute, int64(i))
			if i == 0 {
				recompute = append(recompute, -1) // before the first version: as the first one (F22)
			}
		}
	}
	// half_up(R × C / A, 4 places) with all three in ten-thousandths.
	share := func(c string) string {
		return fmt.Sprintf("((2 * unlined * (%s) + total) // (2 * total))", c)
	}
	g.add("net lines", fmt.Sprintf(`CREATE TEMP TABLE eval_net_lines AS
WITH lined AS (
  SELECT transaction_id, line_no, sum(amount) AS amount, sum(coalesce(quantity, 0)) AS quantity,
    bool_or(quantity IS NULL) AS without_quantity
  FROM %s WHERE line_no IS NOT NULL GROUP BY transaction_id, line_no
), kept AS (
  SELECT i.transaction_id, i.line_no, i.amount AS sold, r.unlined,
    CASE WHEN i.amount < 0 THEN CAST(i.amount AS HUGEINT) ELSE greatest(0, i.amount - coalesce(l.amount, 0)) END AS amount,
    CASE WHEN coalesce(l.without_quantity AND l.amount >= i.amount, FALSE) THEN 0
      ELSE greatest(0, i.quantity - coalesce(l.quantity, 0)) END AS quantity
  FROM %s i JOIN eval_returns r ON r.transaction_id = i.transaction_id
    JOIN eval_tx t ON t.source_id = i.transaction_id AND t.ver IN (%s)
    LEFT JOIN lined l ON l.transaction_id = i.transaction_id AND l.line_no = i.line_no
), running AS (
  SELECT *, CAST(sum(CASE WHEN sold > 0 THEN CAST(amount AS BIGINT) ELSE 0 END) OVER (PARTITION BY transaction_id
      ORDER BY CASE WHEN regexp_full_match(line_no, '[0-9]+') THEN length(line_no) ELSE 2000000000 END, line_no
      ROWS UNBOUNDED PRECEDING) AS HUGEINT) AS upto,
    CAST(sum(CASE WHEN sold > 0 THEN CAST(amount AS BIGINT) ELSE 0 END) OVER (PARTITION BY transaction_id) AS HUGEINT) AS total
  FROM kept
)
SELECT transaction_id, line_no, CAST(quantity AS BIGINT) AS quantity,
  CAST(CASE WHEN sold > 0 AND total > 0 THEN greatest(0, amount - (%s - %s)) ELSE amount END AS BIGINT) AS amount
FROM running`, g.facts.Table("returns"), g.facts.Table("items"), intList(recompute), share("upto"), share("upto - amount")))
}
