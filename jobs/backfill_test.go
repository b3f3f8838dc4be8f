package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/emit"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// plainProgram pays one point per full 100.
const plainProgram = `program: p
version: 1
effective_from: 2026-01-01
currency: INR
time_zone: Asia/Kolkata
rules:
  - {id: base, kind: spend, earn: 1, per: 100}
`

// plainProject is a project with one program and no deliveries.
func plainProject(t *testing.T, text string) *Project {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, SettingsName), "threads: 1\n")
	write(t, filepath.Join(dir, "programs", "p.yaml"), text)
	if err := os.Mkdir(filepath.Join(dir, "exports"), 0o755); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

// deliver writes a delivery of transactions, each as `id member date amount`, at ten in the morning.
func deliver(t *testing.T, p *Project, date string, rows ...string) {
	t.Helper()
	text := "transaction_id,member_id,occurred_at,amount\n"
	for _, r := range rows {
		f := strings.Fields(r)
		text += f[0] + "," + f[1] + "," + f[2] + "T10:00," + f[3] + "\n"
	}
	write(t, filepath.Join(p.ExportsDir(), "date="+date, "transactions.csv"), text)
	write(t, filepath.Join(p.ExportsDir(), "date="+date, "_SUCCESS"), "")
}

func backfill(t *testing.T, p *Project, from, to string, more ...func(*BackfillOptions)) *Summary {
	t.Helper()
	s, err := tryBackfill(t, p, from, to, more...)
	if err != nil {
		t.Fatalf("backfill from %s to %s: %v", from, to, err)
	}
	return s
}

func tryBackfill(t *testing.T, p *Project, from, to string, more ...func(*BackfillOptions)) (*Summary, error) {
	t.Helper()
	o := BackfillOptions{From: day(t, from), To: day(t, to)}
	for _, m := range more {
		m(&o)
	}
	return Backfill(t.Context(), p, o)
}

func dryRun(o *BackfillOptions)  { o.DryRun = true }
func restate(o *BackfillOptions) { o.Restate = true }

// closeThrough closes, or with reopen opens again, through a date; "" for all dates.
func closeThrough(t *testing.T, p *Project, date string, reopen bool) ([]schemas.Closing, error) {
	t.Helper()
	o := CloseOptions{Reopen: reopen}
	if date != "" {
		d := day(t, date)
		o.Through = &d
	}
	return Close(t.Context(), p, o)
}

