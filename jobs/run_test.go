package jobs

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// F63: the default date is the earliest of the programs' yesterdays.
func TestDefaultDate(t *testing.T) {
	family := func(zone string) *program.Family {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		return &program.Family{Versions: []*program.Program{{Location: loc}}}
	}
	kolkata, newYork := family("Asia/Kolkata"), family("America/New_York")
	for _, c := range []struct {
		now      string
		families []*program.Family
		want     string
	}{
		{"2026-11-22T18:29:59Z", []*program.Family{kolkata}, "2026-11-21"},          // 23:59:59 on the 22nd
		{"2026-11-22T18:30:00Z", []*program.Family{kolkata}, "2026-11-22"},          // midnight of the 23rd
		{"2026-11-22T18:30:00Z", []*program.Family{kolkata, newYork}, "2026-11-21"}, // there it is the 22nd
		{"2026-11-23T04:59:00Z", []*program.Family{newYork, kolkata}, "2026-11-21"}, // 23:59 on the 22nd
		{"2026-11-23T05:00:00Z", []*program.Family{newYork, kolkata}, "2026-11-22"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := runDate(nil, c.families, now); err != nil || got.String() != c.want {
			t.Errorf("at %s: %s (%v), want %s", c.now, got, err, c.want)
		}
	}
}

// Two programs are two ledgers and two chains of manifests. Where one fails the other's grants stand, the run has
// failed, and its next attempt bears the same id and does what is missing.
func TestOneProgramFailsAndTheOtherStands(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	rich := func(earn string) string {
		return "program: rich\nversion: 1\neffective_from: 2026-01-01\ncurrency: INR\ntime_zone: Asia/Kolkata\nrules:\n" +
			"  - {id: base, kind: spend, earn: " + earn + ", per: 0.0001}\n"
	}
	write(t, filepath.Join(p.Dir, "programs", "rich.yaml"), rich("10000000"))
	d := day(t, nights[0])
	s, err := Run(t.Context(), p, RunOptions{Date: &d})
	if err == nil || !strings.Contains(err.Error(), "program rich") {
		t.Fatalf("a program that earns more than there may be gave %v", err)
	}
	if s == nil || s.State != RunFailed || s.Message != err.Error() {
		t.Errorf("its summary is %+v", s)
	}
	read(t, p, func(db *warehouse.DB) {
		if n := number(t, db, "SELECT count(*) FROM ledger WHERE program = 'rich'"); n != 0 {
			t.Errorf("%d grants of the program that failed", n)
		}
		if n := number(t, db, "SELECT count(*) FROM ledger WHERE program = 'jcb'"); n != 51 {
			t.Errorf("%d grants of the other program, want 51", n)
		}
	})
	before := published(t, p, nil)

	write(t, filepath.Join(p.Dir, "programs", "rich.yaml"), rich("0.0001"))
	s = run(t, p, nights[0])
	if s.Run != "run-2026-11-20-001" || s.Attempt != 2 || s.State != RunPublished {
		t.Errorf("the next attempt is %s, attempt %d, %s", s.Run, s.Attempt, s.State)
	}
	// Both attempts together are what the run did: what came in, and what both programs were granted.
	if len(s.Deliveries) != 1 || len(s.Programs) != 2 || len(s.Programs[0].Published) != 1 || len(s.Programs[1].Published) != 1 {
		t.Errorf("its summary is %+v", s)
	}
	after := published(t, p, nil)
	for path, sum := range before {
		if after[path] != sum {
			t.Errorf("%s has changed", path)
		}
	}
	if s := run(t, p, nights[0]); s.Run != "run-2026-11-20-002" || s.State != RunUnchanged {
		t.Errorf("the run after it is %s, %s", s.Run, s.State)
	}
}

// A second run against the same warehouse is told who has it.
func TestRunWhileAnotherRuns(t *testing.T) {
	p := sampleProject(t)
	d := day(t, nights[0])
	l, err := lockWarehouse(t.Context(), p.warehouseDir(), "accrue run --date 2026-11-19", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), p, RunOptions{Date: &d})
	var busy *BusyError
	if !errors.As(err, &busy) || Classify(err) != Busy || !strings.Contains(err.Error(), "2026-11-19") {
		t.Errorf("got %v", err)
	}
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
	run(t, p, nights[0])
}
