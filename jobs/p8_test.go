package jobs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/fixtures/random"
	"accrue/pipeline/cases"
	"accrue/pipeline/emit"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// livedProject has everything behind it that leaves traces: nights, a delivery that came after later ones, corrections, two
// versions of a program, a second program with a list of codes, a closing and its reopening, a backfill that restated,
// several forms and parts of files.
func livedProject(t *testing.T) *Project {
	t.Helper()
	p := plainProject(t, strings.Replace(plainProgram, "rules:", "rewards:\n  points: {expires: {after_days: 30}}\n  cash: {scale: 2}\nrules:\n"+
		"  - {id: back, kind: spend, earn: 1, per: 100, steps: fractional, reward: cash}", 1))
	second := strings.NewReplacer("version: 1", "version: 2", "2026-01-01", "2026-11-03", "earn: 1,", "earn: 3,").Replace(read1(t, p))
	write(t, filepath.Join(p.Dir, "programs", "p2.yaml"), second)
	write(t, filepath.Join(p.Dir, "programs", "q.yaml"), strings.NewReplacer("program: p", "program: q",
		"rules:", "rules:\n  - {id: codes, kind: gift_code, codes_file: codes.csv}").Replace(plainProgram))
	write(t, filepath.Join(p.Dir, "programs", "codes.csv"), "code,earn\nSPRING,10\n")
	p = settings(t, p, "threads: 1\ngrants: {formats: [parquet, csv, ndjson], max_rows_per_file: 2}\n")
	deliver(t, p, "2026-11-01", "t1 m/1 2026-11-01 133.33", "t2 n% 2026-11-01 250")
	run(t, p, "2026-11-01")
	deliver(t, p, "2026-11-03", "t3 m/1 2026-11-03 300", "t1 n% 2026-11-01 133.33")
	run(t, p, "2026-11-03")
	deliver(t, p, "2026-11-02", "t4 o 2026-11-02 400") // after the one of the 3rd
	run(t, p, "2026-11-04")
	if _, err := closeThrough(t, p, "2026-11-03", false); err != nil {
		t.Fatal(err)
	}
	if _, err := closeThrough(t, p, "2026-11-01", true); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.Dir, "programs", "p2.yaml"), strings.Replace(second, "earn: 3,", "earn: 5,", 1))
	deliver(t, p, "2026-11-05", "t5 m/1 2026-11-05 500", "t2 n% 2026-11-01 50")
	backfill(t, p, "2026-11-01", "2026-11-05", restate)
	return p
}

func read1(t *testing.T, p *Project) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Dir, "programs", "p.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func lose(t *testing.T, p *Project) {
	t.Helper()
	if err := os.RemoveAll(p.warehouseDir()); err != nil {
		t.Fatal(err)
	}
}

// remade digests what a rebuilt warehouse has again. Beside the history it does not know what the last run evaluated by,
// nor what was loaded anew: the next run works out everybody.
func remade(t *testing.T, p *Project) map[string]string {
	t.Helper()
	out := digests(t, p)
	delete(out, "evaluations")
	delete(out, "reloads")
	delete(out, "budgets")
	return out
}

