package schedule

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"accrue/fixtures/sample"
	"accrue/jobs"
	"accrue/pipeline"
)

// leap is a clock that jumps to whatever is slept for, and calls what is to happen on the way.
type leap struct {
	now  time.Time
	then []event
}

type event struct {
	at time.Time
	do func()
}

func (c *leap) Now() time.Time { return c.now }

func (c *leap) Sleep(_ context.Context, d time.Duration) {
	c.now = c.now.Add(d)
	for len(c.then) > 0 && !c.then[0].at.After(c.now) {
		c.now = c.then[0].at
		c.then[0].do()
		c.then = c.then[1:]
	}
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// project writes the sample with a job and the first of its programs, without the deliveries of the dates.
func project(t *testing.T, job string, without ...string) *jobs.Project {
	t.Helper()
	dir := t.TempDir()
	err := fs.WalkDir(sample.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path == "programs/stamps.yaml" {
			return nil
		}
		for _, date := range without {
			if strings.HasPrefix(path, "exports/date="+date) {
				return nil
			}
		}
		return copyOut(dir, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "accrue.yaml"), []byte(job), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := jobs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func copyOut(dir, path string) error {
	text, err := sample.Files.ReadFile(path)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, path)
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, text, 0o600))
}

const nightly = `jobs:
  - name: nightly
    cron: "30 2 * * *"
    time_zone: Asia/Kolkata
    late: {wait: 3h, then: hold}
    retry: {times: 2, first: 1m, most: 2m}
    hooks:
      - on: [success, late, failure]
        command: [sh, -c, 'echo "$ACCRUE_EVENT $ACCRUE_DATE" >> told']
`

