package sqlgen

import (
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
)

// bestOf finds the rules that are beaten: of the rules of one source that share a name and a reward only the
// largest amount stands, on a tie the rule first in the file (step 4, F31). Multipliers compete among themselves.
func (g *generator) bestOf(multipliers bool) {
	var union []string
	n := len(g.plan.Family.Versions)
	var competing []*plan.Rule
	for _, r := range g.plan.Rules {
		name, place := map[int]string{}, map[int]string{}
		for _, rv := range r.Versions {
			if rv.BestOf != "" {
				name[rv.Ver] = text(rv.BestOf)
				place[rv.Ver] = fmt.Sprint(rv.Rule.Place)
			}
		}
		if r.Multiplier != multipliers || len(name) == 0 {
			continue
		}
		competing = append(competing, r)
		union = append(union, fmt.Sprintf("SELECT %d AS rule_no, member_no, stype, source_id, reward_no, amount, day, %s AS name, %s AS place FROM %s",
			r.No, byVersion("ver", name, n, "NULL"), byVersion("ver", place, n, "NULL"), g.table[r.No]))
	}
	if len(union) < 2 {
		return
	}
	beaten := "beaten"
	if multipliers {
		beaten = "beaten_multipliers"
	}
	g.add("best_of", fmt.Sprintf(`CREATE TEMP TABLE %s AS
SELECT rule_no, member_no, stype, source_id, reward_no FROM (
  SELECT *, row_number() OVER (PARTITION BY member_no, stype, source_id, reward_no, name ORDER BY amount DESC, place) AS k
  FROM (
    %s
  ) WHERE name IS NOT NULL
) WHERE k > 1`, beaten, strings.Join(union, "\n    UNION ALL ")))
	if g.funnel != nil {
		g.count(nil, fmt.Sprintf(`SELECT t.rule_no, 0, '%s', concat('beaten_by:', u.rule), NULL, count(*), NULL, NULL FROM (
  SELECT *, row_number() OVER w AS k, first_value(rule_no) OVER w AS winner
  FROM (
    %s
  ) WHERE name IS NOT NULL WINDOW w AS (PARTITION BY member_no, stype, source_id, reward_no, name ORDER BY amount DESC, place)
) t JOIN eval_rules u ON u.rule_no = t.winner WHERE k > 1 AND %s GROUP BY ALL`, FunnelBeaten, strings.Join(union, "\n    UNION ALL "), g.within("t")))
	}
	for _, r := range competing {
		next := fmt.Sprintf("r%d_best_of", r.No)
		s := g.addRule(r, "best_of", fmt.Sprintf(`CREATE TEMP TABLE %s AS
SELECT c.* FROM %s c WHERE NOT EXISTS (
  SELECT 1 FROM %s b WHERE b.rule_no = %d AND b.member_no = c.member_no AND b.stype = c.stype
    AND b.source_id = c.source_id AND b.reward_no = c.reward_no)`, next, g.table[r.No], beaten, r.No))
		s.elseHandOn(beaten, g.table[r.No], next)
		s.Drop = []string{g.table[r.No]}
		g.table[r.No] = next
		g.left(r, FunnelBestOf)
	}
}

// funnelPass counts what is left of a rule after a pass.
func (g *generator) funnelPass(r *plan.Rule, p plan.Pass) { g.left(r, passName(p)) }

// passName names a pass with its period.
func passName(p plan.Pass) string {
	if p.Kind == plan.PassBudget || p.Kind == plan.PassCodes {
		return string(p.Kind)
	}
	return fmt.Sprintf("%s %s", p.Kind, p.Period)
}

