// Package sqlgen renders a plan as SQL. It is the only place that composes SQL for rules; values and identifiers
// go through one quoting function each, and nothing that a user wrote reaches SQL in any other way.
//
// The text keeps to what DuckDB shares with Trino and PostgreSQL where that costs nothing: integers, standard
// windows, no lists. All arithmetic is on BIGINT and HUGEINT: BIGINT wherever the largest possible input proves
// that it suffices, HUGEINT elsewhere, which raises an error instead of wrapping.
//
// The tables, all temporary:
//
//	eval_scope     the members to evaluate and since which date, where not all of them are (filled by package evaluate)
//	scope_<facts>  the facts that are needed for them (also there)
//	eval_members   member_no, dense, in byte order of member_id
//	eval_stores    zone and region by store
//	eval_clock     how wall clocks and instants map in the days that occur (filled by package evaluate)
//	eval_spend     what each member spent on each date, where tiers come from it
//	eval_tiers     the tiers from spend of those that are not in the resting tier all the time, between two dates
//	eval_spans     what holds of a member between two dates
//	eval_tx        transactions as sources: instant, business date, version, tier, spend basis
//	eval_act       activities as sources
//	eval_anniversaries  which days of birth have their birthday on which business date (filled by package evaluate)
//	eval_birthdays birthdays as sources
//	eval_ref       referrals as sources, for referrer and referee, at each time at which they may pay
//	lines_<n>      qualifying sum, lines and, where they count, units by transaction, for one filter
//	r<n>_<step>    candidates of rule n after a step: ver, member_no, stype, source_id, us, day, tier_no,
//	               reward_no, amount
//	eval_asked_<n> what the sources in scope ask of the budget of rule n
//	granted_<n>    all rules' rows after n program limits
//	entitlements   the result
//	eval_funnel    where somebody asked: what each condition and limit took away (Funnel)
package sqlgen

import (
	"fmt"
	"strconv"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
)

// Step is one statement of an evaluation.
type Step struct {
	Name string // of the pass
	Rule string // rule id, "" for what all rules share
	File string // where the rule stands, with Line; "" for what all rules share
	Line int
	SQL  string
	// OnlyIf names a table that an earlier step made: where it has no row there is nothing to do, and the relation From
	// is handed on as it is under the name To, by the statement Else.
	OnlyIf, Else string
	From, To     string
	// Drop names relations that nothing reads after SQL ran.
	Drop []string
}

// elseHandOn lets the step hand its input on as it is where the table onlyIf is empty.
func (s *Step) elseHandOn(onlyIf, from, to string) {
	s.OnlyIf, s.From, s.To = onlyIf, from, to
	s.Else = fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT * FROM %s", to, from)
}

// Facts is what is known about the facts before the statements are written, so that they need not ask.
type Facts struct {
	Returns bool // any return is known
	Stores  bool // any store is known
	// Scoped: only members of eval_scope are evaluated, each from a date on; Facts are then in tables of their own.
	Scoped bool
	// SpendFits: the amounts of all transactions together fit into BIGINT, so that every sum of spend does.
	SpendFits bool
	// Offset is the one offset, in microseconds east of UTC, that the program's zone has on all dates that occur; nil
	// where there are several, or stores have zones of their own: then eval_clock is asked.
	Offset *int64
}

// Source types as numbers, in the byte order of their names.
const (
	stypeActivity    = 0
	stypeBirthday    = 1
	stypeTransaction = 2
)

const (
	usPerDay = 86_400_000_000
	// shiftDays moves days into the positive, where integer division is floor division.
	shiftDays = 1_000_000
)

type generator struct {
	plan  *plan.Plan
	facts Facts
	steps []Step
	table map[int]string // rule number → table with its candidates so far

	funnel *Funnel // nil where nobody asked
	place  int     // of the last step in the funnel
}

// Table is the relation that the rows of a dataset are read from.
func (f Facts) Table(dataset string) string {
	if f.Scoped && dataset != "stores" {
		return "scope_" + dataset
	}
	return dataset
}

// Sources returns the statements that number the members and list the stores: they come before eval_clock can be
// filled.
func Sources(p *plan.Plan, f Facts) []Step {
	g := &generator{plan: p, facts: f}
	g.members()
	g.stores()
	if f.Scoped {
		g.add("since when", `CREATE TEMP TABLE eval_since AS
SELECT m.member_no, s.earned FROM eval_scope s JOIN eval_members m ON m.member_id = s.member_id`)
	}
	return g.steps
}

// Evaluation returns the statements from eval_spans to entitlements.
func Evaluation(p *plan.Plan, f Facts) []Step {
	return (&generator{plan: p, facts: f, table: map[int]string{}}).evaluation()
}

