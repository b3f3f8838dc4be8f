package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"accrue/jobs"
	"accrue/pipeline"
)

// Book says what is due and keeps what happened; jobs.Book is one.
type Book interface {
	// Dates returns the dates of the job's programs in order.
	Dates(ctx context.Context, job *jobs.JobConfig, now time.Time) ([]jobs.DateState, error)
	// NoteLate notes that a date is late and returns the programs for which that was not noted before.
	NoteLate(ctx context.Context, d pipeline.Date, programs []string, reason string, clock jobs.Clock) ([]string, error)
}

// Run runs the programs for a date, as jobs.Run does.
type Run func(ctx context.Context, d pipeline.Date, programs []string) (*jobs.Summary, error)

// Options say how to schedule.
type Options struct {
	Clock jobs.Clock
	Log   func(Line) // told what happens; nil for nobody
	// Metrics are kept up to date; nil for none.
	Metrics *Metrics
	// ProjectDir is where commands of hooks are started.
	ProjectDir string
	// Poll is how often a job that waits for a delivery looks for it; 0: a minute.
	Poll time.Duration
}

// Line is one thing to tell. Date is "" where it is about the job as a whole.
type Line struct {
	At        time.Time
	Job, Date string
	Bad       bool // somebody should look at it
	Text      string
	Summary   *jobs.Summary // of a date that is done; nil for anything else
}

// Scheduler runs jobs. It is used by one goroutine.
type Scheduler struct {
	book    Book
	run     Run
	opts    Options
	jobs    []*job
	notices *notices
}

// job is one job and what this process knows of it.
type job struct {
	*jobs.JobConfig
	cron *jobs.Cron
	next time.Time // the next waking
	// again is when to look again before that: because something failed that may pass, or because a delivery is
	// waited for. Zero for not at all.
	again time.Time
	// failed are programs whose date failed since the job woke, with the error: they rest until the next waking.
	failed map[string]error
	told   map[string]bool // dates that are late, of which the hooks know
	tries  int             // of the date that failed last
	pause  *backoff.ExponentialBackOff
}

// New makes a scheduler for jobs, which must have been checked.
func New(list []jobs.JobConfig, book Book, run Run, opts Options) (*Scheduler, error) {
	if opts.Clock == nil {
		opts.Clock = jobs.WallClock{}
	}
	if opts.Log == nil {
		opts.Log = func(Line) {}
	}
	if opts.Poll == 0 {
		opts.Poll = time.Minute
	}
	s := &Scheduler{book: book, run: run, opts: opts}
	s.notices = &notices{dir: opts.ProjectDir, clock: opts.Clock, failed: s.hookFailed}
	for i := range list {
		cron, err := jobs.ParseCron(list[i].Cron, list[i].Zone)
		if err != nil {
			return nil, fmt.Errorf("job %s: %w", list[i].Name, err)
		}
		s.jobs = append(s.jobs, &job{JobConfig: &list[i], cron: cron, told: map[string]bool{}})
	}
	return s, nil
}

// Loop runs until the context ends, which is no error. It begins with what was missed.
func (s *Scheduler) Loop(ctx context.Context) error {
	for ctx.Err() == nil {
		now := s.opts.Clock.Now()
		var wake time.Time
		for _, j := range s.jobs {
			if !j.next.After(now) || !j.again.IsZero() && !j.again.After(now) {
				s.wake(ctx, j, now)
			}
			for _, at := range []time.Time{j.next, j.again} {
				if !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
					wake = at
				}
			}
		}
		if now = s.opts.Clock.Now(); ctx.Err() == nil && wake.After(now) {
			s.opts.Clock.Sleep(ctx, wake.Sub(now))
		}
	}
	return nil
}

// Once looks once at every job and runs what is due, trying again what may pass. The error is of the first date that
// failed; or, where a delivery is waited for, it is of the class jobs.NotReady.
func (s *Scheduler) Once(ctx context.Context) error {
	var faults []error
	for _, j := range s.jobs {
		var r result
		for {
			r = s.wake(ctx, j, s.opts.Clock.Now())
			if r.retry.IsZero() || ctx.Err() != nil {
				break
			}
			for now := s.opts.Clock.Now(); now.Before(r.retry) && ctx.Err() == nil; now = s.opts.Clock.Now() {
				s.opts.Clock.Sleep(ctx, r.retry.Sub(now))
			}
		}
		for _, err := range j.failed {
			faults = append(faults, err)
			break // the programs of one run have the same error
		}
		if len(j.failed) == 0 && r.waits != "" {
			faults = append(faults, waitingError(r.waits))
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(faults...)
}

// waitingError says that a delivery is waited for.
type waitingError string

func (e waitingError) Error() string { return string(e) }

// Class returns jobs.NotReady.
func (e waitingError) Class() jobs.Class { return jobs.NotReady }

// wake has a job look at its dates.
func (s *Scheduler) wake(ctx context.Context, j *job, now time.Time) result {
	if !j.next.After(now) { // however many wakings there were since the last look: it is one
		j.next = j.cron.Next(now)
		j.failed, j.tries = map[string]error{}, 0
		j.pause = &backoff.ExponentialBackOff{InitialInterval: j.Retry.First, Multiplier: 2, MaxInterval: j.Retry.Most}
	}
	r := s.pass(ctx, j)
	j.again = r.retry
	if r.waits != "" && j.again.IsZero() {
		j.again = s.opts.Clock.Now().Add(s.opts.Poll)
	}
	if m := s.opts.Metrics; m != nil {
		m.job(j.Name, j.next, s.opts.Clock.Now())
	}
	return r
}

func (s *Scheduler) log(j *job, date string, bad bool, format string, args ...any) {
	s.opts.Log(Line{At: s.opts.Clock.Now(), Job: j.Name, Date: date, Bad: bad, Text: fmt.Sprintf(format, args...)})
}

func (s *Scheduler) hookFailed(n *Notice, hook string, err error) {
	s.opts.Log(Line{At: s.opts.Clock.Now(), Job: n.Job, Date: n.Date, Bad: true,
		Text: fmt.Sprintf("the hook %s on %s failed: %v", hook, n.Event, err)})
	if m := s.opts.Metrics; m != nil {
		m.hookFailed(n.Job, n.Event)
	}
}
