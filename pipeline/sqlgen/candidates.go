package sqlgen

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"accrue/pipeline/plan"
)

// candidateColumns are handed from pass to pass.
func (g *generator) candidateColumns(r *plan.Rule) string {
	cols := "ver, member_no, stype, source_id, us, day, tier_no, reward_no, amount"
	if g.carriesSubject(r) {
		cols += ", subject"
	}
	if highest(r) {
		cols += ", rank_amount"
	}
	if r.LimitedCodes() {
		cols += ", code_times"
	}
	return cols
}

// carriesSubject: a rule's rows need their subject where its limits go by subject, or those of a multiplier on it,
// in whichever version: the rows of all versions are ranked together.
func (g *generator) carriesSubject(r *plan.Rule) bool {
	for _, q := range g.plan.Rules {
		if bySubjectLimits(q) && (q == r || names(q, r.No)) {
			return true
		}
	}
	return r.LimitedCodes() // redemptions of a code are ranked
}

func bySubjectLimits(r *plan.Rule) bool {
	for _, rv := range r.Versions {
		if rv.Rule.Limits.PerSubject {
			return true
		}
	}
	return false
}

// names reports whether any version of a multiplier works on the rule.
func names(multiplier *plan.Rule, no int) bool {
	for _, rv := range multiplier.Versions {
		if slices.Contains(rv.Of, no) {
			return true
		}
	}
	return false
}

// highest: some version ranks by the amount that step 4 left, which later steps lower (F32).
func highest(r *plan.Rule) bool {
	for _, rv := range r.Versions {
		if rv.Rule.Limits.Highest {
			return true
		}
	}
	return false
}

// candidates renders steps 1 to 3: eligible sources, earned and rounded, clipped; what earns nothing drops out.
func (g *generator) candidates(r *plan.Rule) {
	g.codes(r)
	var parts []string
	var counting []*plan.RuleVersion
	for _, rv := range r.Versions {
		switch {
		case rv.Days.From > rv.Days.Until:
		case rv.Count != nil:
			counting = append(counting, rv)
		default:
			parts = append(parts, g.candidatesOf(r, rv))
		}
	}
	if counting != nil {
		parts = append(parts, g.milestones(r, counting))
	}
	table := fmt.Sprintf("r%d_candidates", r.No)
	g.table[r.No] = table
	body := strings.Join(parts, "\nUNION ALL\n")
	if body == "" {
		body = g.nothing(r)
	} else if r.Once {
		body = earliest(body)
	}
	g.addRule(r, "candidates", "CREATE TEMP TABLE "+table+" AS\n"+body)
	g.funnelCandidates(r)
}

// earliest keeps of the candidates of one source and member the one that was earned first.
func earliest(body string) string {
	return fmt.Sprintf(`SELECT * EXCLUDE (k) FROM (
SELECT *, row_number() OVER (PARTITION BY member_no, stype, source_id ORDER BY us, day) AS k FROM (
%s
)) WHERE k = 1`, body)
}

// nothing is an empty table of candidates, for a rule that is in force on no date up to the horizon.
func (g *generator) nothing(r *plan.Rule) string {
	s := `SELECT CAST(0 AS TINYINT) AS ver, CAST(0 AS INTEGER) AS member_no, CAST(0 AS TINYINT) AS stype, '' AS source_id,
  CAST(0 AS BIGINT) AS us, CAST(0 AS INTEGER) AS day, CAST(0 AS TINYINT) AS tier_no, CAST(0 AS TINYINT) AS reward_no,
  CAST(0 AS BIGINT) AS amount`
	if g.carriesSubject(r) {
		s += ", '' AS subject"
	}
	if highest(r) {
		s += ", CAST(0 AS BIGINT) AS rank_amount"
	}
	if r.LimitedCodes() {
		s += ", CAST(0 AS BIGINT) AS code_times"
	}
	return s + " WHERE FALSE"
}

func (g *generator) candidatesOf(r *plan.Rule, rv *plan.RuleVersion) string {
	if rv.Source == plan.FromGranted {
		return fmt.Sprintf(candidatesForm, g.newColumns(r), earned(rv, r.ID), g.fromGranted(r, rv))
	}
	columns := g.newColumns(r)
	if rv.Source == plan.FromGiftCodes {
		columns = strings.Replace(g.candidateColumns(r), ", rank_amount", ", amount AS rank_amount", 1)
	}
	return fmt.Sprintf(candidatesForm, columns, earned(rv, r.ID), g.drawnFrom(r, rv).sql())
}

