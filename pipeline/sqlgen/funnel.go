package sqlgen

import (
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
)

// Funnel asks an evaluation to count what each condition and limit took away of the sources whose business date lies in
// the span, in the table eval_funnel. Only counts are kept: the sources are not written out one by one.
//
// Rows of the step FunnelCandidates are counts of sources by the reason why not, which is NULL for those that earn:
// raw is what they earned, amount what per_transaction left of it. Rows of all other steps are what is left after it:
// a step that takes everything leaves a row of zeros. FunnelBeaten has reasons that best_of gives, and FunnelSources
// how many sources with a member were looked at.
type Funnel struct{ From, Until pipeline.Date }

// Steps of eval_funnel beside those that are named like a pass and its period, `times per_day`, or `program per_day`.
const (
	FunnelCandidates = "candidates"
	FunnelBestOf     = "best_of"
	FunnelBeaten     = "beaten"
	FunnelCodes      = "codes"
	FunnelBudget     = "budget"
	FunnelSources    = "sources"
)

// CountedEvaluation is Evaluation with counts for a funnel.
func CountedEvaluation(p *plan.Plan, f Facts, funnel Funnel) []Step {
	g := &generator{plan: p, facts: f, table: map[int]string{}, funnel: &funnel}
	return g.evaluation()
}

// count adds rows to eval_funnel.
func (g *generator) count(r *plan.Rule, sql string) {
	if r == nil {
		g.add("funnel", "INSERT INTO eval_funnel\n"+sql)
		return
	}
	g.addRule(r, "funnel", "INSERT INTO eval_funnel\n"+sql)
}

// within is the condition on a source's business date.
func (g *generator) within(alias string) string {
	return fmt.Sprintf("%s.day BETWEEN %d AND %d", alias, g.funnel.From, g.funnel.Until)
}

// left counts what is left of a rule after a step.
func (g *generator) left(r *plan.Rule, step string) {
	if g.funnel == nil {
		return
	}
	g.place++
	g.count(r, fmt.Sprintf(`SELECT %[1]d, %[2]d, %[3]s, NULL, reward_no, count(*), NULL, sum(amount) FROM %[4]s t WHERE %[5]s GROUP BY reward_no
UNION ALL SELECT %[1]d, %[2]d, %[3]s, NULL, NULL, 0, NULL, 0`, r.No, g.place, text(step), g.table[r.No], g.within("t")))
}

// leftByProgram counts what is left of all rules after a program limit.
func (g *generator) leftByProgram(l plan.ProgramLimit, granted string) {
	if g.funnel == nil {
		return
	}
	g.place++
	head := fmt.Sprintf("%d, %s, NULL", g.place, text("program "+string(l.Period)))
	g.count(nil, fmt.Sprintf(`SELECT rule_no, %[1]s, reward_no, count(*), NULL, sum(amount) FROM %[2]s t WHERE %[3]s GROUP BY rule_no, reward_no
UNION ALL SELECT rule_no, %[1]s, NULL, 0, NULL, 0 FROM eval_rules`, head, granted, g.within("t")))
}

// startFunnel makes the table, and counts the sources that no rule can pay: those that the evaluation leaves out.
func (g *generator) startFunnel() {
	if g.funnel == nil {
		return
	}
	g.add("funnel", `CREATE TEMP TABLE eval_funnel (rule_no INTEGER, place INTEGER, step VARCHAR, why VARCHAR, reward_no INTEGER, n BIGINT,
  raw HUGEINT, amount HUGEINT)`)
	why := "CASE WHEN NOT d.completed THEN 'not_completed' %s WHEN d.member_no IS NULL THEN 'no_member' END"
	outside := func(name, table, id, where string, row []string, why, join, more string) {
		row = append(row, "t.status = 'completed' AS completed")
		g.add("funnel", fmt.Sprintf(`CREATE TEMP TABLE eval_outside_%s AS
%s
SELECT ver, %s why, member_no IS NOT NULL AS has_member, count(*) AS n FROM (SELECT d.*, %s AS why FROM dated d%s) d WHERE why IS NOT NULL AND %s GROUP BY ALL`, name,
			g.datedOf(table, id, where, row, fmt.Sprintf("LEFT JOIN eval_members m ON m.member_id = d.member_id WHERE d.day <= %d", g.plan.Horizon)), more, why, join, g.within("d")))
	}
	if g.plan.Needs.Transactions {
		where, returned := "(t.status <> 'completed' OR t.member_id IS NULL", ""
		if g.nets() {
			where += " OR t.transaction_id IN (SELECT transaction_id FROM eval_returns)"
			_, full := g.basis()
			returned = "WHEN " + full + " THEN 'returned'"
		}
		outside("tx", "transactions", "transaction_id", where+") AND "+g.currency(), g.amountColumns(), fmt.Sprintf(why, returned),
			g.returnsJoin("yes"), "")
	}
	if g.plan.Needs.Activities {
		outside("act", "activities", "activity_id", "t.status <> 'completed'", []string{"t.type"}, fmt.Sprintf(why, ""), "", "type, ")
	}
}