// passes renders steps 5 to 7. Each first finds the members and periods that are over the smallest bound: only
// their rows are ranked, all others are handed on as they are.
func (g *generator) passes(r *plan.Rule) {
	for _, p := range r.Passes {
		if p.Kind == plan.PassBestOf {
			continue
		}
		if p.Kind == plan.PassBudget && (r.Referees != nil || r.Referrers != nil) {
			continue // shared, once both sides are through their limits
		}
		if p.Kind == plan.PassCodes {
			g.limitCodes(r)
			g.funnelPass(r, p)
			continue
		}
		name := passName(p)
		if p.Kind == plan.PassBudget {
			g.addRule(r, name+": what is asked for", fmt.Sprintf("CREATE TEMP TABLE %s AS\nSELECT sum(amount) AS asked FROM %s c%s",
				AskedTable(r.No), g.table[r.No], g.inScope("c")))
			if g.facts.Scoped {
				continue // whoever asks for a scope sees to it that the budget suffices
			}
		}
		suffix := strings.ReplaceAll(name, " ", "_")
		over, next, prev := fmt.Sprintf("r%d_over_%s", r.No, suffix), fmt.Sprintf("r%d_%s", r.No, suffix), g.table[r.No]
		g.addRule(r, name+": who is over", g.overBound(r, p, over, prev))
		s := g.addRule(r, name, fmt.Sprintf("CREATE TEMP TABLE %s AS\n%s", next, g.bound(r, p, over, prev)))
		s.elseHandOn(over, prev, next)
		s.Drop = []string{prev}
		g.table[r.No] = next
		g.funnelPass(r, p)
	}
}

// AskedTable is the name of the table that says in one row what a rule with a budget would take of it if it had no end.
func AskedTable(rule int) string { return fmt.Sprintf("eval_asked_%d", rule) }

func smallest(caps []plan.Cap) int64 {
	first, low := true, int64(0)
	for _, c := range caps {
		if c.Value != nil && (first || *c.Value < low) {
			first, low = false, *c.Value
		}
	}
	return low
}

// parts are what a pass counts apart: members, periods, and for a multiplier rewards too, because it has a source
// per reward (F14). A budget counts all members together.
func (g *generator) parts(r *plan.Rule, p plan.Pass, alias string) []string {
	var out []string
	if p.Kind != plan.PassBudget {
		out = append(out, alias+"member_no", periodKey(p.Period, alias+"day"))
	}
	if r.Multiplier && len(g.plan.Rewards) > 1 {
		out = append(out, alias+"reward_no")
	}
	if len(out) == 0 {
		out = append(out, "0") // all rows of the rule together
	}
	return out
}

func (g *generator) overBound(r *plan.Rule, p plan.Pass, over, prev string) string {
	measure := "sum(amount)"
	if p.Kind == plan.PassTimes {
		measure = "count(*)"
	}
	var cols, by []string
	for i, e := range g.parts(r, p, "") {
		cols = append(cols, fmt.Sprintf("%s AS key_%d", e, i))
		by = append(by, fmt.Sprint(i+1))
	}
	return fmt.Sprintf("CREATE TEMP TABLE %s AS\nSELECT %s FROM %s GROUP BY %s HAVING %s > %d",
		over, strings.Join(cols, ", "), prev, strings.Join(by, ", "), measure, smallest(p.Caps))
}

