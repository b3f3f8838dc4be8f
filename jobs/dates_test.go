package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"accrue/pipeline/load"
	"accrue/pipeline/warehouse"
)

func TestMayPass(t *testing.T) {
	path := func(no error) error { return fmt.Errorf("deep: %w", &os.PathError{Op: "write", Path: "x", Err: no}) }
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&BusyError{}, true}, {path(syscall.ENOSPC), true}, {path(syscall.EIO), true}, {path(syscall.ESTALE), true},
		{path(os.ErrNotExist), false}, {path(syscall.ENOENT), true}, {path(syscall.EACCES), false}, {path(syscall.EROFS), false},
		{errors.New(`IO Error: Could not write file "x": No space left on device`), true},
		{errors.New(`IO Error: Could not read from file "x": Input/output error`), true},
		{errors.New(`Out of Memory Error: … set by the 'max_temp_directory_size' setting`), true},
		{errors.New("Out of Memory Error: could not allocate block of size 256.0 KiB"), false},
		{&load.FileError{Path: "x", What: load.ErrChanging.Error(), Err: load.ErrChanging}, true},
		{&load.FileError{Path: "x", What: "is cut short"}, false},
		{&load.RejectsError{}, false}, {&load.ControlError{}, false}, {fmt.Errorf("x %w", load.ErrNotReady), false},
		{&FaultsError{}, false}, {&ChangedError{}, false}, {errors.New("boom"), false},
	} {
		if got := MayPass(c.err); got != c.want {
			t.Errorf("%v: %t, want %t", c.err, got, c.want)
		}
	}
}

// A missing exports folder may be a share that is away.
func TestExportsFolderAway(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	if err := os.Rename(p.ExportsDir(), p.ExportsDir()+".away"); err != nil {
		t.Fatal(err)
	}
	d := day(t, nights[0])
	if _, err := Run(t.Context(), p, RunOptions{Date: &d}); err == nil || !MayPass(err) {
		t.Errorf("got %v", err)
	}
}

