package jobs

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"accrue/pipeline/warehouse"
)

// told are the statements that DuckDB explains.
var told = regexp.MustCompile(`(?i)^\s*(SELECT|WITH|INSERT|CREATE|COPY|UPDATE|DELETE)`)

// planStep is a step of a plan, as DuckDB writes it in JSON.
type planStep struct {
	Name     string
	Info     map[string]any `json:"extra_info"`
	Children []planStep
}

// quadratic reports whether the step, or one below it, holds all rows against all others. With difference_request it may:
// that table has one row.
func (s planStep) quadratic() bool {
	oneRow := func(c planStep) bool {
		return len(c.Children) == 0 && strings.Contains(fmt.Sprint(c.Info), "difference_request")
	}
	return strings.TrimSpace(s.Name) == "BLOCKWISE_NL_JOIN" && !slices.ContainsFunc(s.Children, oneRow) ||
		slices.ContainsFunc(s.Children, planStep.quadratic)
}

// No statement of any command holds every row of one side of a join against every row of the other, which is quick in
// every test and takes days over a year of transactions. (Cross products and nested loops DuckDB takes where a side has a
// row or two.)
func TestNoStatementIsQuadratic(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	few := plainProject(t, sinceProgram) // whose second night works out some members only
	seen := map[string]bool{}
	p.trace = func(db *warehouse.DB, query string, args []any) {
		if seen[query] || !told.MatchString(query) {
			return
		}
		seen[query] = true
		var key, text string
		var plan []planStep
		if err := db.QueryRow(t.Context(), "EXPLAIN (FORMAT json) "+query, args...).Scan(&key, &text); err != nil {
			t.Errorf("%v: %s", err, query)
		} else if err := json.Unmarshal([]byte(text), &plan); err != nil || len(plan) != 1 {
			t.Errorf("%v: %s", err, text)
		} else if plan[0].quadratic() {
			t.Errorf("%s\n%s", query, text)
		}
	}
	few.trace = p.trace
	deliver(t, few, "2027-02-20", "t1 m1 2027-02-20 100", "t2 m2 2027-02-20 200", "t3 m3 2027-02-20 300", "t4 m4 2027-02-20 400", "t5 m5 2027-02-20 500")
	run(t, few, "2027-02-20")
	deliver(t, few, "2027-02-22", "u1 m1 2027-02-22 500", "t2 m6 2027-02-20 300")
	worksOut(t, few, run(t, few, "2027-02-22"), 3)
	run(t, p, nights...)
	from, to := day(t, "2026-11-19"), day(t, "2026-11-21")
	backfill(t, p, from.String(), to.String(), dryRun)
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if _, err := r.Report(t.Context(), ReportOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := r.Simulate(t.Context(), SimulateOptions{File: filepath.Join(p.Dir, "programs", "jcb.yaml"), From: from, To: to}); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	rec, err := Reconcile(t.Context(), p, ReconcileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	if len(seen) < 100 {
		t.Errorf("only %d statements were looked at", len(seen))
	}
}
