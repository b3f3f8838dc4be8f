package evaluate_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"accrue/fixtures/random"
	"accrue/pipeline"
	"accrue/pipeline/cases"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
)

// funnels evaluates the programs of a case in both ways over a span of dates: with counts, and decision by decision.
func (p *passes) funnels(c cases.Case, from, until pipeline.Date) (counted, decided []string, err error) {
	families, err := cases.Families(c)
	if err != nil {
		return nil, nil, err
	}
	deliveries, _, err := cases.Rows(c)
	if err != nil {
		return nil, nil, err
	}
	facts, _ := reference.Resolve(deliveries, cases.Currencies(families))
	if err := p.insert(facts); err != nil {
		return nil, nil, err
	}
	for _, f := range families {
		count, err := evaluate.Funnel(p.ctx, p.db, f, c.Horizon(), from, until)
		if err != nil {
			return nil, nil, err
		}
		counted = append(counted, funnelLines(f.ID, count)...)
		res := reference.Evaluate(f, facts, reference.Options{Horizon: c.Horizon(), Trace: reference.TraceAll,
			TraceDates: &program.Span{From: from, Until: until}})
		decided = append(decided, decisionLines(f, res.Decisions)...)
	}
	return counted, decided, nil
}

func funnelLines(programID string, c *evaluate.FunnelCount) []string {
	out := []string{fmt.Sprintf("%s: %d sources", programID, c.Sources)}
	for _, r := range c.Rules {
		lines := []string{fmt.Sprintf("%s %s: looked at %d, pays %d", programID, r.Rule, r.Looked, r.Pays)}
		for reason, n := range r.Reasons {
			lines = append(lines, fmt.Sprintf("%s %s: %d %s", programID, r.Rule, n, reason))
		}
		for k, sum := range r.Taken {
			lines = append(lines, fmt.Sprintf("%s %s: %s took %s %s", programID, r.Rule, k[0], sum, k[1]))
		}
		slices.Sort(lines[1:])
		out = append(out, lines...)
	}
	return out
}

// decisionLines counts decisions in the words of funnelLines.
func decisionLines(f *program.Family, decisions []reference.Decision) []string {
	type rule struct {
		looked, pays int
		reasons      map[string]int
		taken        map[string]decimal.Decimal
	}
	rules, sources := map[string]*rule{}, map[string]bool{}
	for _, d := range decisions {
		r := rules[d.Rule]
		if r == nil {
			r = &rule{reasons: map[string]int{}, taken: map[string]decimal.Decimal{}}
			rules[d.Rule] = r
		}
		if d.MemberID != "" {
			sources[string(d.SourceType)+" "+d.SourceID] = true
		}
		r.looked++
		if d.Reason == "" {
			r.pays++
		} else {
			r.reasons[d.Reason]++
		}
		// What one step has and the next has not was taken by the next; what is left when a decision ends without a step, by
		// that which ended it.
		var left decimal.Decimal
		take := func(name string, amount decimal.Decimal) {
			if stage := stageNamed(name); stage != "" && !amount.IsZero() {
				r.taken[stage+" "+d.Reward] = r.taken[stage+" "+d.Reward].Add(amount)
			}
		}
		for _, s := range d.Steps {
			if s.Name != "earned" && stageNamed(s.Name) == "" {
				continue
			}
			take(s.Name, left.Sub(s.Amount))
			left = s.Amount
		}
		if d.Reason != "" {
			take(d.Reason, left)
		}
	}
	out := []string{fmt.Sprintf("%s: %d sources", f.ID, len(sources))}
	for _, id := range f.RuleIDs() {
		r := rules[id]
		if r == nil {
			continue
		}
		lines := []string{fmt.Sprintf("%s %s: looked at %d, pays %d", f.ID, id, r.looked, r.pays)}
		for reason, n := range r.reasons {
			lines = append(lines, fmt.Sprintf("%s %s: %d %s", f.ID, id, n, reason))
		}
		for k, sum := range r.taken {
			i := strings.LastIndexByte(k, ' ')
			lines = append(lines, fmt.Sprintf("%s %s: %s took %s %s", f.ID, id, k[:i], sum, k[i+1:]))
		}
		slices.Sort(lines[1:])
		out = append(out, lines...)
	}
	return out
}

// stageNamed is the stage of a step or a reason that takes of what was earned; "" for others.
func stageNamed(name string) string {
	what, period, _ := strings.Cut(name, ":")
	if what == "amount" || what == "amount_limit" {
		if period == string(pipeline.PerTransaction) {
			return "per_transaction"
		}
		return "amounts"
	}
	return map[string]string{
		"best_of": "best_of", "beaten_by": "best_of", "times": "times", "times_limit": "times", "code": "times", "code_used_up": "times",
		"budget": "budget", "program": "program limits", "program_limit": "program limits",
	}[what]
}

// What the funnel counts is what the reference decides, for every reason and stage, on the cases worked by hand and on
// random programs over random facts.
func TestFunnelAgreesWithDecisions(t *testing.T) {
	p := open(t)
	differ := func(c cases.Case) string {
		for _, span := range []program.Span{{From: pipeline.MinDate, Until: pipeline.MaxDate}, {From: c.Horizon() - 20, Until: c.Horizon() - 3}} {
			counted, decided, err := p.funnels(c, span.From, span.Until)
			if err != nil {
				return err.Error()
			}
			if diff := cmp.Diff(decided, counted); diff != "" {
				return fmt.Sprintf("%s to %s (-decisions +funnel):\n%s", span.From, span.Until, diff)
			}
		}
		return ""
	}
	for _, c := range corpus(t) {
		if _, err := (cases.Reference{}).Run(c); err != nil {
			continue // cases of what is refused
		}
		if diff := differ(c); diff != "" {
			t.Errorf("%s: %s", c.Name, diff)
		}
	}
	first, count := 1, 50
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FUZZ_PASSES")); err == nil {
		count = n
	}
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FUZZ_FIRST")); err == nil {
		first = n
	}
	failed := 0
	for seed := first; seed < first+count && failed < 3; seed++ {
		c := random.New(uint64(seed))
		if _, err := (cases.Reference{}).Run(c); err != nil || differ(c) == "" {
			continue
		}
		failed++
		small := random.Shrink(c, func(c cases.Case) bool {
			_, err := cases.Reference{}.Run(c)
			return err == nil && differ(c) != ""
		})
		t.Errorf("seed %d:\n%s\n%s", seed, differ(small), cases.Format(small))
	}
}