// looks is what a rule version looks at.
type looks struct {
	transactions bool
	types        []string // of activities
	feb29        []int64
	referrals    []*plan.Rule // whose sources a multiplier looks at
}

func (l *looks) add(o looks) {
	l.transactions = l.transactions || o.transactions
	l.types = append(l.types, o.types...)
	l.feb29 = append(l.feb29, o.feb29...)
	for _, r := range o.referrals {
		if !slices.Contains(l.referrals, r) {
			l.referrals = append(l.referrals, r)
		}
	}
}

// versionOf returns the rule as a version of the program has it, nil where it has none.
func versionOf(r *plan.Rule, ver int) *plan.RuleVersion {
	for _, rv := range r.Versions {
		if rv.Ver == ver {
			return rv
		}
	}
	return nil
}

// looksAt says what a rule version looks at; referrals are sources that are made for one rule, beside multipliers.
func (g *generator) looksAt(rv *plan.RuleVersion) looks {
	var out looks
	switch rv.Source {
	case plan.FromTransactions:
		out.transactions = true
	case plan.FromActivities, plan.FromGiftCodes:
		out.types = rv.Types
	case plan.FromBirthdays:
		out.feb29 = []int64{anyFeb29, feb29Of(rv)}
	case plan.FromGranted:
		for _, no := range rv.Of {
			of := g.plan.Rules[no]
			if ov := versionOf(of, rv.Ver); ov != nil {
				out.add(g.looksAt(ov))
				if ov.Source == plan.FromReferrals {
					out.add(looks{referrals: []*plan.Rule{of}})
				}
			}
		}
	}
	return out
}

// byVersions says for each version of the program, -1 for the time before the first, what a rule looks at on its dates:
// where it does not have the rule, whatever any other version does.
func (g *generator) byVersions(r *plan.Rule) map[int]looks {
	var any looks
	for _, rv := range r.Versions {
		any.add(g.looksAt(rv))
	}
	out := map[int]looks{-1: any}
	for ver := range g.plan.Family.Versions {
		out[ver] = any
		if rv := versionOf(r, ver); rv != nil {
			out[ver] = g.looksAt(rv)
		}
	}
	return out
}

// versions are those of the map, in order.
func (g *generator) versions() []int {
	out := []int{-1}
	for ver := range g.plan.Family.Versions {
		out = append(out, ver)
	}
	return out
}

// whyNot is the first reason that does not hold.
func whyNot(list []asked) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "\n      WHEN (%s) IS NOT TRUE THEN %s", a.cond, text(a.reason))
	}
	return "CASE" + b.String() + " END AS why"
}

