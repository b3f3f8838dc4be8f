package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/load"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// DateState is where a program stands with a business date.
type DateState struct {
	Program  string         `json:"program"`
	Date     string         `json:"date"`
	State    string         `json:"state"`
	Reason   string         `json:"reason,omitempty"`
	Run      string         `json:"run,omitempty"`      // the last one that was for the date
	Attempts int            `json:"attempts,omitempty"` // of that run
	Rows     int64          `json:"grants"`             // published under the date
	Sums     []RewardAmount `json:"sums"`
	Seconds  float64        `json:"duration_seconds"` // of the last attempt
	LateAt   *time.Time     `json:"late_at,omitempty"`
	Finished *time.Time     `json:"finished_at,omitempty"`

	Day pipeline.Date `json:"-"` // Date
	// Wakes is the job's first waking after the date's end: before it the date is nobody's business. Zero for a job that
	// never wakes.
	Wakes time.Time `json:"-"`
	// Folder: the date's delivery is there, ready or not.
	Folder bool `json:"-"`
}

// RewardAmount is a sum of one reward, a decimal text.
type RewardAmount struct {
	Reward string `json:"reward"`
	Amount string `json:"amount"`
}

// States of a date.
const (
	DateDue       = "due"     // its delivery is ready, and it has not been run
	DateWaiting   = "waiting" // its delivery, or one before it, is not ready
	DateLate      = "late"    // it has been waiting for longer than it should
	DateRunning   = "running"
	DatePublished = "published"
	DateFailed    = "failed"
	DateClosed    = "closed" // nothing is posted to it any more
)

// DateStates lists the states.
var DateStates = []string{DateDue, DateWaiting, DateLate, DateRunning, DatePublished, DateFailed, DateClosed}

// Done reports whether nothing is left to do for the date.
func (d *DateState) Done() bool { return d.State == DatePublished || d.State == DateClosed }

// Book answers what is due. It reads the run history and the exports folder, and nothing else: what a trigger missed
// or did twice does not matter.
type Book struct{ Project *Project }

