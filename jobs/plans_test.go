package jobs

import (
	"path/filepath"
	"testing"

	"accrue/fixtures/plans"
	"accrue/pipeline/warehouse"
)

// No statement of any command holds every row of one side of a join against every row of the other, which is quick in
// every test and takes days over a year of transactions.
func TestNoStatementIsQuadratic(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	few := plainProject(t, sinceProgram) // whose second night works out some members only
	seen := map[string]bool{}
	p.trace = func(db *warehouse.DB, query string, args []any) {
		if seen[query] || !plans.Explains(query) {
			return
		}
		seen[query] = true
		if err := plans.Quadratic(t.Context(), db, query, args...); err != nil {
			t.Error(err)
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