// funnelCandidates counts what becomes of the sources of a rule up to its candidates.
func (g *generator) funnelCandidates(r *plan.Rule) {
	if g.funnel == nil {
		return
	}
	var counting []*plan.RuleVersion
	for _, rv := range r.Versions {
		if rv.Source == plan.FromGranted {
			g.decided(r, rv, g.multiplied(r, rv))
			continue
		}
		d := g.drawnFrom(r, rv)
		if inputs(rv)[plan.InputUnits] {
			d.asked = append(d.asked, asked{noQualifyingItems, "coalesce(l.units, 0) > 0"})
		}
		of := fmt.Sprintf("FROM %s\n    WHERE t.ver = %d AND %s", d.from, rv.Ver, strings.Join(append(d.given, g.within("t")), " AND "))
		switch {
		case rv.Count != nil:
			g.count(r, fmt.Sprintf("SELECT %d, 0, '%s', why, %d, count(*), NULL, NULL FROM (\n  SELECT %s\n  %s\n) WHERE why IS NOT NULL GROUP BY why",
				r.No, FunnelCandidates, rv.RewardNo, whyNot(d.asked), of))
			if rv.Days.From <= rv.Days.Until {
				counting = append(counting, rv)
			}
		default:
			g.decided(r, rv, fmt.Sprintf("SELECT %s, %s\n    %s", d.cols, whyNot(d.asked), of))
		}
		if rv.Source == plan.FromReferrals {
			g.count(r, fmt.Sprintf("SELECT %d, 0, '%s', why, %d, count(*), NULL, NULL FROM (\n%s\n) GROUP BY why",
				r.No, FunnelCandidates, rv.RewardNo, g.unqualified(r, rv)))
		}
	}
	if counting != nil {
		g.funnelMilestones(r, counting)
	}
	g.funnelAbsent(r)
	g.funnelOutside(r)
	if r.Once {
		g.left(r, fmt.Sprintf("%s %s", plan.PassTimes, oncePeriod(r)))
	}
}

// oncePeriod is the period in which a rule pays a source once: of several times at which it earns the earliest stands.
func oncePeriod(r *plan.Rule) pipeline.Period {
	if slices.ContainsFunc(r.Versions, func(rv *plan.RuleVersion) bool { return rv.Source == plan.FromBirthdays }) {
		return pipeline.PerYear
	}
	return pipeline.Lifetime
}

// decided counts the sources of a rule version, which have their reason why not, by what they earn.
func (g *generator) decided(r *plan.Rule, rv *plan.RuleVersion, sources string) {
	raw, _ := earnCases(rv)
	clip, none := "raw", ""
	if rv.Clip != nil {
		// least overlooks NULL.
		clip = fmt.Sprintf("CASE WHEN raw IS NOT NULL THEN least(raw, %d) END", *rv.Clip)
		none = fmt.Sprintf(" WHEN least(raw, %d) <= 0 THEN 'amount_limit:%s'", *rv.Clip, pipeline.PerTransaction)
	}
	g.count(r, fmt.Sprintf(`SELECT %d, 0, '%s', CASE WHEN why IS NOT NULL THEN why WHEN raw <= 0 THEN '%s'%s END AS reason, reward_no, count(*),
  sum(raw), sum(%s)
FROM (
  SELECT why, reward_no, CASE WHEN why IS NULL THEN CAST(%s AS HUGEINT) END AS raw FROM (
    %s
  )
) GROUP BY reason, reward_no`, r.No, FunnelCandidates, roundsToZero, none, clip, raw, sources))
}

// funnelMilestones counts the orders that a milestone counts, by whether they reach anything.
func (g *generator) funnelMilestones(r *plan.Rule, counting []*plan.RuleVersion) {
	orders, crossed, windows := g.countOrders(r, counting)
	for _, rv := range counting {
		g.decided(r, rv, fmt.Sprintf("SELECT *, CASE WHEN crossed <= 0 THEN '%s' END AS why FROM (\n%s\n    ) t WHERE ver = %d AND %s",
			notQualified, g.crossed(orders, crossed, windows), rv.Ver, g.within("t")))
	}
}

