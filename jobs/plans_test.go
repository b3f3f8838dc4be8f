package jobs

import (
	"fmt"
	"path/filepath"
	"strings"
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
		if err := plans.Sound(t.Context(), db, query, args...); err != nil {
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

// DuckDB expects a condition to leave a fifth of the rows, and joins over several columns to give multiples: by that it would
// hash the facts where few members, or few rows, are looked for among them. A year of them does not fit into memory.
func TestFactsAreNotHashed(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	seen := map[string]int{}
	p.trace = func(db *warehouse.DB, query string, args []any) {
		for _, made := range []string{"eval_tx", "load_pairs"} {
			if !strings.Contains(query, "TEMP TABLE "+made+" AS") {
				continue
			}
			seen[made]++
			if err := plans.Hashed(t.Context(), db, "transactions", query, args...); err != nil {
				t.Error(err)
			}
		}
	}
	var first, second []string
	for i := range 6000 {
		first = append(first, fmt.Sprintf("t%05d m%04d 2026-11-20 100", i, i%2000))
	}
	for i := range 500 {
		second = append(second, fmt.Sprintf("u%05d m%04d 2026-11-21 100", i, i))
	}
	second = append(second, "t00007 m0007 2026-11-20 300", "t05000 m1000 2026-11-20 300")
	deliver(t, p, "2026-11-20", first...)
	members := "member_id,tier\n"
	for i := range 2000 {
		members += fmt.Sprintf("m%04d,\n", i)
	}
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-20", "members.csv"), members)
	run(t, p, "2026-11-20")
	deliver(t, p, "2026-11-21", second...)
	if got, want := grantsOf(run(t, p, "2026-11-21")), "base 500 500 · base 2 4"; got != want {
		t.Errorf("the second night gives %s, want %s", got, want)
	}
	if seen["eval_tx"] != 2 || seen["load_pairs"] != 1 {
		t.Errorf("seen %v", seen)
	}
}