// drawnFrom is what the candidates of a rule version are drawn from, unless it is a multiplier.
func (g *generator) drawnFrom(r *plan.Rule, rv *plan.RuleVersion) drawn {
	switch rv.Source {
	case plan.FromTransactions:
		return g.fromTransactions(r, rv)
	case plan.FromGiftCodes:
		return g.fromGiftCodes(r, rv)
	case plan.FromReferrals:
		return g.fromReferrals(r, rv)
	case plan.FromBirthdays:
		return g.fromBirthdays(r, rv)
	}
	return g.fromActivities(r, rv)
}

const candidatesForm = "SELECT %s FROM (\n  SELECT *, %s AS amount FROM (\n%s\n  )\n) WHERE amount > 0"

// newColumns are candidateColumns where the candidates come about, of a kind that redeems no codes.
func (g *generator) newColumns(r *plan.Rule) string {
	return strings.NewReplacer(", rank_amount", ", amount AS rank_amount", ", code_times", ", CAST(NULL AS BIGINT) AS code_times").
		Replace(g.candidateColumns(r))
}

// common are the columns of every candidate before its amount.
func common(rv *plan.RuleVersion, stype int) string {
	return fmt.Sprintf("CAST(%d AS TINYINT) AS ver, t.member_no, CAST(%d AS TINYINT) AS stype, t.source_id, t.us, t.day, t.tier_no, CAST(%d AS TINYINT) AS reward_no",
		rv.Ver, stype, rv.RewardNo)
}

func inForce(rv *plan.RuleVersion, alias string) string {
	return fmt.Sprintf("%s.day BETWEEN %d AND %d", alias, rv.Days.From, rv.Days.Until)
}

// drawn is what the candidates of a rule version are drawn from.
type drawn struct {
	cols, from string
	given      []string // what makes a row one that the rule looks at
	asked      []asked  // what the rule asks of it, in the order in which the first that does not hold is the reason why not
}

// asked is a condition with the reason that it gives.
type asked struct{ reason, cond string }

// sql selects the rows that fulfil everything.
func (d drawn) sql() string {
	conds := d.given
	for _, a := range d.asked {
		conds = append(conds[:len(conds):len(conds)], a.cond)
	}
	return fmt.Sprintf("    SELECT %s\n    FROM %s\n    WHERE %s", d.cols, d.from, strings.Join(conds, " AND "))
}

// inForceAndOpen is what every rule asks first.
func inForceAndOpen(rv *plan.RuleVersion) []asked {
	return []asked{{memberClosed, "NOT t.closed"}, {notInForce, inForce(rv, "t")}}
}

// Reasons of spec section 6 that no condition of the program file has a key for; package reference has them too.
const (
	memberClosed      = "member_closed"
	notInForce        = "not_in_force"
	noQualifyingItems = "no_qualifying_items"
	roundsToZero      = "rounds_to_zero"
	notQualified      = "not_qualified"
	noSuchCode        = "no_such_code"
	codeExpired       = "code_expired"
)

func (g *generator) fromTransactions(r *plan.Rule, rv *plan.RuleVersion) drawn {
	cols := []string{common(rv, stypeTransaction)}
	out := drawn{from: "eval_tx t", asked: inForceAndOpen(rv)}
	hasItems := rv.AnyLine
	items := func() {
		if hasItems {
			out.asked = append(out.asked, asked{noQualifyingItems, "l.line_count > 0"})
		}
		hasItems = false
	}
	if rv.Lines >= 0 {
		kind := "LEFT JOIN"
		if rv.AnyLine && g.funnel == nil {
			kind = "JOIN"
		}
		out.from += fmt.Sprintf("\n    %s lines_%d l ON l.transaction_id = t.source_id", kind, rv.Lines)
	}
	for _, c := range rv.Where {
		if c.Attr == plan.AttrGap {
			items()
			out.from += "\n    LEFT JOIN eval_gaps gap ON gap.source_id = t.source_id"
		}
		out.asked = append(out.asked, asked{c.Key, condition(c, transactionAttributes)})
	}
	items()
	for in := range inputs(rv) {
		switch in {
		case plan.InputBasis:
			cols = append(cols, "t.basis")
		case plan.InputQualifying:
			cols = append(cols, qualifying+" AS qualifying")
		case plan.InputUnits:
			cols = append(cols, "coalesce(l.units, 0) AS units")
		}
	}
	if rv.Count != nil && sumsSpend(r) {
		cols = append(cols, "t.basis")
	}
	if g.carriesSubject(r) {
		cols = append(cols, "CAST(NULL AS VARCHAR) AS subject")
	}
	out.cols = strings.Join(cols, ", ")
	return out
}

