package jobs

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logged collects the stages of a run on a clock that stands still, but for so many seconds in each passing of a step.
func logged(t *testing.T, o *RunOptions, seconds map[string]int) *[]string {
	t.Helper()
	clock := &stillClock{now: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)}
	var out []string
	o.Clock = clock
	o.Step = func(step string) { clock.Sleep(t.Context(), time.Duration(seconds[step])*time.Second) }
	o.Stage = func(s Stage) {
		line := fmt.Sprintf("%s %s %g s", s.At.Format("04:05"), s.Name, s.Seconds)
		if s.Counted {
			line += fmt.Sprintf(", %d rows", s.Rows)
		}
		if s.Broken {
			line += ", broken off"
		}
		out = append(out, strings.TrimSpace(s.Run+" "+line))
	}
	return &out
}

func wantLog(t *testing.T, got *[]string, run string, want ...string) {
	t.Helper()
	for i := range want {
		want[i] = strings.TrimSpace(run + " " + want[i])
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

// A night tells its stages as they end, with their rows; the statements of an evaluation are one, and a dataset without
// files none.
func TestStagesOfANight(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 100", "t2 m 2026-11-01 300", "t3 n 2026-11-01 50")
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-01", "members.csv"), "member_id\nm\n")
	write(t, filepath.Join(p.Dir, "acks", "a.csv"), "grant_id,status,amount\np/base/transaction/t1/1,posted,1\n")
	d := day(t, "2026-11-01")
	o := RunOptions{Date: &d, Profile: &Profile{}}
	got := logged(t, &o, map[string]int{
		stepLoad: 1, "load.read": 2, "load.transactions": 3, "load.items": 0, "load.settle": 1, "load.commit": 1, stepAcks: 2,
		"load.acks": 1, stepEvaluate: 4, stepDifference: 5, stepLedgerPost: 6, "emit.write": 7, "emit.sync": 1, "emit.readback": 8,
		stepLedgerCommit: 1, "publish.rename": 2, stepRunFinish: 1,
	})
	if _, err := Run(t.Context(), p, o); err != nil {
		t.Fatal(err)
	}
	wantLog(t, got, "run-2026-11-01-001",
		"00:03 read deliveries 3 s, 4 rows", "00:06 load transactions 3 s, 3 rows", "00:06 load members 0 s, 1 rows",
		"00:08 settle deliveries 2 s", "00:11 load acknowledgements 3 s, 1 rows", "00:15 evaluate p 4 s",
		"00:20 compare p with the ledger 5 s, 2 rows", "00:26 post p 6 s, 2 rows", "00:34 write p 8 s, 2 rows",
		"00:42 read back p 8 s, 2 rows", "00:45 publish p 3 s, 2 rows", "00:46 sum up 1 s")
	sum := 0.0
	for _, s := range o.Profile.Stages {
		sum += s.Seconds
	}
	if sum != 46 {
		t.Errorf("the profile beside it has %g s", sum)
	}

	// Nothing new.
	got = logged(t, &o, nil)
	if _, err := Run(t.Context(), p, o); err != nil {
		t.Fatal(err)
	}
	wantLog(t, got, "run-2026-11-01-002", "00:00 evaluate p 0 s", "00:00 compare p with the ledger 0 s, 0 rows",
		"00:00 post p 0 s, 0 rows", "00:00 publish p 0 s")
}

// What is done for every delivery and date is summed up, and told whenever it has come to ten seconds.
func TestStagesOfABackfill(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	for _, d := range []string{"01", "02", "03"} {
		deliver(t, p, "2026-11-"+d, "t"+d+" m 2026-11-"+d+" 100")
	}
	seconds := map[string]int{"load.read": 6, "load.transactions": 1, "emit.write": 4, "emit.readback": 1, "publish.mark": 3}
	load := []string{"00:13 read deliveries 12 s, 2 rows", "00:20 read deliveries 6 s, 1 rows", "00:21 load transactions 3 s, 3 rows"}
	var got *[]string
	o := func(o *BackfillOptions) { got = logged(t, &o.RunOptions, seconds) }
	backfill(t, p, "2026-11-01", "2026-11-03", dryRun, o)
	wantLog(t, got, "", append(slices.Clone(load), "00:21 evaluate p 0 s", "00:21 compare p with the ledger 0 s, 3 rows")...)
	backfill(t, p, "2026-11-01", "2026-11-03", o)
	wantLog(t, got, "backfill-2026-11-01_2026-11-03-001", append(slices.Clone(load),
		"00:21 evaluate p 0 s", "00:21 compare p with the ledger 0 s, 3 rows", "00:21 post p 0 s, 3 rows",
		"00:35 write p 12 s, 3 rows", "00:36 read back p 3 s, 3 rows", "00:45 publish p 9 s, 3 rows")...)
}

// A stage that fails says so, and the time until the next one is not its own.
func TestStagesThatFail(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	write(t, filepath.Join(p.Dir, "programs", "a.yaml"), strings.NewReplacer("program: p", "program: a", "earn: 1", "earn: 10000000",
		"per: 100", "per: 0.0001").Replace(plainProgram))
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 99999999999999")
	d := day(t, "2026-11-01")
	o := RunOptions{Date: &d}
	seconds := map[string]int{stepEvaluate: 2}
	got := logged(t, &o, seconds)
	if _, err := Run(t.Context(), p, o); err == nil {
		t.Fatal("a program that earns more than there may be was run")
	}
	wantLog(t, got, "run-2026-11-01-001", "00:00 read deliveries 0 s, 1 rows", "00:00 load transactions 0 s, 1 rows",
		"00:02 evaluate a 2 s, broken off", "00:04 evaluate p 2 s", "00:04 compare p with the ledger 0 s, 1 rows",
		"00:04 post p 0 s, 1 rows", "00:04 write p 0 s, 1 rows", "00:04 read back p 0 s, 1 rows", "00:04 publish p 0 s, 1 rows")

	deliver(t, p, "2026-11-02", "t2 m 2026-11-02 x")
	d = day(t, "2026-11-02")
	got = logged(t, &o, map[string]int{"load.settle": 3})
	if _, err := Run(t.Context(), p, o); err == nil {
		t.Fatal("a delivery of rejects was loaded")
	}
	wantLog(t, got, "run-2026-11-02-001", "00:00 read deliveries 0 s, 1 rows", "00:00 load transactions 0 s, 1 rows",
		"00:03 settle deliveries 3 s, broken off")
}

// A night in which a budget may be used up works out everybody after all: both evaluations and comparisons are told.
func TestStagesOfANightWorkedOutTwice(t *testing.T) {
	t.Parallel()
	p := plainProject(t, strings.Replace(plainProgram, "per: 100", "per: 100, budget: 5", 1))
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 100", "t2 n 2026-11-01 100", "t3 o 2026-11-01 100")
	run(t, p, "2026-11-01")
	deliver(t, p, "2026-11-02", "t4 n 2026-11-02 300")
	d := day(t, "2026-11-02")
	o := RunOptions{Date: &d}
	got := logged(t, &o, map[string]int{stepDifference: 2})
	if _, err := Run(t.Context(), p, o); err != nil {
		t.Fatal(err)
	}
	*got = slices.DeleteFunc(*got, func(s string) bool { return !strings.Contains(s, "evaluate") && !strings.Contains(s, "compare") })
	wantLog(t, got, "run-2026-11-02-001", "00:00 evaluate p 0 s", "00:02 compare p with the ledger 2 s", "00:02 evaluate p 0 s",
		"00:04 compare p with the ledger 2 s, 1 rows")
}

// Every step belongs to a stage, and stages have plain names. What an interrupted run left to publish comes before any
// program is at work.
func TestStageOfEveryStep(t *testing.T) {
	var got []string
	for _, step := range Steps() {
		s, _ := stageOf(step, "p")
		if s.Program == "p" != strings.Contains(s.Name, " p") {
			t.Errorf("%s is %+v", step, s)
		}
		got = append(got, s.Name)
	}
	want := []string{"publish p", "read deliveries", "load transactions", "load items", "load returns", "load activities",
		"load members", "load stores", "settle deliveries", "load acknowledgements", "evaluate p", "compare p with the ledger",
		"post p", "write p", "read back p", "publish p", "sum up"}
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	for _, step := range []string{stepRunStart, stepRecover, "emit.write", "publish.rename"} {
		if s, _ := stageOf(step, ""); s.Name != "recover" || s.Program != "" {
			t.Errorf("%s before any program is %+v", step, s)
		}
	}
}
