package jobs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"accrue/pipeline/warehouse"
)

// told are the statements that DuckDB explains.
var told = regexp.MustCompile(`(?i)^\s*(SELECT|WITH|INSERT|CREATE|COPY|UPDATE|DELETE)`)

// No statement of any command holds every row of one side of a join against every row of the other, which is quick in
// every test and takes days over a year of transactions. (Cross products and nested loops DuckDB takes where a side has a
// row or two.)
func TestNoStatementIsQuadratic(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	seen := map[string]bool{}
	p.trace = func(db *warehouse.DB, query string, args []any) {
		if seen[query] || !told.MatchString(query) {
			return
		}
		seen[query] = true
		var key, plan string
		if err := db.QueryRow(t.Context(), "EXPLAIN "+query, args...).Scan(&key, &plan); err != nil {
			t.Errorf("%v: %s", err, query)
			return
		}
		if strings.Contains(plan, "BLOCKWISE_NL_JOIN") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
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