// bound ranks or sums the rows of those over the bound, each version in its own way (F32), over the rows of all
// versions (F6), and keeps what the row's own version allows.
func (g *generator) bound(r *plan.Rule, p plan.Pass, over, prev string) string {
	cols := g.candidateColumns(r)
	parts := g.parts(r, p, "c.")
	var same []string
	for i, e := range parts {
		same = append(same, fmt.Sprintf("o.key_%d = %s", i, e))
	}
	match, partition := strings.Join(same, " AND "), strings.Join(parts, ", ")
	var windows []string
	ways := map[string]int{}
	keep := map[int]string{}
	for _, c := range p.Caps {
		if c.Value == nil {
			continue
		}
		part, order := partition, "c.us, c.source_id, c.stype, c.reward_no, c.member_no"
		if p.Kind != plan.PassBudget {
			if c.PerSubject {
				part += ", c.subject"
			}
			if c.Highest {
				order = "c.rank_amount DESC, " + order
			}
		}
		w := fmt.Sprintf("OVER (PARTITION BY %s ORDER BY %s ROWS UNBOUNDED PRECEDING)", part, order)
		k, ok := ways[w]
		if !ok {
			k = len(ways)
			ways[w] = k
			measure := "sum(c.amount)"
			if p.Kind == plan.PassTimes {
				measure = "count(*)"
			}
			windows = append(windows, fmt.Sprintf("%s %s AS s%d", measure, w, k))
		}
		if p.Kind == plan.PassTimes {
			keep[c.Ver] = fmt.Sprintf("s%d <= %d", k, *c.Value)
		} else {
			keep[c.Ver] = slice(k, *c.Value)
		}
	}
	untouched := fmt.Sprintf("SELECT %s FROM %s c WHERE NOT EXISTS (SELECT 1 FROM %s o WHERE %s)", cols, prev, over, match)
	ranked := fmt.Sprintf("SELECT c.*, %s\n  FROM %s c WHERE EXISTS (SELECT 1 FROM %s o WHERE %s)",
		strings.Join(windows, ",\n    "), prev, over, match)
	n := len(g.plan.Family.Versions)
	var kept string
	if p.Kind == plan.PassTimes {
		kept = fmt.Sprintf("SELECT %s FROM (\n  %s\n) WHERE %s", cols, ranked, byVersion("ver", keep, n, "TRUE"))
	} else {
		kept = fmt.Sprintf("SELECT %s FROM (SELECT * EXCLUDE (amount), %s AS amount FROM (\n  %s\n)) WHERE amount > 0",
			cols, byVersion("ver", keep, n, "amount"), ranked)
	}
	return untouched + "\nUNION ALL\n" + kept
}

// slice is what a cap leaves of an amount whose running sum is s<k>: min(cap, S) − min(cap, S − own).
func slice(k int, value int64) string {
	return fmt.Sprintf("CAST(least(%d, s%d) - least(%d, s%d - amount) AS BIGINT)", value, k, value, k)
}

// programLimits renders step 9 and the result.
func (g *generator) programLimits() {
	n := len(g.plan.Family.Versions)
	var union []string
	for _, r := range g.plan.Rules {
		place := map[int]string{}
		for _, rv := range r.Versions {
			place[rv.Ver] = fmt.Sprint(rv.Rule.Place)
		}
		last := 0
		if r.Multiplier {
			last = 1
		}
		union = append(union, fmt.Sprintf("SELECT CAST(%d AS INTEGER) AS rule_no, ver, member_no, stype, source_id, us, day, reward_no, amount, %s AS place, %d AS is_multiplier FROM %s",
			r.No, byVersion("ver", place, n, "0"), last, g.table[r.No]))
	}
	g.add("granted", "CREATE TEMP VIEW granted_0 AS\n"+strings.Join(union, "\nUNION ALL\n"))
	for i, l := range g.plan.Limits {
		g.programLimit(l, fmt.Sprintf("granted_%d", i), fmt.Sprintf("granted_%d", i+1))
		g.leftByProgram(l, fmt.Sprintf("granted_%d", i+1))
	}
	last := g.addUp(fmt.Sprintf("granted_%d", len(g.plan.Limits)))
	g.add("entitlements", fmt.Sprintf(`CREATE TEMP VIEW entitlements AS
SELECT rule_no, CAST(ver AS INTEGER) AS ver, member_no,
  CASE stype WHEN %d THEN 'transaction' WHEN %d THEN 'activity' ELSE 'birthday' END AS source_type,
  source_id, us AS earned_us, %s AS earned_on, CAST(reward_no AS INTEGER) AS reward_no, amount
FROM %s e%s`, stypeTransaction, stypeActivity, date("day"), last, g.inScope("e")))
}

// inScope keeps of what was worked out the rows that are right: dates before were only looked at for what they hand on. It is no
// SEMI JOIN: where DuckDB 1.1.3 hashes the left side of one, it forgets all conditions but equality.
func (g *generator) inScope(alias string) string {
	if !g.facts.Scoped {
		return ""
	}
	return fmt.Sprintf("\nWHERE EXISTS (SELECT 1 FROM eval_since s WHERE s.member_no = %s.member_no AND %s.day >= s.earned)", alias, alias)
}