// P8: deliveries and published files alone rebuild a warehouse equal to the lost one, table by table, and what follows
// is published as if nothing had happened. Every start notices that the warehouse is lost.
func TestP8WarehouseIsRebuilt(t *testing.T) {
	t.Parallel()
	p := livedProject(t)
	want, files := remade(t, p), published(t, p, nil)
	spared := copyProject(t, p)
	lose(t, p)

	d := day(t, "2026-11-06")
	var behind *emit.BehindError
	if _, err := p.OpenReader(t.Context()); err == nil || !strings.Contains(hintOf(err), "accrue rebuild") {
		t.Errorf("a reader says %v", err)
	}
	if _, err := Run(t.Context(), p, RunOptions{Date: &d}); !errors.As(err, &behind) || !strings.Contains(behind.Hint(), "accrue rebuild") {
		t.Errorf("a run says %v", err)
	}
	if _, err := tryBackfill(t, p, "2026-11-01", "2026-11-06", dryRun); !errors.As(err, &behind) {
		t.Errorf("a dry run says %v", err)
	}

	done := rebuilt(t, p)
	if done.Deliveries != 4 || done.Closings != 4 || len(done.Changed) > 0 || len(done.Warnings) > 0 {
		t.Errorf("rebuilt %+v", done)
	}
	if diff := cmp.Diff(want, remade(t, p)); diff != "" {
		t.Errorf("tables (-lost +rebuilt):\n%s", diff)
	}
	if diff := cmp.Diff(files, published(t, p, nil)); diff != "" {
		t.Errorf("published files have changed:\n%s", diff)
	}
	noFindings(t, p)

	// Life goes on: the same late row, correction and new row here and there.
	for _, q := range []*Project{p, spared} {
		deliver(t, q, "2026-11-06", "t6 m/1 2026-11-06 600", "t3 m/1 2026-11-03 900", "t7 o 2026-11-02 700")
		if s := run(t, q, "2026-11-05"); s.State != RunUnchanged {
			t.Errorf("a run with nothing new is %s", s.State)
		}
		run(t, q, "2026-11-06")
	}
	if diff := cmp.Diff(published(t, spared, nil), published(t, p, nil)); diff != "" {
		t.Errorf("published after it (-spared +rebuilt):\n%s", diff)
	}
	if diff := cmp.Diff(remade(t, spared), remade(t, p)); diff != "" {
		t.Errorf("tables after it (-spared +rebuilt):\n%s", diff)
	}
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// P8: an old copy of the warehouse in its place is noticed, by who reads too, and put aside by the rebuild; one that
// lacks nothing is not replaced unasked.
func TestP8OldCopy(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 100")
	run(t, p, "2026-11-01")
	old, err := os.ReadFile(p.warehouseFile())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Rebuild(t.Context(), p, RebuildOptions{}); err == nil || Classify(err) != Refused {
		t.Errorf("rebuilding what is whole: %v", err)
	}
	deliver(t, p, "2026-11-02", "t2 m 2026-11-02 200")
	run(t, p, "2026-11-02")
	want := remade(t, p)
	write(t, p.warehouseFile(), string(old))
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Behind == nil || len(r.Behind.Folders) != 1 || r.Behind.Folders[0] != "p/date=2026-11-02/seq=001" {
		t.Errorf("a reader finds %v", r.Behind)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	done, err := Rebuild(t.Context(), p, RebuildOptions{})
	if err != nil || done.Kept == "" {
		t.Fatalf("rebuilt %+v, %v", done, err)
	}
	if diff := cmp.Diff(want, remade(t, p)); diff != "" {
		t.Errorf("tables (-lost +rebuilt):\n%s", diff)
	}
	if s := run(t, p, "2026-11-02"); s.Run != "run-2026-11-02-002" || s.State != RunUnchanged {
		t.Errorf("the next run is %s, %s", s.Run, s.State)
	}
}

// P8: what is not as it was is not built upon: a missing delivery, a changed file, a gap in the chain. A delivery whose
// files have changed is left to the next run.
func TestP8RefusesWhatIsNotAsItWas(t *testing.T) {
	t.Parallel()
	lived := livedProject(t)
	for name, c := range map[string]struct {
		change func(p *Project)
		want   string
	}{
		"a missing delivery": {func(p *Project) { wipe(t, filepath.Join(p.ExportsDir(), "date=2026-11-02")) },
			"deliveries that are not there any more:\n"},
		"a changed grant file": {func(p *Project) { spoil(t, filepath.Join(p.grantsDir(), "p/date=2026-11-01/seq=001/grants-0001.csv")) },
			"p/date=2026-11-01/seq=001: published files were changed: grants-0001.csv: SHA-256"},
		"a changed manifest": {func(p *Project) {
			path := filepath.Join(p.grantsDir(), "p/date=2026-11-03/seq=001", schemas.ManifestName)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, strings.Replace(string(text), `"horizon": "2026-11-03"`, `"horizon": "2026-11-09"`, 1))
		}, "manifests follow each other"},
		"a gap": {func(p *Project) { wipe(t, filepath.Join(p.grantsDir(), "p/date=2026-11-03/seq=001")) },
			"program p: 1 of 5 manifests follow each other; after p/date=2026-11-01/seq=001 there is none"},
	} {
		p := copyProject(t, lived)
		lose(t, p)
		c.change(p)
		if _, err := Rebuild(t.Context(), p, RebuildOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v\nwant %s", name, err, c.want)
		}
		if _, err := os.Stat(p.warehouseFile()); !os.IsNotExist(err) {
			t.Errorf("%s: there is a warehouse (%v)", name, err)
		}
	}

	// t4 was sold for 600 by now, where 400 were known: what it gains is posted by the next run.
	p := copyProject(t, lived)
	lose(t, p)
	deliver(t, p, "2026-11-02", "t4 o 2026-11-02 600")
	done := rebuilt(t, p)
	if diff := cmp.Diff([]string{"2026-11-02"}, done.Changed); diff != "" {
		t.Error(diff)
	}
	known := book(t, p)
	run(t, p, "2026-11-05")
	booked(t, p, &known, "05/2 t4 adjustment 2 corrected", "05/2 t4 adjustment 2 corrected", "05/2 t4 adjustment 2 corrected")
}

func wipe(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// spoil changes the last digit in a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndexAny(string(text), "0123456789")
	text[at] ^= 1
	write(t, path, string(text))
}

// P7 for a rebuild: killed anywhere and started again it ends in the same warehouse.
func TestP7CrashInARebuild(t *testing.T) {
	t.Parallel()
	lived := livedProject(t)
	want := remade(t, lived)
	for _, step := range []string{"load.transactions:2", "load.commit:3", stepRebuildFill, stepRebuildKeep, stepRebuildSwap} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			p := copyProject(t, lived)
			write(t, p.warehouseFile(), "spoiled")
			start(t, p, "rebuild", step)
			start(t, p, "rebuild", "")
			if diff := cmp.Diff(want, remade(t, p)); diff != "" {
				t.Errorf("tables (-lost +rebuilt):\n%s", diff)
			}
		})
	}
}