// The real run, with a night down, a delivery that comes after its limit, and a disk that is full for a while.
func TestNightsWithTheRealRun(t *testing.T) {
	p := project(t, nightly, "2026-11-21")
	ctx, cancel := context.WithCancel(t.Context())
	// The machine was down at half past two on 21 November, which is 21:00 UTC of the 20th.
	clock := &leap{now: instant(t, "2026-11-21T12:00:00Z")}
	clock.then = []event{
		// 21 November is over and woken for at 21:00 UTC, and late at 00:00 UTC; its delivery comes at four o'clock.
		{instant(t, "2026-11-22T04:00:00Z"), func() { deliver(t, p, "2026-11-21") }},
		{instant(t, "2026-11-22T12:00:00Z"), cancel},
	}
	full := 2
	var ran, lines []string
	run := func(ctx context.Context, d pipeline.Date, programs []string) (*jobs.Summary, error) {
		if full > 0 {
			full--
			return nil, &os.PathError{Op: "write", Path: "grants.csv", Err: syscall.ENOSPC}
		}
		ran = append(ran, d.String()+" at "+clock.now.UTC().Format("15:04"))
		return jobs.Run(ctx, p, jobs.RunOptions{Date: &d, Programs: programs, Clock: clock})
	}
	s, err := New(p.Config.Jobs, jobs.Book{Project: p}, run, Options{Clock: clock, ProjectDir: p.Dir, Poll: 30 * time.Minute,
		Log: func(l Line) { lines = append(lines, l.Date+" "+l.Text) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Loop(ctx); err != nil {
		t.Fatal(err)
	}
	// 12:00, and after pauses of one minute and of two.
	if got, want := strings.Join(ran, ", "), "2026-11-20 at 12:03, 2026-11-21 at 04:00"; got != want {
		t.Errorf("ran %s, want %s\n%s", got, want, strings.Join(lines, "\n"))
	}
	told, err := os.ReadFile(filepath.Join(p.Dir, "told"))
	if want := "success 2026-11-20\nlate 2026-11-21\nsuccess 2026-11-21\n"; err != nil || string(told) != want {
		t.Errorf("hooks were told %q (%v), want %q", told, err, want)
	}
	// What came out is what two plain nights publish.
	plain := project(t, "")
	for _, date := range []string{"2026-11-20", "2026-11-21"} {
		d := day(t, date)
		if _, err := jobs.Run(t.Context(), plain, jobs.RunOptions{Date: &d}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"grants.csv", "manifest.json"} {
			path := filepath.Join("grants/jcb/date="+date, "seq=001", name)
			want, err := os.ReadFile(filepath.Join(plain.Dir, path))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(p.Dir, path)); err != nil || string(got) != string(want) {
				t.Errorf("%s is not what a plain night publishes (%v)", path, err)
			}
		}
	}
	overview(t, p, clock.now, "2026-11-21 published 33, 2026-11-20 published 51")
}

// once looks once at a time, and returns what was run and what it ended with.
func once(t *testing.T, p *jobs.Project, now string) (ran []string, err error) {
	t.Helper()
	clock := &leap{now: instant(t, now)}
	s, err := New(p.Config.Jobs, jobs.Book{Project: p}, func(ctx context.Context, d pipeline.Date, programs []string) (*jobs.Summary, error) {
		ran = append(ran, d.String()+" "+strings.Join(programs, "+"))
		return jobs.Run(ctx, p, jobs.RunOptions{Date: &d, Programs: programs, Clock: clock})
	}, Options{Clock: clock, ProjectDir: p.Dir})
	if err != nil {
		t.Fatal(err)
	}
	return ran, s.Once(t.Context())
}

// A delivery that is refused fails its date and shuts the later ones; it is not tried again before the next waking,
// and once it is mended everything is made up for.
func TestARefusedDelivery(t *testing.T) {
	p := project(t, nightly)
	bad := filepath.Join(p.Dir, "exports/date=2026-11-20/control.json")
	if err := os.Remove(filepath.Join(filepath.Dir(bad), "_SUCCESS")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte(`{"transactions": {"rows": 99}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ran, err := once(t, p, "2026-11-21T23:30:00Z")
	if err == nil || !strings.Contains(err.Error(), "99") || strings.Join(ran, ", ") != "2026-11-20 jcb" {
		t.Errorf("ran %v: %v", ran, err)
	}
	o := overview(t, p, instant(t, "2026-11-21T23:30:00Z"), "2026-11-21 due, 2026-11-20 failed")
	if d := o.Dates[1]; !strings.Contains(d.Reason, "99") || d.Run != "run-2026-11-20-001" || d.Attempts != 1 {
		t.Errorf("2026-11-20 is %+v", d)
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	// With control.json went the sign that it is complete.
	if ran, err = once(t, p, "2026-11-21T23:40:00Z"); jobs.Classify(err) != jobs.NotReady || len(ran) > 0 {
		t.Errorf("ran %v: %v", ran, err)
	}
	o = overview(t, p, instant(t, "2026-11-21T23:40:00Z"), "2026-11-21 waiting, 2026-11-20 late")
	if want := "delivery 2026-11-20 is not ready"; !strings.HasPrefix(o.Dates[0].Reason, want) || !strings.HasPrefix(o.Dates[1].Reason, want) {
		t.Errorf("the reasons are %q and %q", o.Dates[0].Reason, o.Dates[1].Reason)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(bad), "_SUCCESS"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if ran, err = once(t, p, "2026-11-22T00:40:00Z"); err != nil || strings.Join(ran, ", ") != "2026-11-20 jcb, 2026-11-21 jcb" {
		t.Errorf("ran %v: %v", ran, err)
	}
	told, err := os.ReadFile(filepath.Join(p.Dir, "told"))
	if want := "failure 2026-11-20\nlate 2026-11-20\nsuccess 2026-11-20\nsuccess 2026-11-21\n"; err != nil || string(told) != want {
		t.Errorf("hooks were told %q (%v), want %q", told, err, want)
	}
}

// What happens behind a date that is late is the job's to say.
func TestWhatFollowsALateDate(t *testing.T) {
	for then, want := range map[string]struct{ ran, states string }{
		jobs.LateHold: {"", "2026-11-21 due, 2026-11-20 late"},
		jobs.LateGoOn: {"2026-11-21 jcb", "2026-11-21 published 19, 2026-11-20 late"},
		jobs.LateRun:  {"2026-11-20 jcb, 2026-11-21 jcb", "2026-11-21 published 19, 2026-11-20 published"},
	} {
		p := project(t, strings.Replace(nightly, "then: hold", "then: "+then, 1)+"    from: 2026-11-20\n", "2026-11-20")
		now := "2026-11-21T23:30:00Z"
		ran, err := once(t, p, now)
		if strings.Join(ran, ", ") != want.ran || (err == nil) != (then == jobs.LateRun) {
			t.Errorf("%s: ran %v: %v", then, ran, err)
		}
		overview(t, p, instant(t, now), want.states)
		// Asked again, nothing is run twice, and nobody is told twice that it is late.
		if ran, _ = once(t, p, now); len(ran) > 0 {
			t.Errorf("%s: then ran %v", then, ran)
		}
		told, err := os.ReadFile(filepath.Join(p.Dir, "told"))
		if err != nil || strings.Count(string(told), "late 2026-11-20\n") != 1 || strings.Count(string(told), "late") != 1 {
			t.Errorf("%s: hooks were told %q (%v)", then, told, err)
		}
		if then != jobs.LateGoOn {
			continue
		}
		deliver(t, p, "2026-11-20")
		if ran, err = once(t, p, now); err != nil || strings.Join(ran, ", ") != "2026-11-20 jcb" {
			t.Errorf("when it comes, ran %v: %v", ran, err)
		}
	}
}

// One program that fails leaves the others alone: they go on to the next date, and it stays behind.
func TestOneProgramStaysBehind(t *testing.T) {
	p := project(t, nightly)
	rich := func(earn string) {
		text := "program: rich\nversion: 1\neffective_from: 2026-01-01\ncurrency: INR\ntime_zone: Asia/Kolkata\nrules:\n" +
			"  - {id: base, kind: spend, earn: " + earn + ", per: 0.0001}\n"
		if err := os.WriteFile(filepath.Join(p.Dir, "programs/a-rich.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rich("10000000") // more than there may be
	ran, err := once(t, p, "2026-11-21T23:30:00Z")
	if want := "2026-11-20 jcb+rich, 2026-11-21 jcb"; err == nil || !strings.Contains(err.Error(), "program rich") || strings.Join(ran, ", ") != want {
		t.Errorf("ran %v, want %s: %v", ran, want, err)
	}
	told, err := os.ReadFile(filepath.Join(p.Dir, "told"))
	if want := "success 2026-11-20\nfailure 2026-11-20\nsuccess 2026-11-21\n"; err != nil || string(told) != want {
		t.Errorf("hooks were told %q (%v), want %q", told, err, want)
	}
	overview(t, p, instant(t, "2026-11-21T23:30:00Z"),
		"2026-11-21 published 33, 2026-11-21 due, 2026-11-20 published 51, 2026-11-20 failed")
	rich("0.0001")
	if ran, err = once(t, p, "2026-11-21T23:40:00Z"); err != nil || strings.Join(ran, ", ") != "2026-11-20 rich, 2026-11-21 rich" {
		t.Errorf("ran %v: %v", ran, err)
	}
}

// A date that was interrupted is run again.
func TestAnInterruptedDate(t *testing.T) {
	p := project(t, nightly, "2026-11-21")
	d := day(t, "2026-11-20")
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := jobs.Run(ctx, p, jobs.RunOptions{Date: &d, Step: func(name string) {
		if name == "evaluate" {
			cancel()
		}
	}}); err == nil {
		t.Fatal("the run was not interrupted")
	}
	now := "2026-11-20T23:30:00Z"
	if o := overview(t, p, instant(t, now), "2026-11-20 failed"); !strings.HasPrefix(o.Dates[0].Reason, "interrupted: ") {
		t.Errorf("the reason is %q", o.Dates[0].Reason)
	}
	if ran, err := once(t, p, now); err != nil || strings.Join(ran, ", ") != "2026-11-20 jcb" {
		t.Errorf("ran %v: %v", ran, err)
	}
	overview(t, p, instant(t, now), "2026-11-20 published 51")
}

func day(t *testing.T, s string) pipeline.Date {
	t.Helper()
	d, err := pipeline.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func deliver(t *testing.T, p *jobs.Project, date string) {
	err := fs.WalkDir(sample.Files, "exports/date="+date, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return copyOut(p.Dir, path)
	})
	if err != nil {
		t.Error(err)
	}
}

// overview holds date, state and number of grants of each date against what is wanted.
func overview(t *testing.T, p *jobs.Project, now time.Time, want string) *jobs.Overview {
	t.Helper()
	o, err := p.Overview(t.Context(), now, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range o.Dates {
		text := d.Date + " " + d.State
		if d.Rows > 0 {
			text += fmt.Sprintf(" %d", d.Rows)
		}
		got = append(got, text)
	}
	if strings.Join(got, ", ") != want {
		t.Errorf("the dates are %s, want %s", strings.Join(got, ", "), want)
	}
	return o
}