// Dates returns the dates of the job's programs from the first to yesterday in the program's zone, by date and then by
// program, and those that were run beside them. The first date is the job's `from`; without it the first that the
// program was ever run for; before that the first delivery's, or the day on which the program comes into force.
func (b Book) Dates(ctx context.Context, job *JobConfig, now time.Time) (out []DateState, err error) {
	r, err := b.Project.OpenReader(ctx)
	switch {
	case errors.Is(err, errNoWarehouse):
		return b.Project.dates(ctx, nil, job, now)
	case err != nil:
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return b.Project.dates(ctx, r.db, job, now)
}

// Calendar works out states of dates from what is known.
type Calendar struct {
	Now        time.Time
	Deliveries []load.Delivery // by date
	Scanned    bool            // the exports folder could be read
	ByFolder   bool            // a delivery is ready as soon as its folder is there
	Past       Past
	Closed     map[string]pipeline.Date // the last date that is closed, by program

	job  *JobConfig // of the program that is looked at
	cron *Cron      // its; nil for a job that never wakes
}

// calendar reads what is known; db is nil where there is no warehouse yet.
func (p *Project) calendar(ctx context.Context, db *warehouse.DB, now time.Time) (c *Calendar, err error) {
	c = &Calendar{Now: now, ByFolder: p.Config.Exports.ReadyByFolder}
	// A folder that cannot be read is for the run to complain about.
	c.Deliveries, err = load.Scan(p.ExportsDir())
	c.Scanned = err == nil
	if db == nil {
		return c, nil
	}
	if c.Past, err = readPast(ctx, db); err != nil {
		return nil, fmt.Errorf("reading the run history: %w", err)
	}
	c.Closed = map[string]pipeline.Date{}
	for id := range c.Past {
		through, err := closedThrough(ctx, db, id)
		if err != nil {
			return nil, fmt.Errorf("reading which periods are closed: %w", err)
		}
		if through != nil {
			c.Closed[id] = *through
		}
	}
	return c, nil
}

// dates is Book.Dates for an open warehouse; nil for none.
func (p *Project) dates(ctx context.Context, db *warehouse.DB, job *JobConfig, now time.Time) ([]DateState, error) {
	families, err := p.Programs()
	if err != nil {
		return nil, err
	}
	if families, err = pickPrograms(families, job.Programs); err != nil {
		return nil, err
	}
	c, err := p.calendar(ctx, db, now)
	if err != nil {
		return nil, err
	}
	return c.Dates(families, job)
}

// Dates returns the dates of programs as their job sees them, by date and then by program.
func (c *Calendar) Dates(families []*program.Family, job *JobConfig) ([]DateState, error) {
	var out []DateState
	for _, fam := range families {
		list, err := c.family(fam, job)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortStableFunc(out, func(a, b DateState) int { return int(a.Day - b.Day) })
	return out, nil
}

// family returns a program's dates as its job sees them.
func (c *Calendar) family(fam *program.Family, job *JobConfig) (out []DateState, err error) {
	c.job, c.cron = job, nil
	if job.Cron != "" {
		if c.cron, err = ParseCron(job.Cron, job.Zone); err != nil {
			return nil, err
		}
	}
	zone := fam.Versions[0].Location
	yesterday := pipeline.DateOf(c.Now.In(zone)) - 1
	first, ok := c.first(fam)
	ok = ok && c.cron != nil
	for d := first; ok && d <= yesterday; d++ {
		out = append(out, c.state(fam.ID, d, zone))
	}
	for d := range c.Past[fam.ID] { // what was run by hand
		if !ok || d < first || d > yesterday {
			out = append(out, c.state(fam.ID, d, zone))
		}
	}
	for d, killed := range c.Past[everybody] {
		if c.Past[fam.ID][d] == nil && killed.interrupted && (!ok || d < first || d > yesterday) {
			out = append(out, c.state(fam.ID, d, zone))
		}
	}
	return out, nil
}

// first is the first date that is the job's to run.
func (c *Calendar) first(fam *program.Family) (pipeline.Date, bool) {
	if c.job.From != nil {
		return *c.job.From, true
	}
	if d, ok := c.Past.first(fam.ID); ok {
		return d, true
	}
	if len(c.Deliveries) == 0 {
		// Nothing has ever come: what should have come last night is what is waited for.
		return pipeline.DateOf(c.Now.In(fam.Versions[0].Location)) - 1, c.Scanned
	}
	return max(c.Deliveries[0].Date, fam.Versions[0].EffectiveFrom), true
}

func (c *Calendar) state(id string, d pipeline.Date, zone *time.Location) DateState {
	s := DateState{Program: id, Date: d.String(), Day: d, Sums: []RewardAmount{}}
	was := c.Past[id][d]
	killed := c.Past[everybody][d]
	if was != nil {
		s.Run, s.Attempts, s.Seconds, s.Finished = was.run, was.attempt, was.seconds, was.finished
		s.Rows, s.Sums = was.rows, was.sums
	}
	if through, ok := c.Closed[id]; ok && d <= through {
		s.State = DateClosed
		return s
	}
	if was != nil && was.done {
		s.State = DatePublished
		return s
	}
	s.Wakes = c.wakes(d, zone)
	s.Folder = slices.ContainsFunc(c.Deliveries, func(v load.Delivery) bool { return v.Date == d })
	blocking := c.blocking(d)
	switch {
	case blocking == "" && was != nil && was.failed != "":
		s.State, s.Reason = DateFailed, was.failed
	case blocking == "":
		s.State = DateDue
		if killed != nil && killed.interrupted {
			s.Run, s.Attempts = killed.run, killed.attempt
			s.Reason = "the run was interrupted; the next one brings it to its end"
		}
	default:
		s.State, s.Reason = DateWaiting, blocking
		if !s.Wakes.IsZero() {
			at := s.Wakes.Add(c.job.Late.Wait)
			s.LateAt = &at
			if !c.Now.Before(at) {
				s.State = DateLate
			}
		}
	}
	return s
}

// blocking says which delivery a date waits for, "" for none: its own, or an earlier one that has begun to come (F54).
func (c *Calendar) blocking(d pipeline.Date) string {
	if !c.Scanned {
		return ""
	}
	there := false
	for _, v := range c.Deliveries {
		if v.Date <= d && !v.Ready && !c.ByFolder {
			return fmt.Sprintf("delivery %s is not ready: neither _SUCCESS nor control.json is there yet", v.Date)
		}
		there = there || v.Date == d
	}
	if !there {
		return fmt.Sprintf("delivery %s has not come", d)
	}
	return ""
}

// wakes is the first waking that follows a date's end.
func (c *Calendar) wakes(d pipeline.Date, zone *time.Location) time.Time {
	if c.cron == nil {
		return time.Time{}
	}
	return c.cron.Next(time.UnixMicro(pipeline.Instant((d + 1).Time().UnixMicro(), zone)).Add(-time.Nanosecond))
}

// NoteLate writes into the history that the programs' date is late, and returns those for which that did not stand
// there already.
func (b Book) NoteLate(ctx context.Context, d pipeline.Date, programs []string, reason string, clock Clock) (noted []string, err error) {
	l, err := lockWarehouse(ctx, b.Project.warehouseDir(), commandLine(), true, readerPatience)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	db, err := b.Project.openWarehouse(ctx, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return noteLate(ctx, db, d, programs, reason, clock.Now())
}