// twoNights is a project with one night behind it and a second one delivered, before the second night and after it.
func twoNights(t *testing.T) (before, after *Project) {
	t.Helper()
	before = plainProject(t, plainProgram)
	deliver(t, before, "2026-11-01", "t1 m 2026-11-01 100", "t2 n 2026-11-01 250", "t4 o 2026-11-01 90", "t5 o 2026-11-01 90")
	run(t, before, "2026-11-01")
	deliver(t, before, "2026-11-02", "t1 n 2026-11-01 100", "t3 m 2026-11-02 300")
	after = copyProject(t, before)
	run(t, after, "2026-11-02")
	return before, after
}

// P8: a warehouse whose file was cut or has a bit flipped is noticed, rebuilt and goes on as if nothing had happened. A
// bit that nobody reads, in a free block, changes nothing.
func TestP8ADamagedWarehouseIsRebuilt(t *testing.T) {
	t.Parallel()
	base, calm := twoNights(t)
	want, files := remade(t, calm), published(t, calm, nil)
	whole, err := os.ReadFile(base.warehouseFile())
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{}
	for _, size := range []int{0, 100, 5000, 12288, len(whole) / 2, len(whole) - 1} {
		damaged[fmt.Sprintf("cut to %d bytes", size)] = whole[:size]
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	const headers = 3 * 4096
	flips := 12
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FLIPS")); err == nil {
		flips = n
	}
	for i := range flips {
		at := rnd.IntN(8 * len(whole))
		if i%4 == 0 {
			at = rnd.IntN(8 * headers)
		}
		text := bytes.Clone(whole)
		text[at/8] ^= 1 << (at % 8)
		damaged[fmt.Sprintf("bit %d of byte %d", at%8, at/8)] = text
	}
	noticed := 0
	for name, text := range damaged {
		p := copyProject(t, base)
		write(t, p.warehouseFile(), string(text))
		d := day(t, "2026-11-02")
		if _, err := Run(t.Context(), p, RunOptions{Date: &d}); err != nil {
			noticed++
			if !strings.Contains(Hint(err), "accrue rebuild") || MayPass(err) {
				t.Errorf("%s: a run says %v, and %q", name, err, Hint(err))
			}
			// Refused where nothing is missing any more: zeros were cut off, and the run has made the file longer again.
			if done, err := Rebuild(t.Context(), p, RebuildOptions{}); err != nil && Classify(err) != Refused || err == nil && done.Kept == "" {
				t.Errorf("%s: rebuilt %+v, %v", name, done, err)
				continue
			}
			run(t, p, "2026-11-02")
		}
		if diff := cmp.Diff(want, remade(t, p)); diff != "" {
			t.Errorf("%s: tables (-undisturbed +damaged):\n%s", name, diff)
		}
		if diff := cmp.Diff(files, published(t, p, nil)); diff != "" {
			t.Errorf("%s: published files (-undisturbed +damaged):\n%s", name, diff)
		}
	}
	t.Logf("%d of %d were noticed by the next run; the others changed nothing", noticed, len(damaged))
	if noticed < len(damaged)/2 {
		t.Errorf("only %d of %d were noticed", noticed, len(damaged))
	}
}