func inputs(rv *plan.RuleVersion) map[plan.Input]bool {
	out := map[plan.Input]bool{}
	for _, e := range rv.Earn {
		out[e.Input] = true
	}
	return out
}

// valueUnits reads an activity's value: a decimal of at least zero as F49 has it, else nothing (F28). The form is
// checked beside the cast, which alone would round and take 1e2; TRY_CAST because both sides of an AND may be
// worked out.
const valueUnits = `CASE WHEN regexp_full_match(t.value, '-?[0-9]+(\.[0-9]{1,4}0*)?')
      AND TRY_CAST(t.value AS DECIMAL(38,10)) BETWEEN 0 AND 100000000000000
    THEN CAST(10000 * CAST(TRY_CAST(t.value AS DECIMAL(38,10)) AS DECIMAL(30,4)) AS BIGINT) END AS value_units`

func (g *generator) fromActivities(r *plan.Rule, rv *plan.RuleVersion) drawn {
	cols := []string{common(rv, stypeActivity)}
	if g.carriesSubject(r) || bySubject(rv) {
		cols = append(cols, "t.subject")
	}
	if inputs(rv)[plan.InputValue] {
		cols = append(cols, valueUnits)
	}
	return drawn{cols: strings.Join(cols, ", "), from: "eval_act t", given: []string{"t.type IN (" + textList(rv.Types) + ")"},
		asked: append(inForceAndOpen(rv), asks(rv, activityAttributes)...)}
}

// asks are the conditions of a rule version over the attributes of its sources.
func asks(rv *plan.RuleVersion, attrs attributes) []asked {
	var out []asked
	for _, c := range rv.Where {
		out = append(out, asked{c.Key, condition(c, attrs)})
	}
	return out
}

func bySubject(rv *plan.RuleVersion) bool {
	for _, e := range rv.Earn {
		if e.Subjects != nil {
			return true
		}
	}
	return false
}

// fromGranted adds up what the named rules were granted, per source, member and reward (F14).
func (g *generator) fromGranted(r *plan.Rule, rv *plan.RuleVersion) string {
	keys, grants, from := g.granted(r, rv, inForce(rv, "c"))
	asked, joins := multiplierAsks(rv, from)
	var conds []string
	for _, a := range asked {
		conds = append(conds, a.cond)
	}
	return fmt.Sprintf("    SELECT CAST(%d AS TINYINT) AS ver, %s, c.amount AS granted\n    FROM (%s) c%s%s",
		rv.Ver, keys, grants, joins, strings.ReplaceAll(where(conds), "\n", "\n    "))
}

// granted selects what the rules that a multiplier names were granted under its version, where a condition on them
// holds; keys are its columns beside the amount, and from says of what they were drawn.
func (g *generator) granted(r *plan.Rule, rv *plan.RuleVersion, cond string) (keys, grants string, from map[plan.Source]bool) {
	subject := ""
	if g.carriesSubject(r) {
		subject = ", c.subject"
	}
	keys = "c.member_no, c.stype, c.source_id, c.us, c.day, c.tier_no, c.reward_no" + subject
	var union []string
	from = map[plan.Source]bool{}
	of := append([]int{}, rv.Of...)
	sort.Ints(of)
	for _, no := range of {
		union = append(union, fmt.Sprintf("SELECT %s, c.amount FROM %s c WHERE c.ver = %d AND %s", keys, g.table[no], rv.Ver, cond))
		for _, v := range g.plan.Rules[no].Versions {
			if from[v.Source] = true; v.Source == plan.FromGiftCodes {
				from[plan.FromActivities] = true // that is what they are
			}
		}
	}
	grants = strings.Join(union, "\n      UNION ALL ")
	if len(union) > 1 {
		grants = fmt.Sprintf("SELECT %s, CAST(sum(c.amount) AS BIGINT) AS amount FROM (%s) c GROUP BY %s", keys, grants, keys)
	}
	return keys, grants, from
}

// multiplierAsks are the conditions of a multiplier over grants c, with the joins that they need.
func multiplierAsks(rv *plan.RuleVersion, from map[plan.Source]bool) (out []asked, joins string) {
	attrs := multiplierAttributes(from)
	for _, c := range rv.Where {
		e := condition(c, attrs)
		out = append(out, asked{c.Key, e})
		for _, s := range sourceTables {
			if from[s.source] && strings.Contains(e, s.alias+".") && !strings.Contains(joins, s.join) {
				joins += "\n      LEFT JOIN " + s.join
			}
		}
	}
	return out, joins
}