// multiplied selects the sources that a multiplier looks at with what was granted for each of them, by reward.
func (g *generator) multiplied(r *plan.Rule, rv *plan.RuleVersion) string {
	const cols = "t.member_no, CAST(%d AS TINYINT) AS stype, t.source_id, t.us, t.day, t.tier_no, t.closed FROM %s t WHERE t.ver = %d AND %s%s"
	at := g.looksAt(rv)
	var parts []string
	add := func(stype int, table, more string) {
		parts = append(parts, "SELECT "+fmt.Sprintf(cols, stype, table, rv.Ver, g.within("t"), more))
	}
	if at.transactions {
		add(stypeTransaction, "eval_tx", "")
	}
	if at.types != nil {
		add(stypeActivity, "eval_act", " AND t.type IN ("+textList(at.types)+")")
	}
	if at.feb29 != nil {
		add(stypeBirthday, "eval_birthdays", " AND t.feb_29 IN ("+intList(at.feb29)+")")
	}
	for _, of := range at.referrals {
		ov := versionOf(of, rv.Ver)
		add(stypeActivity, "eval_ref", " AND "+strings.Join(g.paidReferral(ov), " AND "))
	}
	// A referral's row and the referral are one source where both are at the same time.
	union := "\n      UNION ALL "
	if at.referrals != nil {
		union = "\n      UNION "
	}
	_, grants, from := g.granted(r, rv, g.within("c"))
	asks, joins := multiplierAsks(rv, from)
	list := append([]asked{{memberClosed, "NOT c.closed"}, {notInForce, inForce(rv, "c")}}, asks...)
	list = append(list, asked{roundsToZero, "c.reward_no IS NOT NULL"})
	return fmt.Sprintf(`SELECT c.source_id, c.tier_no, c.reward_no, c.granted, %s
    FROM (
      SELECT s.*, q.reward_no, q.amount AS granted FROM (%s) s LEFT JOIN (%s) q
        ON q.stype = s.stype AND q.source_id = s.source_id AND q.member_no = s.member_no AND q.us = s.us AND q.day = s.day
    ) c%s`, whyNot(list), strings.Join(parts, union), grants, joins)
}

// paidReferral are the conditions that a row of eval_ref is a source of a referral rule.
func (g *generator) paidReferral(rv *plan.RuleVersion) []string {
	side := "NOT t.is_referee"
	if rv.Referee {
		side = "t.is_referee"
	}
	return append(qualified(rv, "t"), side)
}

// unqualified selects the reasons of the referrals that no version pays, under the version in force on their own date.
func (g *generator) unqualified(r *plan.Rule, rv *plan.RuleVersion) string {
	return fmt.Sprintf("  SELECT %s AS why FROM %s", map[bool]string{
		false: fmt.Sprintf("CASE WHEN t.closed THEN '%s' ELSE '%s' END", memberClosed, notQualified),
		true: fmt.Sprintf("CASE WHEN t.subject IS NULL THEN 'no_member' WHEN coalesce(p.closed, FALSE) THEN '%s' ELSE '%s' END", memberClosed,
			notQualified),
	}[rv.Referee], g.unqualifiedRows(r, rv))
}

func (g *generator) unqualifiedRows(r *plan.Rule, rv *plan.RuleVersion) string {
	var pays []string
	for _, v := range r.Versions {
		if v.Source == plan.FromReferrals {
			pays = append(pays, fmt.Sprintf("q.ver = %d AND %s", v.Ver, strings.Join(qualified(v, "q"), " AND ")))
		}
	}
	return fmt.Sprintf(`eval_act t LEFT JOIN eval_members e ON e.member_id = t.subject
    LEFT JOIN eval_spans p ON p.member_no = e.member_no AND t.day >= p.from_day AND t.day <= p.until_day
  WHERE t.type IN (%s) AND t.ver = %d AND %s
    AND NOT EXISTS (SELECT 1 FROM eval_ref q WHERE q.source_id = t.source_id AND (%s))`, textList(rv.Types), rv.Ver, g.within("t"),
		strings.Join(pays, " OR "))
}

// funnelAbsent counts the sources on dates on which no version in force has the rule.
func (g *generator) funnelAbsent(r *plan.Rule) {
	at := g.byVersions(r)
	for _, ver := range g.versions() {
		if versionOf(r, ver) != nil {
			continue
		}
		var parts []string
		add := func(table, more string) {
			parts = append(parts, fmt.Sprintf("SELECT t.closed FROM %s t WHERE t.ver = %d AND %s%s", table, ver, g.within("t"), more))
		}
		if at[ver].transactions {
			add("eval_tx", "")
		}
		if at[ver].types != nil {
			add("eval_act", " AND t.type IN ("+textList(at[ver].types)+")")
		}
		if at[ver].feb29 != nil {
			add("eval_birthdays", " AND t.feb_29 IN ("+intList(at[ver].feb29)+")")
		}
		for _, of := range at[ver].referrals {
			if ov := versionOf(of, ver); ov != nil && ov.Source == plan.FromReferrals {
				add("eval_ref", " AND "+strings.Join(g.paidReferral(ov), " AND "))
			}
		}
		if parts != nil {
			g.count(r, fmt.Sprintf("SELECT %d, 0, '%s', CASE WHEN closed THEN '%s' ELSE '%s' END, NULL, count(*), NULL, NULL FROM (%s) GROUP BY closed",
				r.No, FunnelCandidates, memberClosed, notInForce, strings.Join(parts, " UNION ALL ")))
		}
	}
}

