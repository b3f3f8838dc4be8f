package jobs

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/warehouse"
)

// A candidate beside what was granted, worked by hand: limits and budgets chain over all dates, also those that were not
// asked for; a version beside the others counts from its own date; nothing is written.
func TestSimulate(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-02", "t1 m 2026-11-01 300", "t2 m 2026-11-01 400", "t3 n 2026-11-02 100", "t4 m 2026-11-02 200")
	run(t, p, "2026-11-02") // 3 + 4 + 1 + 2
	whole := fileDigest(t, p.warehouseFile())
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if fileDigest(t, p.warehouseFile()) != whole {
			t.Error("the warehouse's file has changed")
		}
	}()
	draft := filepath.Join(p.Dir, "drafts", "new.yaml")
	for name, c := range map[string]struct {
		text     string
		from, to string
		want     []string
	}{
		// m has 6 and 8, of which a day's limit leaves 10, and 4; n has 2.
		"a limit": {strings.Replace(plainProgram, "earn: 1, per: 100", "earn: 2, per: 100, limits: {per_day: 10}", 1), "2026-11-01", "2026-11-02",
			[]string{"total  10 16 6", "rule base 10 16 6", "tier - 10 16 6", "date 2026-11-01 7 10 3", "date 2026-11-02 3 6 3",
				"channel - 10 16 6", "gains m 9 14 5", "gains n 1 2 1"}},
		// A budget of 8: m's 3 and 4 of the first date leave 1 for the second, where n's purchase comes first by its id.
		"a budget of which most is gone": {strings.Replace(plainProgram, "earn: 1, per: 100", "earn: 1, per: 100, budget: 8", 1), "2026-11-02", "2026-11-02",
			[]string{"total  3 1 -2", "rule base 3 1 -2", "tier - 3 1 -2", "date 2026-11-02 3 1 -2", "channel - 3 1 -2", "losses m 2 0 -2"}},
		// The second version counts from the 2nd on, where m has 2 × 4 and n 1 × 4.
		"a version beside": {strings.NewReplacer("version: 1", "version: 2", "2026-01-01", "2026-11-02", "earn: 1,", "earn: 4,").Replace(plainProgram),
			"2026-11-01", "2026-11-02",
			[]string{"total  10 19 9", "rule base 10 19 9", "tier - 10 19 9", "date 2026-11-01 7 7 0", "date 2026-11-02 3 12 9",
				"channel - 10 19 9", "gains m 9 15 6", "gains n 1 4 3"}},
		"a program that is new": {strings.NewReplacer("program: p", "program: q", "id: base", "id: other").Replace(plainProgram), "2026-11-02", "2026-11-02",
			[]string{"total  0 3 3", "rule other 0 3 3", "tier - 0 3 3", "date 2026-11-02 0 3 3", "channel - 0 3 3", "gains m 0 2 2", "gains n 0 1 1"}},
	} {
		write(t, draft, c.text)
		s, err := r.Simulate(t.Context(), SimulateOptions{File: draft, From: day(t, c.from), To: day(t, c.to), Top: 5})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		line := func(by string, row SimulationRow) {
			got = append(got, strings.Join([]string{by, row.Key, row.Granted, row.Candidate, row.Difference}, " "))
		}
		for _, row := range s.Rows {
			line(row.By, row)
		}
		for _, row := range s.Gains {
			line("gains", row)
		}
		for _, row := range s.Losses {
			line("losses", row)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if n := number(t, r.db, "SELECT count(*) FROM ledger"); n != 4 {
		t.Errorf("%d rows in the ledger, want 4", n)
	}
	// What a run of the candidate grants is what the simulation said.
	write(t, draft, strings.Replace(plainProgram, "per: 100", "per: 50", 1))
	s, err := r.Simulate(t.Context(), SimulateOptions{File: draft, From: day(t, "2026-11-01"), To: day(t, "2026-11-02")})
	if err != nil {
		t.Fatal(err)
	}
	q := copyProject(t, p)
	write(t, filepath.Join(q.Dir, "programs", "p.yaml"), strings.Replace(plainProgram, "per: 100", "per: 50", 1))
	backfill(t, q, "2026-11-01", "2026-11-02", restate)
	read(t, q, func(db *warehouse.DB) {
		if n := number(t, db, "SELECT CAST(sum(amount) // 10000 AS BIGINT) FROM ledger"); n != 20 || s.Rows[0].Candidate != "20" {
			t.Errorf("%d granted, %s simulated, want 20", n, s.Rows[0].Candidate)
		}
	})
}
