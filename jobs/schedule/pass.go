package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"accrue/jobs"
	"accrue/pipeline"
)

// result is what a look at a job came to.
type result struct {
	retry time.Time // when to try again what may pass; zero for nothing
	waits string    // the delivery that is waited for; "" for none
}

// pass runs what is due, date by date, until nothing more can be run now.
func (s *Scheduler) pass(ctx context.Context, j *job) result {
	unready := map[string]bool{} // programs whose delivery turned out not to be ready
	ran := ""                    // what was run without error just now
	for ctx.Err() == nil {
		dates, err := s.book.Dates(ctx, j.JobConfig, s.opts.Clock.Now())
		if err != nil {
			return s.failed(ctx, j, nil, nil, nil, err)
		}
		if s.opts.Metrics != nil {
			s.opts.Metrics.dates(dates)
		}
		day, programs, waits := s.next(ctx, j, dates, unready)
		if len(programs) == 0 {
			return result{waits: waits}
		}
		what := day.String() + " " + strings.Join(programs, " ")
		if what == ran { // or it would be run for ever
			return s.failed(ctx, j, &day, programs, nil, errors.New("was run without error, and is still not done"))
		}
		s.log(j, day.String(), false, "running %s", strings.Join(programs, ", "))
		summary, err := s.run(ctx, day, programs)
		switch {
		case err == nil:
			ran = what
			j.tries = 0
			j.pause.Reset()
			s.done(ctx, j, day, programs, summary)
		case ctx.Err() != nil:
			s.log(j, day.String(), false, "stopped: %v", err)
			return result{}
		case jobs.Classify(err) == jobs.NotReady: // somebody took the delivery back
			for _, id := range programs {
				unready[id] = true
			}
		default:
			if r := s.failed(ctx, j, &day, programs, summary, err); !r.retry.IsZero() {
				return r
			}
		}
	}
	return result{}
}

// next finds the earliest date that can be run now, and the programs to run for it. It also says what is waited for.
//
// Every program is a lane of its own. A date that waits, or has failed since the job woke, closes the lane behind it,
// so that dates are published in order; one that is late may let later ones pass, if the job says so.
func (s *Scheduler) next(ctx context.Context, j *job, dates []jobs.DateState, unready map[string]bool) (
	day pipeline.Date, programs []string, waits string,
) {
	now := s.opts.Clock.Now()
	shut := map[string]bool{}
	for i := range dates {
		d := &dates[i]
		if len(programs) > 0 && d.Day != day {
			break
		}
		id := d.Program
		if d.Done() || shut[id] || d.Wakes.After(now) {
			continue
		}
		if j.failed[id] != nil {
			shut[id] = true
			continue
		}
		run := d.State == jobs.DateDue || d.State == jobs.DateFailed
		if d.State == jobs.DateLate {
			s.late(ctx, j, d)
			// A delivery that has begun to come stops every run (F54).
			run = j.Late.Then == jobs.LateRun && !d.Folder && !unready[id]
		}
		if run && !unready[id] {
			day, programs = d.Day, append(programs, id)
			continue
		}
		if waits == "" {
			waits = fmt.Sprintf("program %s, date %s: %s", id, d.Date, d.Reason)
		}
		shut[id] = d.State != jobs.DateLate || j.Late.Then != jobs.LateGoOn
	}
	return day, programs, waits
}

// late tells, once, that a date is late.
func (s *Scheduler) late(ctx context.Context, j *job, d *jobs.DateState) {
	key := d.Program + " " + d.Date
	if j.told[key] {
		return
	}
	noted, err := s.book.NoteLate(ctx, d.Day, []string{d.Program}, d.Reason, s.opts.Clock)
	if err != nil {
		s.log(j, d.Date, true, "%s: late, which could not be noted: %v", d.Program, err)
		return
	}
	j.told[key] = true
	if len(noted) == 0 {
		return
	}
	what := map[string]string{
		jobs.LateHold: "later dates wait for it", jobs.LateGoOn: "later dates are run, and it is run when it comes",
		jobs.LateRun: "the date is run without it",
	}[j.Late.Then]
	s.log(j, d.Date, true, "%s: late: %s; %s", d.Program, d.Reason, what)
	s.notices.send(ctx, j.Hooks, &Notice{
		Event: jobs.EventLate, Job: j.Name, Date: d.Date, Programs: noted, State: jobs.DateLate, Message: d.Reason + "; " + what,
	})
}

