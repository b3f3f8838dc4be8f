package sqlgen

import (
	"fmt"
	"strings"

	"accrue/pipeline/plan"
)

// atOnce is the qualify_no of referrals that pay at once.
const atOnce = -1

// referrals makes the sources of referral rules. A referee counts for the first referral only, whichever rule there is
// (F41); each referral is a source for the referrer and one for the referee, at its own time and at that of each
// transaction that qualifies it. Stores, regions and subjects are those of the referral's row (F8).
func (g *generator) referrals() {
	n := g.plan.Needs
	g.add("referrals", `CREATE TEMP TABLE eval_referrals AS
SELECT * EXCLUDE (k) FROM (
  SELECT t.*, t.member_no AS referrer_no, e.member_no AS referee_no,
    row_number() OVER (PARTITION BY t.subject ORDER BY t.us, t.source_id) AS k
  FROM eval_act t JOIN eval_members r ON r.member_no = t.member_no JOIN eval_members e ON e.member_id = t.subject
  WHERE t.type = 'referral' AND t.subject <> r.member_id
) WHERE k = 1`)
	row := ", r.subject"
	if n.Store {
		row += ", r.store_id"
	}
	if n.Region {
		row += ", r.region"
	}
	moment := func(alias string) string {
		if n.Hours {
			return ", " + alias + ".minute"
		}
		return ""
	}
	parts := []string{fmt.Sprintf("SELECT %d AS qualify_no, r.source_id, r.referrer_no, r.referee_no, r.us, r.day, r.ver, 0 AS after_days%s%s FROM eval_referrals r",
		atOnce, moment("r"), row)}
	for k, q := range g.plan.Qualifies {
		// The first of the referee's whole life: one before the referral takes it for good (F7).
		g.add("who qualifies", fmt.Sprintf(`CREATE TEMP TABLE eval_first_%d AS
SELECT * EXCLUDE (k) FROM (
  SELECT t.member_no, t.us, t.day, t.ver%s, row_number() OVER (PARTITION BY t.member_no ORDER BY t.us, t.source_id) AS k
  FROM eval_tx t WHERE t.basis > %d AND t.member_no IN (SELECT referee_no FROM eval_referrals)
) WHERE k = 1`, k, moment("t"), q.Over))
		parts = append(parts, fmt.Sprintf("SELECT %d, r.source_id, r.referrer_no, r.referee_no, q.us, q.day, q.ver, q.day - r.day%s%s FROM eval_referrals r JOIN eval_first_%d q ON q.member_no = r.referee_no WHERE q.us >= r.us",
			k, moment("q"), row, k))
	}
	cols := []string{"d.*", g.tierByVersion() + " AS tier_no", "coalesce(p.closed, FALSE) AS closed"}
	if n.Tags {
		cols = append(cols, "p.tags")
	}
	if n.Joined {
		cols = append(cols, "d.day - p.joined_day AS joined_days")
	}
	g.add("qualified referrals", fmt.Sprintf(`CREATE TEMP TABLE eval_ref AS
WITH e AS (
  %s
), d AS (
  SELECT *, referrer_no AS member_no, FALSE AS is_referee FROM e
  UNION ALL
  SELECT *, referee_no AS member_no, TRUE AS is_referee FROM e
)
SELECT %s
FROM d LEFT JOIN eval_spans p ON p.member_no = d.member_no AND d.day >= p.from_day AND d.day <= p.until_day`,
		strings.Join(parts, "\n  UNION ALL "), strings.Join(cols, ", ")))
	// A multiplier finds the source of a grant by its time, whichever transaction qualified it.
	g.add("times of referrals", `CREATE TEMP VIEW eval_ref_at AS
SELECT DISTINCT * EXCLUDE (qualify_no, after_days, ver, tier_no, closed, is_referee) FROM eval_ref`)
}

func (g *generator) fromReferrals(r *plan.Rule, rv *plan.RuleVersion) drawn {
	cols := common(rv, stypeActivity)
	if g.carriesSubject(r) {
		cols += ", t.subject"
	}
	side := "NOT t.is_referee"
	if rv.Referee {
		side = "t.is_referee"
	}
	return drawn{cols: cols, from: "eval_ref t", given: append(qualified(rv, "t"), side),
		asked: append(inForceAndOpen(rv), asks(rv, activityAttributes)...)}
}

// qualified are the conditions that a referral pays under a rule version at the time of the row.
func qualified(rv *plan.RuleVersion, alias string) []string {
	out := []string{fmt.Sprintf("%s.qualify_no = %d", alias, rv.Qualify)}
	if rv.WithinDays != nil {
		out = append(out, fmt.Sprintf("%s.after_days BETWEEN 0 AND %d", alias, *rv.WithinDays))
	}
	return out
}

// sharedBudgets renders step 7 of referrals: referrers and referees share one, the referrer first on a tie (F9).
func (g *generator) sharedBudgets() {
	for _, r := range g.plan.Rules {
		for _, p := range r.Passes {
			if p.Kind == plan.PassBudget && r.Referees != nil {
				g.sharedBudget(r, p)
			}
		}
	}
}

func (g *generator) sharedBudget(r *plan.Rule, p plan.Pass) {
	sides := []*plan.Rule{r, r.Referees}
	var sums, rows, prev []string
	for i, side := range sides {
		prev = append(prev, g.table[side.No])
		sums = append(sums, "SELECT amount FROM "+g.table[side.No])
		rows = append(rows, fmt.Sprintf("SELECT %d AS side, us, source_id, stype, member_no, reward_no, amount FROM %s", i, g.table[side.No]))
	}
	over := fmt.Sprintf("r%d_over_budget", r.No)
	g.addRule(r, "budget: who is over", fmt.Sprintf("CREATE TEMP TABLE %s AS\nSELECT 1 AS budget FROM (%s) HAVING sum(amount) > %d",
		over, strings.Join(sums, " UNION ALL "), smallest(p.Caps)))
	keep := map[int]string{}
	for _, c := range p.Caps {
		if c.Value != nil {
			keep[c.Ver] = slice(0, *c.Value)
		}
	}
	for i, side := range sides {
		next := fmt.Sprintf("r%d_budget", side.No)
		s := g.addRule(side, "budget", fmt.Sprintf(`CREATE TEMP TABLE %s AS
SELECT %s FROM (SELECT * EXCLUDE (amount), %s AS amount FROM (
  SELECT c.*, s.s0 FROM %s c JOIN (
    SELECT *, sum(amount) OVER (ORDER BY us, source_id, stype, side, member_no ROWS UNBOUNDED PRECEDING) AS s0
    FROM (%s)
  ) s ON s.side = %d AND s.source_id = c.source_id AND s.stype = c.stype AND s.member_no = c.member_no AND s.reward_no = c.reward_no
)) WHERE amount > 0`, next, g.candidateColumns(side), byVersion("ver", keep, len(g.plan.Family.Versions), "amount"),
			prev[i], strings.Join(rows, " UNION ALL "), i))
		s.elseHandOn(over, prev[i], next)
		if i == len(sides)-1 {
			s.Drop = prev
		}
		g.table[side.No] = next
	}
	for _, side := range sides {
		g.funnelPass(side, p)
	}
}