// Dates that are closed are nobody's to run.
func TestClosedDates(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	run(t, p, nights[0])
	l, err := lockWarehouse(t.Context(), p.warehouseDir(), "", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	db, err := p.openWarehouse(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"INSERT INTO closings VALUES ('jcb', 1, 'close', DATE '2026-10-31', now()::TIMESTAMP), ('jcb', 2, 'close', DATE '2026-11-21', now()::TIMESTAMP)",
	} {
		if _, err := db.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(db.Close(), l.release()); err != nil {
		t.Fatal(err)
	}
	job := DefaultJob()
	job.Cron, job.Zone = "@daily", time.UTC
	got := states(t, p, &job, "2026-11-23T05:00:00Z")
	if want := "2026-11-20 closed 51, 2026-11-21 closed 0, 2026-11-22 waiting 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func states(t *testing.T, p *Project, job *JobConfig, now string) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Book{p}.Dates(t.Context(), job, at)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = fmt.Sprintf("%s %s %d", d.Date, d.State, d.Rows)
	}
	return strings.Join(out, ", ")
}

// Where a job begins: what it says, what was ever run by night, what has come; a backfill of long ago does not make
// the years since then due. A warehouse without history knows its dates by what was published.
func TestWhereAJobBegins(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	job := DefaultJob()
	job.Cron, job.Zone = "30 2 * * *", time.UTC
	const now = "2026-11-23T12:00:00Z"
	if got, want := states(t, p, &job, now), "2026-11-20 due 0, 2026-11-21 due 0, 2026-11-22 late 0"; got != want {
		t.Errorf("nothing has run: %s, want %s", got, want)
	}
	run(t, p, nights[1])
	if got, want := states(t, p, &job, now), "2026-11-21 published 55, 2026-11-22 late 0"; !strings.HasPrefix(got, "2026-11-21 published") || !strings.HasSuffix(got, "2026-11-22 late 0") {
		t.Errorf("the second night has run: %s, want %s", got, want)
	}
	from := day(t, "2026-11-19")
	job.From = &from
	if got := states(t, p, &job, now); !strings.HasPrefix(got, "2026-11-19 late 0, 2026-11-20 due 0, 2026-11-21 published") {
		t.Errorf("with from: %s", got)
	}
	job.From = nil
	change(t, p, `INSERT INTO runs VALUES ('backfill-2026-05-01-001', 'backfill', DATE '2026-05-01', DATE '2026-05-02', 1,
		'published', now()::TIMESTAMP, now()::TIMESTAMP, NULL, '{"programs":[{"program":"jcb"}]}')`)
	if got := states(t, p, &job, now); !strings.HasPrefix(got, "2026-05-01 published 0, 2026-05-02 published 0, 2026-11-21 published") {
		t.Errorf("after a backfill: %s", got)
	}
	change(t, p, `DELETE FROM runs`)
	if got := states(t, p, &job, now); !strings.HasPrefix(got, "2026-11-21 published") || !strings.HasSuffix(got, "2026-11-22 late 0") {
		t.Errorf("without history: %s", got)
	}
	// Without a job only what was run is shown.
	if got := states(t, p, &JobConfig{}, now); !strings.HasPrefix(got, "2026-11-21 published") || strings.Contains(got, ",") {
		t.Errorf("without a job: %s", got)
	}
}

// change runs a statement on the project's warehouse.
func change(t *testing.T, p *Project, query string) {
	t.Helper()
	db, err := warehouse.Open(t.Context(), warehouse.Options{Path: p.warehouseFile()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(t.Context(), query)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// While a run has the warehouse, those who ask are told what is running.
func TestOverviewDuringARun(t *testing.T) {
	p := sampleProject(t)
	run(t, p, nights[0])
	d := day(t, nights[1])
	asked := false
	if _, err := Run(t.Context(), p, RunOptions{Date: &d, Command: "accrue run --date 2026-11-21", Step: func(name string) {
		if name != stepEvaluate {
			return
		}
		asked = true
		o, err := p.Overview(t.Context(), time.Now(), 10)
		if err != nil {
			t.Error(err)
			return
		}
		if o.Running == nil || o.Running.PID != os.Getpid() || len(o.Runs) != 2 || o.Runs[0].State != RunRunning ||
			len(o.Dates) != 2 || o.Dates[0].State != DateRunning || o.Dates[1].State != DatePublished || o.Dates[1].Rows != 51 {
			t.Errorf("running is %v, %d runs, the dates are %+v", o.Running, len(o.Runs), o.Dates)
		}
	}}); err != nil || !asked {
		t.Fatal(err, asked)
	}
	o, err := p.Overview(t.Context(), time.Now(), 10)
	if err != nil || o.Running != nil || o.Dates[0].State != DatePublished || o.Runs[0].State != RunPublished {
		t.Errorf("afterwards the dates are %+v (%v)", o.Dates, err)
	}
	if info, err := os.Stat(filepath.Join(p.warehouseDir(), statusName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v (%v)", statusName, info.Mode(), err)
	}
}

// A run of some programs leaves the others alone.
func TestRunOfSomePrograms(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	write(t, filepath.Join(p.Dir, "programs", "b.yaml"), "program: b\nversion: 1\neffective_from: 2026-01-01\ncurrency: INR\n"+
		"time_zone: Asia/Kolkata\nrules:\n  - {id: base, kind: spend, earn: 1, per: 100}\n")
	d := day(t, nights[0])
	s, err := Run(t.Context(), p, RunOptions{Date: &d, Programs: []string{"b"}})
	if err != nil || len(s.Programs) != 1 || s.Programs[0].Program != "b" {
		t.Fatalf("%+v, %v", s, err)
	}
	job := DefaultJob()
	job.Cron, job.Zone = "@daily", time.UTC
	if got, want := states(t, p, &job, "2026-11-21T12:00:00Z"), fmt.Sprintf("2026-11-20 published %d, 2026-11-20 due 0", s.Programs[0].Published[0].Rows); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = Run(t.Context(), p, RunOptions{Date: &d, Programs: []string{"c"}})
	if err == nil || Classify(err) != Refused || !strings.Contains(err.Error(), "there is no program \"c\"") {
		t.Errorf("got %v", err)
	}
}