// funnelOutside counts the sources that were left out from the start.
func (g *generator) funnelOutside(r *plan.Rule) {
	at := g.byVersions(r)
	var transactions []int64
	var activities []string
	for _, ver := range g.versions() {
		if at[ver].transactions {
			transactions = append(transactions, int64(ver))
		}
		types := at[ver].types
		if rv := versionOf(r, ver); rv != nil && rv.Source == plan.FromReferrals {
			types = append(types, rv.Types...)
		}
		if types != nil {
			activities = append(activities, fmt.Sprintf("ver = %d AND type IN (%s)", ver, textList(types)))
		}
	}
	head := fmt.Sprintf("SELECT %d, 0, '%s', why, NULL, sum(n), NULL, NULL FROM ", r.No, FunnelCandidates)
	if transactions != nil {
		g.count(r, head+"eval_outside_tx WHERE ver IN ("+intList(transactions)+") GROUP BY why")
	}
	if activities != nil {
		g.count(r, head+"eval_outside_act WHERE "+strings.Join(activities, " OR ")+" GROUP BY why")
	}
}

// funnelSources counts the sources with a member that any rule looks at.
func (g *generator) funnelSources() {
	if g.funnel == nil {
		return
	}
	var tx, act, outside, births, paid []string
	for _, ver := range g.versions() {
		var any looks
		for _, r := range g.plan.Rules {
			any.add(g.byVersions(r)[ver])
			rv := versionOf(r, ver)
			if rv == nil || rv.Source != plan.FromReferrals {
				continue
			}
			outside = append(outside, fmt.Sprintf("ver = %d AND type IN (%s)", ver, textList(rv.Types)))
			paid = append(paid, fmt.Sprintf("SELECT t.source_id FROM eval_ref t WHERE t.ver = %d AND %s AND %s", ver, g.within("t"),
				strings.Join(g.paidReferral(rv), " AND ")))
			rows := "SELECT t.source_id FROM " + g.unqualifiedRows(r, rv)
			if rv.Referee {
				rows += " AND t.subject IS NOT NULL"
			}
			paid = append(paid, rows)
		}
		if any.transactions {
			tx = append(tx, fmt.Sprintf("ver = %d", ver))
		}
		if any.types != nil {
			cond := fmt.Sprintf("ver = %d AND type IN (%s)", ver, textList(any.types))
			act, outside = append(act, cond), append(outside, cond)
		}
		if any.feb29 != nil {
			births = append(births, fmt.Sprintf("ver = %d AND feb_29 IN (%s)", ver, intList(any.feb29)))
		}
	}
	var counts []string
	if tx != nil {
		any := strings.Join(tx, " OR ")
		counts = append(counts, fmt.Sprintf("SELECT count(*) AS n FROM eval_tx t WHERE %s AND (%s)", g.within("t"), any),
			fmt.Sprintf("SELECT sum(n) FROM eval_outside_tx WHERE has_member AND (%s)", any))
	}
	if outside != nil {
		counts = append(counts, fmt.Sprintf("SELECT sum(n) FROM eval_outside_act WHERE %s", strings.Join(outside, " OR ")))
	}
	of := "count(*)"
	if paid != nil {
		of = "count(DISTINCT source_id)"
	}
	if act != nil {
		paid = append(paid, fmt.Sprintf("SELECT t.source_id FROM eval_act t WHERE %s AND (%s)", g.within("t"), strings.Join(act, " OR ")))
	}
	if paid != nil {
		counts = append(counts, fmt.Sprintf("SELECT %s FROM (%s)", of, strings.Join(paid, " UNION ALL ")))
	}
	if births != nil {
		counts = append(counts, fmt.Sprintf("SELECT count(DISTINCT source_id) FROM eval_birthdays t WHERE %s AND (%s)", g.within("t"), strings.Join(births, " OR ")))
	}
	if counts != nil {
		g.count(nil, fmt.Sprintf("SELECT -1, 0, '%s', NULL, NULL, coalesce(sum(n), 0), NULL, NULL FROM (%s) t(n)", FunnelSources,
			strings.Join(counts, " UNION ALL ")))
	}
}