func (g *generator) evaluation() []Step {
	p := g.plan
	if p.Needs.Transactions || len(p.SpendTiers) > 0 {
		g.returns()
	}
	g.startFunnel()
	g.spendTiers()
	g.spans()
	if p.Needs.Transactions {
		g.transactions()
		g.lines()
	}
	if p.Needs.Activities {
		g.activities()
	}
	if p.Needs.Birthdays {
		g.birthdays()
	}
	if p.Needs.Referrals {
		g.referrals()
	}
	for _, multipliers := range []bool{false, true} {
		for _, r := range p.Rules {
			if r.Multiplier == multipliers {
				g.candidates(r)
			}
		}
		if !multipliers {
			g.dropLines()
		}
		g.bestOf(multipliers)
		for _, r := range p.Rules {
			if r.Multiplier == multipliers {
				g.passes(r)
			}
		}
		if !multipliers {
			g.sharedBudgets()
		}
	}
	g.programLimits()
	g.sourcesInScope()
	g.funnelSources()
	return g.steps
}

// sourcesInScope lists the sources that were evaluated on dates that were: those whose grants are to be looked at, with
// those that have changed, which may earn nothing any more.
func (g *generator) sourcesInScope() {
	if !g.facts.Scoped {
		return
	}
	parts := []string{"SELECT source_type, source_id FROM eval_changed"}
	for _, t := range []struct {
		table, source string
		needed        bool
	}{
		{"eval_tx", "transaction", g.plan.Needs.Transactions}, {"eval_act", "activity", g.plan.Needs.Activities},
		{"eval_birthdays", "birthday", g.plan.Needs.Birthdays},
	} {
		if t.needed {
			parts = append(parts, fmt.Sprintf("SELECT %s, e.source_id FROM %s e%s", text(t.source), t.table, g.inScope("e")))
		}
	}
	g.add("sources in scope", "CREATE TEMP TABLE eval_sources AS\n"+strings.Join(parts, "\nUNION ALL\n"))
}

func (g *generator) add(name, sql string) { g.steps = append(g.steps, Step{Name: name, SQL: sql}) }

// drop lets the last statement drop tables when it has run.
func (g *generator) drop(tables ...string) {
	s := &g.steps[len(g.steps)-1]
	s.Drop = append(s.Drop, tables...)
}

func (g *generator) addRule(r *plan.Rule, name, sql string) *Step {
	pos := r.Versions[0].Rule.Pos
	g.steps = append(g.steps, Step{Name: name, Rule: r.ID, File: pos.File, Line: pos.Line, SQL: sql})
	return &g.steps[len(g.steps)-1]
}

// text quotes a value. NUL cannot stand in a statement and never stands in an accepted row.
func text(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.ContainsRune(q, 0) {
		q = strings.ReplaceAll(q, "\x00", "' || chr(0) || '")
	}
	return q
}

func textList(v []string) string {
	q := make([]string, len(v))
	for i, s := range v {
		q[i] = text(s)
	}
	return strings.Join(q, ", ")
}

func intList(v []int64) string {
	q := make([]string, len(v))
	for i, n := range v {
		q[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(q, ", ")
}

// floorDay is the day number of microseconds x.
func floorDay(x string) string {
	return fmt.Sprintf("CAST((%s + %d) // %d - %d AS INTEGER)", x, int64(shiftDays)*usPerDay, int64(usPerDay), shiftDays)
}

// date turns a day number into a DATE.
func date(day string) string { return "(DATE '1970-01-01' + " + day + ")" }

// periodKey is equal for two days exactly when they lie in the same period.
func periodKey(p pipeline.Period, day string) string {
	d := date(day)
	switch p {
	case pipeline.PerWeek: // 1970-01-01 is a Thursday
		return fmt.Sprintf("(%s + 7000003) // 7", day)
	case pipeline.PerMonth:
		return fmt.Sprintf("CAST(year(%s) * 12 + month(%s) AS INTEGER)", d, d)
	case pipeline.PerQuarter:
		return fmt.Sprintf("CAST(year(%s) * 4 + quarter(%s) AS INTEGER)", d, d)
	case pipeline.PerYear:
		return fmt.Sprintf("CAST(year(%s) AS INTEGER)", d)
	case pipeline.Lifetime:
		return "0"
	}
	return day
}

// byVersion is a CASE over ver; rows of other versions get other.
func byVersion(ver string, when map[int]string, versions int, other string) string {
	var b strings.Builder
	for i := 0; i < versions; i++ {
		if e, ok := when[i]; ok {
			fmt.Fprintf(&b, " WHEN %d THEN %s", i, e)
		}
	}
	if b.Len() == 0 {
		return other
	}
	return "CASE " + ver + b.String() + " ELSE " + other + " END"
}