func (s *Scheduler) done(ctx context.Context, j *job, day pipeline.Date, programs []string, summary *jobs.Summary) {
	s.opts.Log(Line{At: s.opts.Clock.Now(), Job: j.Name, Date: day.String(), Text: summary.State, Summary: summary})
	if s.opts.Metrics != nil {
		s.opts.Metrics.done(j.Name, summary, s.opts.Clock.Now())
	}
	s.notices.send(ctx, j.Hooks, &Notice{
		Event: jobs.EventSuccess, Job: j.Name, Date: day.String(), Programs: programs, State: summary.State, Run: summary.Run,
		Attempt: summary.Attempt, Totals: totalsOf(summary),
	})
}

// failed decides whether to try again. Where it does not help, the programs rest until the job wakes again, and the
// hooks are told. day is nil where it is not even known what is due.
func (s *Scheduler) failed(ctx context.Context, j *job, day *pipeline.Date, programs []string, summary *jobs.Summary, err error) result {
	if ctx.Err() != nil {
		return result{}
	}
	date := ""
	if day != nil {
		date = day.String()
	}
	if summary != nil && len(summary.Programs) > 0 { // those are done, whatever happened to the others
		s.done(ctx, j, *day, programsOf(summary), summary)
	}
	if s.opts.Metrics != nil {
		s.opts.Metrics.failed(j.Name, s.opts.Clock.Now())
	}
	if j.tries++; jobs.MayPass(err) && j.tries <= j.Retry.Times {
		at := s.opts.Clock.Now().Add(j.pause.NextBackOff())
		s.log(j, date, true, "%v; trying again at %s (%d of %d)", err, at.UTC().Format(time.RFC3339), j.tries, j.Retry.Times)
		return result{retry: at}
	}
	j.tries = 0
	j.pause.Reset()
	n := &Notice{Event: jobs.EventFailure, Job: j.Name, Date: date, Programs: programs, State: jobs.DateFailed, Message: err.Error()}
	if summary != nil {
		n.Run, n.Attempt, n.Totals = summary.Run, summary.Attempt, totalsOf(summary)
		if len(summary.Failed) > 0 {
			programs = summary.Failed
			n.Programs = programs
		}
	}
	if len(programs) == 0 {
		programs = []string{wholeJob}
	}
	for _, id := range programs {
		j.failed[id] = err
	}
	text := fmt.Sprintf("failed: %v", err)
	if hint := jobs.Hint(err); hint != "" {
		text += "\nhint: " + hint
	}
	s.log(j, date, true, "%s\nIt is tried again when the job wakes next, at %s", text, j.next.UTC().Format(time.RFC3339))
	s.notices.send(ctx, j.Hooks, n)
	return result{}
}

// wholeJob stands for all programs of a job of which not even the dates could be read.
const wholeJob = ""

// programsOf names the programs that a run brought to their end.
func programsOf(s *jobs.Summary) []string {
	out := make([]string, len(s.Programs))
	for i, p := range s.Programs {
		out[i] = p.Program
	}
	return out
}

// totalsOf sums up a run for hooks.
func totalsOf(s *jobs.Summary) *Totals {
	t := &Totals{Seconds: s.Seconds, Programs: s.Programs, Datasets: s.Datasets, Warnings: s.Warnings}
	for _, d := range s.Datasets {
		t.RowsRead += d.Read
		t.RowsRejected += d.Rejected
		t.RowsWaiting += d.Waiting
	}
	for _, p := range s.Programs {
		for _, g := range p.Grants {
			t.Grants += g.Rows
		}
	}
	if t.Programs == nil {
		t.Programs = []jobs.ProgramSummary{}
	}
	return t
}
