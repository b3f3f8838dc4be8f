// Package evaluate works out what every member is owed: it compiles a program into passes, has them written as SQL
// and runs them, one after the other, over the facts of the warehouse. The result is the temporary view
// entitlements, with eval_members, eval_rules, eval_versions and eval_rewards to name its numbers.
package evaluate

import (
	"context"
	"fmt"
	"math"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
	"accrue/pipeline/program"
	"accrue/pipeline/sqlgen"
	"accrue/pipeline/warehouse"
)

// Statement is a statement as it ran, for those who want to see it.
type Statement struct {
	Name, Rule, File string
	Line             int
	SQL              string
	Skipped          bool // there was nothing to do; SQL is what ran instead
}

// Options say who wants to know what.
type Options struct {
	// Trace, if set, is told every statement before it runs.
	Trace func(Statement)
	// Rewrite, if set, says what runs in a statement's place: tests plant faults with it and look whether they are
	// noticed.
	Rewrite func(Statement) string
	// Since, if set, is what the ledger rests on: only what can differ from it is evaluated.
	Since *Since

	funnel *sqlgen.Funnel // see Funnel
}

// Result says what was evaluated.
type Result struct {
	Plan  *plan.Plan
	Scope Scope
	// Asked is what the sources that were evaluated ask of the budgets, by rule id in ten-thousandths, before budgets and
	// program limits lower it; MaxInt64 stands for more. With a scope, budgets were not applied: what was handed out must
	// not have come near them.
	Asked map[string]int64
}

type evaluation struct {
	ctx   context.Context
	db    *warehouse.DB
	plan  *plan.Plan
	opts  Options
	facts sqlgen.Facts
	// handedOn maps a view to the relation that a skipped step handed on under its name.
	handedOn map[string]string
}

// Run evaluates all versions of a program over all facts known, up to the horizon; with Options.Since over those that can
// come to another result than before. What it leaves then holds the sources of eval_sources alone.
func Run(ctx context.Context, db *warehouse.DB, fam *program.Family, horizon pipeline.Date, o Options) (*Result, error) {
	p, err := plan.Compile(fam, horizon)
	if err != nil {
		return nil, err
	}
	e := &evaluation{ctx: ctx, db: db, plan: p, opts: o, handedOn: map[string]string{}}
	if err := db.DropTemps(ctx, nil); err != nil { // what an earlier evaluation of this session left
		return nil, fmt.Errorf("clearing the last evaluation: %w", err)
	}
	if err := e.names(); err != nil {
		return nil, fmt.Errorf("naming rules, versions and rewards: %w", err)
	}
	scope, err := e.scope(o.Since)
	if err != nil {
		return nil, err
	}
	if err := e.run(sqlgen.Sources(p, e.facts)); err != nil {
		return nil, err
	}
	if err := e.known(); err != nil {
		return nil, fmt.Errorf("looking at the facts: %w", err)
	}
	steps := sqlgen.Evaluation(p, e.facts)
	if o.funnel != nil {
		steps = sqlgen.CountedEvaluation(p, e.facts, *o.funnel)
	}
	if err := e.run(steps); err != nil {
		return nil, err
	}
	asked, err := e.asked()
	return &Result{Plan: p, Scope: scope, Asked: asked}, err
}

// asked reads what is asked of budgets.
func (e *evaluation) asked() (map[string]int64, error) {
	out := map[string]int64{}
	for _, r := range e.plan.Budgeted() {
		var sum int64
		if err := e.db.QueryRow(e.ctx, fmt.Sprintf("SELECT CAST(least(coalesce(asked, 0), %d) AS BIGINT) FROM %s",
			int64(math.MaxInt64), sqlgen.AskedTable(r.No))).Scan(&sum); err != nil {
			return nil, fmt.Errorf("reading what rule %s asks of its budget: %w", r.ID, err)
		}
		out[r.ID] = sum
	}
	return out, nil
}

// names makes the tables that turn the numbers of entitlements into names.
func (e *evaluation) names() error {
	values := func(rows []string) string { return "VALUES " + strings.Join(rows, ", ") }
	var rules, versions, rewards []string
	for _, r := range e.plan.Rules {
		rules = append(rules, fmt.Sprintf("(%d, %s)", r.No, warehouse.Literal(r.ID)))
	}
	for i, v := range e.plan.Family.Versions {
		versions = append(versions, fmt.Sprintf("(%d, %d)", i, v.Version))
	}
	for i, w := range e.plan.Rewards {
		rewards = append(rewards, fmt.Sprintf("(%d, %s, %d)", i, warehouse.Literal(w.ID), w.Scale))
	}
	for _, s := range []string{
		"CREATE TEMP TABLE eval_rules AS SELECT * FROM (" + values(rules) + ") t(rule_no, rule)",
		"CREATE TEMP TABLE eval_versions AS SELECT * FROM (" + values(versions) + ") t(ver, program_version)",
		"CREATE TEMP TABLE eval_rewards AS SELECT * FROM (" + values(rewards) + ") t(reward_no, reward, scale)",
	} {
		if _, err := e.db.Exec(e.ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// run executes steps in order.
func (e *evaluation) run(steps []sqlgen.Step) error {
	for _, s := range steps {
		st := Statement{Name: s.Name, Rule: s.Rule, File: s.File, Line: s.Line, SQL: s.SQL}
		if s.OnlyIf != "" {
			var any bool
			if err := e.db.QueryRow(e.ctx, "SELECT count(*) > 0 FROM (SELECT 1 FROM "+s.OnlyIf+" LIMIT 1)").Scan(&any); err != nil {
				return e.fail(st, err)
			}
			if !any {
				st.SQL, st.Skipped = s.Else, true
			}
		}
		if e.opts.Trace != nil {
			e.opts.Trace(st)
		}
		if e.opts.Rewrite != nil {
			st.SQL = e.opts.Rewrite(st)
		}
		if _, err := e.db.Exec(e.ctx, st.SQL); err != nil {
			return e.fail(st, err)
		}
		if st.Skipped {
			if s.To != "" {
				e.handedOn[s.To] = s.From
			}
			continue
		}
		for _, name := range s.Drop {
			if err := e.drop(name); err != nil {
				return e.fail(st, err)
			}
		}
	}
	return nil
}

// drop drops a relation, down to the one that it was handed on from.
func (e *evaluation) drop(name string) error {
	for ok := true; ok; name, ok = e.handedOn[name] {
		if err := e.db.DropTemps(e.ctx, func(n string) bool { return n == name }); err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluation) fail(s Statement, err error) error {
	what := s.Name
	if s.Rule != "" {
		what = fmt.Sprintf("%s:%d: rule %s: %s", s.File, s.Line, s.Rule, s.Name)
	}
	msg := err.Error()
	if strings.Contains(msg, "would earn more than 10^14") {
		msg = strings.TrimPrefix(msg, "Invalid Input Error: ")
		return fmt.Errorf("evaluating program %s: %s", e.plan.Family.ID, msg)
	}
	return fmt.Errorf("evaluating program %s: %s: %w", e.plan.Family.ID, what, err)
}
