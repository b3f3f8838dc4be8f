package sqlgen

import (
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
)

// spendTiers makes eval_tiers: for every member who can be above the resting tier, the tiers from spend as spans of
// dates (F21). What was spent on day x counts on the dates x + 1 to x + w for a window of w days: it comes in with one
// event and goes out with another, and the running sum of a member's events is the window's sum on every date.
func (g *generator) spendTiers() {
	if len(g.plan.SpendTiers) == 0 {
		return
	}
	sum := "sum(basis)"
	if g.facts.SpendFits {
		sum = "CAST(sum(basis) AS BIGINT)"
	}
	basis, _ := g.basis()
	g.add("spend by date", fmt.Sprintf(`CREATE TEMP TABLE eval_spend AS
%s
SELECT member_no, day, %s AS spent FROM (
  SELECT d.member_no, d.day, %s AS basis FROM dated d%s
) WHERE basis > 0 GROUP BY member_no, day`,
		g.dated("transactions", "transaction_id", g.currency(), g.amountColumns()), sum, basis, g.returnsJoin("yes")))
	g.add("tiers from spend", g.tierSpans())
	g.drop("eval_spend")
}

// tierSpans turns the events into spans. Only members who spent more than the smallest threshold in all their life can
// ever be over one: for all others there is nothing to add up. A tier changes where the sums with an event, s, give
// another than those without it, s − d.
func (g *generator) tierSpans() string {
	sum := "sum(d%d) AS d%d"
	if g.facts.SpendFits {
		sum = "CAST(sum(d%d) AS BIGINT) AS d%d"
	}
	var in, out, daily, running []string
	for w, days := range g.plan.Windows {
		in = append(in, fmt.Sprintf("spent AS d%d", w))
		daily = append(daily, fmt.Sprintf(sum, w, w))
		running = append(running, fmt.Sprintf("sum(d%d) OVER (PARTITION BY member_no ORDER BY from_day ROWS UNBOUNDED PRECEDING) AS s%d", w, w))
		if days == 0 {
			continue
		}
		cols := make([]string, len(g.plan.Windows))
		for i := range cols {
			cols[i] = "0"
		}
		cols[w] = "-spent"
		out = append(out, fmt.Sprintf("\n  UNION ALL SELECT member_no, day + %d, %s FROM spent WHERE day + %d <= %d",
			1+days, strings.Join(cols, ", "), 1+days, g.plan.Horizon))
	}
	var now, resting, changed, names []string
	for _, st := range g.plan.SpendTiers {
		name := fmt.Sprintf("tier_%d", st.Ver)
		names = append(names, name)
		now = append(now, fmt.Sprintf("CAST(%s AS TINYINT) AS %s", spendTier(st, ""), name))
		resting = append(resting, fmt.Sprintf("CAST(%d AS TINYINT)", st.Resting))
		changed = append(changed, fmt.Sprintf("%s <> %s", spendTier(st, ""), spendTier(st, " - d")))
	}
	//nolint:misspell // SQL is not British
	return fmt.Sprintf(`CREATE TEMP TABLE eval_tiers AS
WITH spent AS (
  SELECT * FROM eval_spend WHERE member_no IN (
    SELECT member_no FROM eval_spend GROUP BY member_no HAVING sum(spent) > %d)
), events AS (
  SELECT member_no, day + 1 AS from_day, %s FROM spent%s
), daily AS (
  SELECT member_no, from_day, %s FROM events GROUP BY member_no, from_day
), running AS (
  SELECT *, %s FROM daily
), changes AS MATERIALIZED (
  SELECT member_no, from_day, %s FROM running
  WHERE %s
)
SELECT *, coalesce(lead(from_day) OVER (PARTITION BY member_no ORDER BY from_day) - 1, %d) AS until_day
FROM (SELECT * FROM changes UNION ALL SELECT DISTINCT member_no, %d, %s FROM changes) t(member_no, from_day, %s)`,
		g.smallestThreshold(), strings.Join(in, ", "), strings.Join(out, ""), strings.Join(daily, ", "),
		strings.Join(running, ",\n    "), strings.Join(now, ", "), strings.Join(changed, "\n    OR "), pipeline.MaxDate,
		pipeline.MinDate, strings.Join(resting, ", "), strings.Join(names, ", "))
}

// spendTier is the tier that the windows' sums give; with less " - d" the sums before the event.
func spendTier(st plan.SpendTiers, less string) string {
	var b strings.Builder
	for _, step := range st.Steps {
		sum := fmt.Sprintf("s%d", step.Window)
		if less != "" {
			sum += fmt.Sprintf("%s%d", less, step.Window)
		}
		fmt.Fprintf(&b, " WHEN %s > %d THEN %d", sum, step.Over, step.Tier)
	}
	if b.Len() == 0 {
		return fmt.Sprint(st.Resting)
	}
	return fmt.Sprintf("CASE%s ELSE %d END", b.String(), st.Resting)
}

func (g *generator) smallestThreshold() int64 {
	least := int64(pipeline.MaxAmount)
	for _, st := range g.plan.SpendTiers {
		for _, s := range st.Steps {
			least = min(least, s.Over)
		}
	}
	return least
}

// withSpendTiers cuts the spans that follow from members rows at the dates on which a tier from spend changes; names
// are their columns beside the member, the dates and closed. Both kinds of spans cover all dates of the members that
// they have.
func (g *generator) withSpendTiers(names []string, rows string) string {
	if len(g.plan.SpendTiers) == 0 {
		return rows
	}
	fromSpend := map[string]int{}
	for _, st := range g.plan.SpendTiers {
		fromSpend[fmt.Sprintf("tier_%d", st.Ver)] = st.Resting
	}
	cols := make([]string, len(names))
	for i, n := range names {
		cols[i] = "p." + n
		if resting, ok := fromSpend[n]; ok {
			cols[i] = fmt.Sprintf("CAST(coalesce(q.%s, %d) AS TINYINT) AS %s", n, resting, n)
		}
	}
	return fmt.Sprintf(`SELECT coalesce(p.member_no, q.member_no) AS member_no, coalesce(p.closed, FALSE) AS closed, %s,
  greatest(coalesce(p.from_day, q.from_day), coalesce(q.from_day, p.from_day)) AS from_day,
  least(coalesce(p.until_day, q.until_day), coalesce(q.until_day, p.until_day)) AS until_day
FROM (
%s
) p FULL JOIN eval_tiers q ON q.member_no = p.member_no AND q.from_day <= p.until_day AND q.until_day >= p.from_day`,
		strings.Join(cols, ", "), rows)
}