// P8: killed when its ledger was committed and its files were not there yet, and then the warehouse is damaged: the rebuild
// knows nothing of that night, and the next start posts it once.
func TestP8LostBetweenLedgerAndFiles(t *testing.T) {
	t.Parallel()
	base, calm := twoNights(t)
	for _, step := range []string{"ledger.commit", "publish.rename", "publish.sync", "publish.mark"} {
		p := copyProject(t, base)
		start(t, p, "2026-11-02", step)
		write(t, p.warehouseFile(), "spoiled")
		rebuilt(t, p)
		run(t, p, "2026-11-02")
		if diff := cmp.Diff(published(t, calm, nil), published(t, p, nil)); diff != "" {
			t.Errorf("%s: published files (-undisturbed +lost):\n%s", step, diff)
		}
		if diff := cmp.Diff(remade(t, calm), remade(t, p)); diff != "" {
			t.Errorf("%s: tables (-undisturbed +lost):\n%s", step, diff)
		}
		noFindings(t, p)
	}
}

// P8: the last delivery was changed before its warehouse was lost. The rebuild leaves it to the next run, that is one of an
// earlier date: what the delivery had earned is taken back. The run after it, which evaluates only what is new, gives it
// again, under numbers that were not given before.
func TestP8ChangedDeliveryAfterALoss(t *testing.T) {
	t.Parallel()
	_, p := twoNights(t)
	known := book(t, p)
	deliver(t, p, "2026-11-02", "t1 n 2026-11-01 100", "t3 m 2026-11-02 500")
	lose(t, p)
	done := rebuilt(t, p)
	if diff := cmp.Diff([]string{"2026-11-02"}, done.Changed); diff != "" {
		t.Error(diff)
	}
	run(t, p, "2026-11-01")
	// The rebuilt warehouse knows neither how t1 has changed nor t3.
	booked(t, p, &known, "01/2 t1 reversal -1 member_changed", "01/2 t1 adjustment 1 member_changed", "01/2 t3 reversal -3 limit_shifted")
	noFindings(t, p)
	worksOut(t, p, run(t, p, "2026-11-02"), 2)
	booked(t, p, &known, "02/2 t1 reversal -1 member_changed", "02/2 t1 adjustment 1 member_changed", "02/2 t3 adjustment 5 corrected")
	noFindings(t, p)
}

// P8: random histories end where the reference does although warehouses are lost in between, some of them when the next
// deliveries, or other forms of old ones, have come already; and no grant id comes twice.
func TestP8HistoriesSurviveLosses(t *testing.T) {
	t.Parallel()
	n := 12
	if text := os.Getenv(lossesVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", lossesVariable, err)
		}
	}
	lost := 0
	for seed := uint64(1); seed <= uint64(n); seed++ { // 0 has a night on each of 30 dates
		h := newHistory(seed)
		want, err := referenceSums(h.Case)
		if err != nil {
			t.Fatalf("history %d: %v", seed, err)
		}
		for name, nights := range map[string][]random.Night{"day by day": h.DayByDay(), "shuffled": h.Shuffled()} {
			rnd := rand.New(rand.NewPCG(seed, uint64(len(name))))
			p, err := CaseEngine{Threads: 1}.project(t.TempDir(), cases.Case{Programs: h.Programs})
			if err != nil {
				t.Fatalf("history %d: %v", seed, err)
			}
			for i, night := range nights {
				before, after := rnd.IntN(3) == 0, rnd.IntN(3) == 0
				if before && i > 0 {
					lose(t, p)
					rebuilt(t, p)
				}
				if err := put(p.ExportsDir(), night.Put); err != nil {
					t.Fatal(err)
				}
				if after && i > 0 {
					lose(t, p)
					rebuilt(t, p)
					lost++
				}
				if _, err := Run(t.Context(), p, RunOptions{Date: &night.Run}); err != nil {
					t.Fatalf("history %d, %s: the run for %s: %v", seed, name, night.Run, err)
				}
			}
			read(t, p, func(db *warehouse.DB) {
				got, _, err := ledgerSums(t.Context(), db)
				if err != nil {
					t.Fatal(err)
				}
				if diff := sumsDiffer(want, got); diff != "" {
					t.Errorf("history %d, %s:\n%s", seed, name, diff)
				}
			})
			noFindings(t, p)
		}
	}
	t.Logf("lost with deliveries waiting: %d", lost)
}

// lossesVariable is how many random histories lose their warehouses, for more than the default.
const lossesVariable = "ACCRUE_LOSSES"

func rebuilt(t *testing.T, p *Project) *Rebuilt {
	t.Helper()
	done, err := Rebuild(t.Context(), p, RebuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return done
}