// book lists the ledger as `posted/seq source kind amount reason`, the day of the month for dates, in the order of
// publication.
func book(t *testing.T, p *Project) []string {
	t.Helper()
	var out []string
	read(t, p, func(db *warehouse.DB) {
		var row string
		if err := db.Each(t.Context(), `SELECT concat(strftime(posted_on, '%d'), '/', seq, ' ', source_id, ' ', kind, ' ',
				amount // 10000, ' ', reason) FROM ledger ORDER BY posted_on, seq, source_id, n`, nil, []any{&row}, func() error {
			out = append(out, strings.TrimSpace(row))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
	return out
}

// booked wants the rows that were posted since the ones already known.
func booked(t *testing.T, p *Project, known *[]string, want ...string) {
	t.Helper()
	var got []string
	now := book(t, p)
	left := append([]string{}, *known...)
	for _, row := range now {
		if i := indexOf(left, row); i >= 0 {
			left = append(left[:i], left[i+1:]...)
			continue
		}
		got = append(got, row)
	}
	if len(left) > 0 {
		t.Errorf("rows of the ledger are gone: %q", left)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("posted (-want +got):\n%s", diff)
	}
	*known = now
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// A month of a small shop, by hand: F60, closings, a restatement. 100 earn 1.
func TestBackfillPostsToEarnedDates(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 100")
	deliver(t, p, "2026-11-02", "t2 m 2026-11-02 200")
	deliver(t, p, "2026-11-03", "t3 m 2026-11-03 300")
	deliver(t, p, "2026-11-04", "t0 m 2026-11-01 400", "t4 m 2026-11-04 500")
	var known []string

	// The delivery of the 4th is not looked at; what was earned before the 2nd goes to the 2nd.
	backfill(t, p, "2026-11-02", "2026-11-03")
	booked(t, p, &known, "02/1 t1 accrual 1 late", "02/1 t2 accrual 2", "03/1 t3 accrual 3")
	run(t, p, "2026-11-04")
	booked(t, p, &known, "04/1 t0 accrual 4 late", "04/1 t4 accrual 5")

	// The 4th is closed: t5 goes to the 5th and keeps its date.
	if done, err := closeThrough(t, p, "2026-11-04", false); err != nil || len(done) != 1 || done[0].N != 1 {
		t.Fatalf("closing gave %v, %v", done, err)
	}
	deliver(t, p, "2026-11-05", "t5 m 2026-11-04 600", "t6 m 2026-11-05 700")
	backfill(t, p, "2026-11-01", "2026-11-05")
	booked(t, p, &known, "05/1 t5 accrual 6 late", "05/1 t6 accrual 7")
	read(t, p, func(db *warehouse.DB) {
		if n := number(t, db, "SELECT count(*) FROM ledger WHERE source_id = 't5' AND earned_on = DATE '2026-11-04'"); n != 1 {
			t.Error("t5 has lost the date that it was earned on")
		}
		// No closed date was published a second time, nor for the first.
		if n := number(t, db, "SELECT count(*) FROM publications"); n != 4 {
			t.Errorf("%d publications, want one for each of the 2nd to the 5th", n)
		}
	})

	// A run for a closed date posts to the first open one.
	deliver(t, p, "2026-11-06", "t1 m 2026-11-01 1000")
	if done, err := closeThrough(t, p, "2026-11-05", false); err != nil || len(done) != 1 {
		t.Fatalf("closing gave %v, %v", done, err)
	}
	deliver(t, p, "2026-10-01", "t7 m 2026-10-01 800")
	run(t, p, "2026-11-02")
	booked(t, p, &known, "06/1 t7 accrual 8 late")

	// Reopened from the 3rd on: the correction of the 1st goes to the 3rd.
	if _, err := closeThrough(t, p, "2026-11-02", false); err == nil || Classify(err) != Refused || !strings.Contains(err.Error(), "--reopen") {
		t.Errorf("closing less gave %v", err)
	}
	if done, err := closeThrough(t, p, "2026-11-02", true); err != nil || done[0].Act != schemas.ActReopen || done[0].N != 3 {
		t.Fatalf("reopening gave %v, %v", done, err)
	}
	backfill(t, p, "2026-11-01", "2026-11-06")
	booked(t, p, &known, "03/2 t1 adjustment 9 corrected")

	// Twice as much, restated over the 3rd and the 4th: what lies before goes to the 3rd, what lies after to the 4th.
	write(t, filepath.Join(p.Dir, "programs", "p.yaml"), strings.Replace(plainProgram, "earn: 1", "earn: 2", 1))
	files := published(t, p, nil)
	backfill(t, p, "2026-11-03", "2026-11-04", restate)
	booked(t, p, &known,
		"03/3 t0 adjustment 4 restated", "03/3 t1 adjustment 10 restated", "03/3 t2 adjustment 2 restated",
		"03/3 t3 adjustment 3 restated", "03/3 t7 adjustment 8 restated",
		"04/2 t4 adjustment 5 restated", "04/2 t5 adjustment 6 restated", "04/2 t6 adjustment 7 restated")
	still(t, p, files)
	noFindings(t, p)

	// P2: all of it again does nothing.
	files = published(t, p, nil)
	if s := backfill(t, p, "2026-11-01", "2026-11-06", restate); s.State != RunUnchanged {
		t.Errorf("a backfill with nothing new is %s", s.State)
	}
	run(t, p, "2026-11-04")
	if diff := cmp.Diff(files, published(t, p, nil)); diff != "" {
		t.Error(diff)
	}
}

// still wants every file as it was.
func still(t *testing.T, p *Project, before map[string]string) {
	t.Helper()
	after := published(t, p, nil)
	for path, sum := range before {
		if after[path] != sum {
			t.Errorf("%s has changed", path)
		}
	}
}

// noFindings wants warehouse and published files to add up.
func noFindings(t *testing.T, p *Project) {
	t.Helper()
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Findings) > 0 {
		t.Errorf("verify finds %v", v.Findings)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// A backfill publishes one folder per date, chained in the order of the dates, and a manifest without grants for a date
// that has none; dates before the program's first version get none.
func TestBackfillPublishesEveryDateOnce(t *testing.T) {
	t.Parallel()
	p := plainProject(t, strings.Replace(plainProgram, "2026-01-01", "2026-11-02", 1))
	deliver(t, p, "2026-11-02", "t2 m 2026-11-02 200")
	deliver(t, p, "2026-11-04", "t4 m 2026-11-04 400")
	deliver(t, p, "2026-11-06", "t6 m 2026-11-06 600", "t3 m 2026-11-03 300")
	run(t, p, "2026-11-04")
	s := backfill(t, p, "2026-10-28", "2026-11-06")
	var got []string
	for _, pub := range s.Programs[0].Published {
		got = append(got, pub.Folder[len("grants/p/date=2026-"):])
	}
	want := []string{"11-02/seq=001", "11-03/seq=001", "11-05/seq=001", "11-06/seq=001"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	known := []string(nil)
	booked(t, p, &known, "03/1 t3 accrual 3", "04/1 t2 accrual 2 late", "04/1 t4 accrual 4", "06/1 t6 accrual 6")
	previous := map[string]string{}
	for _, folder := range append([]string{"11-04/seq=001"}, want...) {
		text, err := os.ReadFile(filepath.Join(p.grantsDir(), "p", "date=2026-"+folder, schemas.ManifestName))
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseManifest(string(text))
		if err != nil {
			t.Fatal(err)
		}
		previous[folder] = m.Previous
	}
	sums := published(t, p, nil)
	for i, folder := range want {
		before := append([]string{"11-04/seq=001"}, want...)[i]
		if previous[folder] != sums["p/date=2026-"+before+"/"+schemas.ManifestName] {
			t.Errorf("%s does not follow %s", folder, before)
		}
	}
	if s := backfill(t, p, "2026-10-28", "2026-11-06"); s.State != RunUnchanged || len(s.Programs[0].Published) > 0 {
		t.Errorf("the second backfill is %s: %+v", s.State, s.Programs)
	}
	noFindings(t, p)
}

// A dry run shows the difference and writes nothing, with a warehouse and without one.
func TestBackfillDryRun(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-01")
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-01", "transactions.csv"),
		"transaction_id,member_id,occurred_at,amount\nt1,m,2026-11-01T10:00,100\nt9,m,2026-11-01T10:00,x\n")
	write(t, filepath.Join(p.Dir, SettingsName), "max_rejects: 1\n")
	p = open(t, p.Dir)
	want := []DaySummary{{PostedOn: "2026-11-01", Rule: "base", Reward: "points", Rows: 1, Granted: "1", TakenBack: "0", Amount: "1"}}
	s := backfill(t, p, "2026-11-01", "2026-11-02", dryRun)
	if diff := cmp.Diff(want, s.Programs[0].Days); diff != "" || s.State != RunDry {
		t.Errorf("%s, days (-want +got):\n%s", s.State, diff)
	}
	if len(s.Programs[0].Published) != 2 || s.Programs[0].Published[1].Rows != 0 {
		t.Errorf("it would publish %+v", s.Programs[0].Published)
	}
	for _, name := range []string{"warehouse/accrue.duckdb", "grants", "rejects"} {
		if _, err := os.Stat(filepath.Join(p.Dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is there (%v)", name, err)
		}
	}

	run(t, p, "2026-11-01")
	deliver(t, p, "2026-11-02", "t1 m 2026-11-01 50", "t2 m 2026-11-02 250")
	write(t, filepath.Join(p.Dir, "programs", "p.yaml"), strings.Replace(plainProgram, "per: 100", "per: 10", 1))
	files, facts, whole := published(t, p, nil), digests(t, p), fileDigest(t, p.warehouseFile())
	if _, err := tryBackfill(t, p, "2026-11-01", "2026-11-02", dryRun); err == nil || Classify(err) != Refused {
		t.Errorf("without --restate: %v", err)
	}
	// t1 is 50 now, at 1 per 10: 5 where 1 was; t2 is 25.
	want = []DaySummary{
		{PostedOn: "2026-11-01", Rule: "base", Reward: "points", Rows: 1, Granted: "4", TakenBack: "0", Amount: "4"},
		{PostedOn: "2026-11-02", Rule: "base", Reward: "points", Rows: 1, Granted: "25", TakenBack: "0", Amount: "25"},
	}
	s = backfill(t, p, "2026-11-01", "2026-11-02", dryRun, restate)
	if diff := cmp.Diff(want, s.Programs[0].Days); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
	if len(s.Changes) != 1 || s.Changes[0].What != changeChanged || len(s.Changes[0].Says) != 1 || !strings.Contains(s.Changes[0].Says[0], "base") {
		t.Errorf("changes: %+v", s.Changes)
	}
	if diff := cmp.Diff(files, published(t, p, nil)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(facts, digests(t, p)); diff != "" {
		t.Error(diff)
	}
	if fileDigest(t, p.warehouseFile()) != whole {
		t.Error("the warehouse's file has changed")
	}
}

func fileDigest(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Files that posted grants rest on: changed, missing (F59), displaced by a version in the past. A run refuses each, a
// restatement accepts each, and then the run does too.
func TestRestateAcceptsWhatRunRefuses(t *testing.T) {
	t.Parallel()
	second := strings.NewReplacer("version: 1", "version: 2", "2026-01-01", "2026-11-02", "earn: 1", "earn: 3").Replace(plainProgram)
	third := strings.NewReplacer("version: 1", "version: 3", "2026-01-01", "2026-11-03", "earn: 1", "earn: 5").Replace(plainProgram)
	p := plainProject(t, plainProgram)
	programs := filepath.Join(p.Dir, "programs")
	write(t, filepath.Join(programs, "p2.yaml"), second)
	deliver(t, p, "2026-11-03", "t1 m 2026-11-01 100", "t2 m 2026-11-02 100", "t3 m 2026-11-03 100")
	backfill(t, p, "2026-11-01", "2026-11-03")
	known := []string(nil)
	booked(t, p, &known, "01/1 t1 accrual 1", "02/1 t2 accrual 3", "03/1 t3 accrual 3")

	steps := []struct {
		name   string
		change func()
		whats  []string
		refuse string
		want   []string
	}{
		{"a version in the past", func() { write(t, filepath.Join(programs, "p3.yaml"), third) },
			[]string{changeDisplaced, changeNew}, "is no longer in force then", []string{"03/2 t3 adjustment 2 restated"}},
		{"a version is missing", func() { remove(t, filepath.Join(programs, "p2.yaml")) },
			[]string{changeMissing}, "p2.yaml: version 2 of program p is missing", []string{"02/2 t2 reversal -2 restated"}},
		{"changed", func() { write(t, filepath.Join(programs, "p3.yaml"), strings.Replace(third, "earn: 5", "earn: 4", 1)) },
			[]string{changeChanged}, "version 3 of program p has changed", []string{"03/3 t3 reversal -1 restated"}},
	}
	for _, step := range steps {
		step.change()
		d := day(t, "2026-11-03")
		if _, err := Run(t.Context(), p, RunOptions{Date: &d}); err == nil || Classify(err) != Refused || !strings.Contains(err.Error(), step.refuse) {
			t.Errorf("%s: run says %v", step.name, err)
		}
		s := backfill(t, p, "2026-11-01", "2026-11-03", restate)
		var whats []string
		for _, c := range s.Changes {
			whats = append(whats, c.What)
		}
		if diff := cmp.Diff(step.whats, whats); diff != "" {
			t.Errorf("%s: changes (-want +got):\n%s", step.name, diff)
		}
		booked(t, p, &known, step.want...)
		if s := run(t, p, "2026-11-03"); s.State != RunUnchanged {
			t.Errorf("%s: the run after the restatement is %s", step.name, s.State)
		}
	}
	// Without any file there is nothing to evaluate, and nobody takes everything back by that.
	write(t, filepath.Join(programs, "q.yaml"), strings.Replace(plainProgram, "program: p", "program: q", 1))
	remove(t, filepath.Join(programs, "p.yaml"))
	remove(t, filepath.Join(programs, "p3.yaml"))
	if _, err := tryBackfill(t, p, "2026-11-01", "2026-11-03", restate); err == nil || Classify(err) != Refused ||
		!strings.Contains(err.Error(), "p.yaml: version 1 of program p is missing") {
		t.Errorf("without any file: %v", err)
	}
	noFindings(t, p)
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// What cannot be closed is refused, and what is closed already stays as it is.
func TestCloseRefuses(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 100")
	if _, err := closeThrough(t, p, "2026-11-01", false); err == nil || !strings.Contains(err.Error(), "nothing was ever run") {
		t.Errorf("before the first run: %v", err)
	}
	run(t, p, "2026-11-01")
	if _, err := closeThrough(t, p, "2026-11-02", false); err == nil || !strings.Contains(err.Error(), "run through 2026-11-01 only") {
		t.Errorf("beyond the last run: %v", err)
	}
	if _, err := closeThrough(t, p, "2026-11-01", true); err == nil || !strings.Contains(err.Error(), "nothing to reopen") {
		t.Errorf("reopening what is open: %v", err)
	}
	for i, want := range []int{1, 0} {
		if done, err := closeThrough(t, p, "2026-11-01", false); err != nil || len(done) != want {
			t.Errorf("closing, time %d: %v, %v", i+1, done, err)
		}
	}
	if done, err := closeThrough(t, p, "", true); err != nil || len(done) != 1 || done[0].ClosedThrough != "" {
		t.Errorf("opening everything: %v, %v", done, err)
	}
	// The file of a closing is part of what was published.
	path := filepath.Join(p.grantsDir(), "p", schemas.ClosingsDir, "001.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(text), "2026-11-01", "2026-10-01", 1))
	d := day(t, "2026-11-01")
	if _, err := Run(context.Background(), p, RunOptions{Date: &d}); err == nil || !strings.Contains(err.Error(), "p/closings/001.json: is not what was written") {
		t.Errorf("with an altered closing: %v", err)
	}
	remove(t, path)
	if s := run(t, p, "2026-11-01"); s.State != RunUnchanged {
		t.Errorf("with a missing closing: %s", s.State)
	}
	if again, err := os.ReadFile(path); err != nil || string(again) != string(text) {
		t.Errorf("the closing was not written anew: %q, %v", again, err)
	}
	if list, err := emit.ReadClosings(p.grantsDir()); err != nil || len(list) != 2 || list[1].Act != schemas.ActReopen {
		t.Errorf("closings: %v, %v", list, err)
	}
}