// addUp makes one row of those that a multiplier has for one source at different times (plan.Rule.Sums), and returns
// the name of the result.
func (g *generator) addUp(granted string) string {
	var rules []int64
	for _, r := range g.plan.Rules {
		if r.Sums {
			rules = append(rules, int64(r.No))
		}
	}
	if rules == nil {
		return granted
	}
	const cols = "rule_no, ver, member_no, stype, source_id, us, day, reward_no"
	g.add("sources at several times", fmt.Sprintf(`CREATE TEMP VIEW granted_sums AS
SELECT %s, amount FROM %s WHERE rule_no NOT IN (%s)
UNION ALL
SELECT %s, CAST(total AS BIGINT) AS amount FROM (
  SELECT *, sum(amount) OVER (PARTITION BY rule_no, member_no, stype, source_id, reward_no) AS total,
    row_number() OVER (PARTITION BY rule_no, member_no, stype, source_id, reward_no ORDER BY us DESC, day DESC) AS k
  FROM %s WHERE rule_no IN (%s)
) WHERE k = 1`, cols, granted, intList(rules), cols, granted, intList(rules)))
	return "granted_sums"
}

func (g *generator) programLimit(l plan.ProgramLimit, prev, next string) {
	const cols = "rule_no, ver, member_no, stype, source_id, us, day, reward_no, amount, place, is_multiplier"
	over, cut := next+"_over", next+"_cut"
	name := fmt.Sprintf("program limit %s %s", g.plan.Rewards[l.RewardNo].ID, l.Period)
	parts := func(alias string) []string {
		out := []string{alias + "reward_no", alias + "member_no"}
		switch l.Period {
		case pipeline.PerTransaction:
			return append(out, alias+"stype", alias+"source_id")
		case pipeline.Lifetime: // a constant in a join's condition would make it compare everything with everything
			return out
		}
		return append(out, periodKey(l.Period, alias+"day"))
	}
	var keys, by, same []string
	for i, e := range parts("") {
		keys, by = append(keys, fmt.Sprintf("%s AS key_%d", e, i)), append(by, fmt.Sprint(i+1))
	}
	for i, e := range parts("c.") {
		same = append(same, fmt.Sprintf("o.key_%d = %s", i, e))
	}
	g.add(name+": who is over", fmt.Sprintf("CREATE TEMP TABLE %s AS\nSELECT %s FROM %s WHERE reward_no = %d GROUP BY %s HAVING sum(amount) > %d",
		over, strings.Join(keys, ", "), prev, l.RewardNo, strings.Join(by, ", "), smallest(l.Caps)))
	keep := map[int]string{}
	for _, c := range l.Caps {
		keep[c.Ver] = slice(0, *c.Value)
	}
	// As joins: of EXISTS over a view DuckDB makes one that keeps all rows in memory.
	bound := fmt.Sprintf("JOIN %s o ON %s", over, strings.Join(same, " AND "))
	// Only the rows of those who are over are written anew. All others stay where they are, behind a view: most members
	// are never over, and a copy of everything would cost more than all rules together.
	step := Step{Name: name, OnlyIf: over, Else: fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT * FROM %s WHERE FALSE", cut, prev),
		SQL: fmt.Sprintf(`CREATE TEMP TABLE %s AS
SELECT %s FROM (SELECT * EXCLUDE (amount), %s AS amount FROM (
  SELECT c.*, sum(c.amount) OVER (PARTITION BY %s
    ORDER BY c.us, c.source_id, c.stype, c.is_multiplier, c.place ROWS UNBOUNDED PRECEDING) AS s0
  FROM %s c SEMI %s
)) WHERE amount > 0`, cut, cols, byVersion("ver", keep, len(g.plan.Family.Versions), "amount"),
			strings.Join(parts("c."), ", "), prev, bound)}
	g.steps = append(g.steps, step)
	step = Step{Name: name + ": with the others", SQL: fmt.Sprintf(`CREATE TEMP VIEW %s AS
SELECT %s FROM %s c ANTI %s
UNION ALL
SELECT %s FROM %s`, next, cols, prev, bound, cols, cut)}
	step.elseHandOn(over, prev, next)
	g.steps = append(g.steps, step)
}
