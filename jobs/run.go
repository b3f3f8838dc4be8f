package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// RunOptions are the arguments of a nightly run. The zero value runs for yesterday.
type RunOptions struct {
	// Date is the date to which differences are posted; nil for yesterday (F63).
	Date *pipeline.Date
	// Programs are the ids of the programs to run; none: all. A backfill looks at its own.
	Programs []string
	// Clock is for the times in the history; nil for the machine's.
	Clock Clock
	// Wait is how long to wait for a warehouse that is in use.
	Wait time.Duration
	// Progress is told what is under way; nil for nobody.
	Progress func(what string)
	// Trace is told each statement of the evaluation before it runs; nil for nobody.
	Trace func(evaluate.Statement)
	// Step is told the name of each step (see Steps) as it is passed; nil for nobody.
	Step func(name string)
	// Profile is filled with where the time went; nil for nobody.
	Profile *Profile
	// Stage is told each stage of the run when it has ended; nil for nobody.
	Stage func(Stage)
	// SliceRows is about how many grants are taken out of the warehouse at once; 0 for some millions.
	SliceRows int64
	// Command is how the process was called, for those who find the warehouse in use; "" for the process's arguments.
	Command string
}

// night is one run under way: a nightly run, or a backfill.
type night struct {
	project *Project
	opts    RunOptions
	command string
	// from and to are the dates to post to: of a nightly run the same.
	from, to pipeline.Date
	families []*program.Family // all of the project
	chosen   []*program.Family // those to run
	db       *warehouse.DB
	crash    *crash
	history  *history
	summary  *Summary
	current  string // the program that is at work, or was last; "" before the first
	// evaluated says by program of whom was worked out what they are owed.
	evaluated map[string]*Evaluated
	waiting   map[string]int64
	done      []*program.Family // those that were run to their end
	signer    emit.Signer       // nil where manifests are not signed
	pace      *pace             // of what is counted in rows; nil until something is

	backfill *BackfillOptions // nil for a nightly run
	// restated are the programs whose files are not what their grants rest on, which the backfill accepts.
	restated map[string]bool
}

// Run is the nightly run: it loads the deliveries up to the date that are new or have changed, evaluates every
// program, posts the difference to the date and publishes it. The summary is there whenever the run was noted in the
// history, also beside an error. A run that fails leaves ledger and published files as they were, except for what
// an earlier program of the same night has already published.
func Run(ctx context.Context, p *Project, opts RunOptions) (*Summary, error) {
	n := &night{project: p, opts: opts, command: "run"}
	return n.run(ctx, func() (err error) {
		if n.chosen, err = pickPrograms(n.families, opts.Programs); err != nil {
			return err
		}
		n.from, err = runDate(opts.Date, n.chosen, n.opts.Clock.Now())
		n.to = n.from
		return err
	})
}

// run does everything that is done under the lock; dates sets the dates to post to and the programs to run, once all
// programs are read.
func (n *night) run(ctx context.Context, dates func() error) (s *Summary, err error) {
	n.waiting, n.evaluated = map[string]int64{}, map[string]*Evaluated{}
	if n.opts.Clock == nil {
		n.opts.Clock = WallClock{}
	}
	asked := n.opts.Profile
	n.measure()
	defer func() {
		n.opts.Profile.end(err != nil)
		if s != nil {
			s.Profile = asked
		}
	}()
	if n.crash, err = newCrash(n.opts.Step); err != nil {
		return nil, err
	}
	if n.families, err = n.project.Programs(); err != nil {
		return nil, err
	}
	if n.signer, err = n.project.signer(); err != nil {
		return nil, err
	}
	if err := dates(); err != nil {
		return nil, err
	}
	if n.opts.Command == "" {
		n.opts.Command = commandLine()
	}
	if n.opts.Wait > 0 {
		n.progress("waiting for the warehouse")
	}
	l, err := lockWarehouse(ctx, n.project.warehouseDir(), n.opts.Command, true, n.opts.Wait)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	if n.db, err = n.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.db.Close()) }()
	if n.dryRun() {
		return n.rehearsed(ctx)
	}
	return n.noted(ctx)
}

// runDate is the date that was asked for, or the earliest of the programs' yesterdays.
func runDate(asked *pipeline.Date, families []*program.Family, now time.Time) (pipeline.Date, error) {
	if asked != nil {
		return *asked, nil
	}
	date := pipeline.MaxDate
	for _, fam := range families {
		date = min(date, pipeline.DateOf(now.In(fam.Versions[0].Location))-1)
	}
	return date, nil
}

// noted runs the night between two entries in the history.
func (n *night) noted(ctx context.Context) (*Summary, error) {
	start := n.opts.Clock.Now()
	var err error
	if n.history, err = beginRun(ctx, n.db, n.command, n.from, n.to, start); err != nil {
		return nil, err
	}
	n.summary = n.newSummary()
	n.leaveStatus(ctx)
	n.crash.pass(stepRunStart)
	if err = n.stages(ctx); err == nil {
		n.crash.pass(stepRunFinish)
	}
	// What was done is done, and is summed up even if the run is to stop.
	if ctx.Err() == nil || len(n.done) > 0 {
		if serr := n.summarise(context.WithoutCancel(ctx)); err == nil {
			err = serr
		}
	}
	end := n.opts.Clock.Now()
	n.summary.Seconds = end.Sub(start).Round(time.Millisecond).Seconds()
	if err != nil {
		if ctx.Err() != nil {
			err = &hintError{error: fmt.Errorf("interrupted: %w", err), hint: "run again: what was not finished was rolled back"}
		}
		n.summary.State, n.summary.Message = RunFailed, err.Error()
		for _, fam := range n.chosen {
			if !slices.Contains(n.done, fam) {
				n.summary.Failed = append(n.summary.Failed, fam.ID)
			}
		}
		return n.summary, errors.Join(err, n.history.finish(ctx, RunFailed, err.Error(), n.summary, end))
	}
	if err := n.history.finish(ctx, n.summary.State, "", n.summary, end); err != nil {
		return n.summary, err
	}
	n.crash.pass(stepRunFinished)
	return n.summary, nil
}

// newSummary is that of a run that has only begun.
func (n *night) newSummary() *Summary {
	s := &Summary{
		Command: n.command, Date: n.to.String(), State: RunFailed, Warnings: []string{},
		Deliveries: []DeliverySummary{}, Datasets: []DatasetSummary{}, Programs: []ProgramSummary{},
	}
	if n.backfill != nil {
		s.From = n.from.String()
	}
	if n.history != nil {
		s.Run, s.Attempt = n.history.run, n.history.attempt
	}
	return s
}

// acceptBases refuses program files that are not what posted grants rest on, unless that is what a backfill restates.
func (n *night) acceptBases(ctx context.Context) error {
	changes, err := programChanges(ctx, n.db, n.basesOf(), n.backfill == nil || n.backfill.Program == "")
	if err != nil || len(changes) == 0 {
		return err
	}
	if n.backfill == nil || !n.backfill.Restate {
		return &ChangedError{changes}
	}
	return n.restate(changes)
}

// basesOf are the programs whose files must be what their grants rest on: all of the project, of a backfill its own.
func (n *night) basesOf() []*program.Family {
	if n.backfill != nil {
		return n.chosen
	}
	return n.families
}

// stages are the night's work, in order. What can be refused is refused before anything is loaded.
func (n *night) stages(ctx context.Context) error {
	n.progress("looking at what was published")
	n.crash.pass(stepRecover)
	recovered, err := emit.Recover(ctx, n.db, n.project.grantsDir(), n.emitOptions())
	if err != nil {
		return err
	}
	n.summary.Recovered = append(recovered.Renamed, recovered.Rewritten...)
	if err := n.acceptBases(ctx); err != nil {
		return err
	}
	if err := n.project.canPublish(n.families); err != nil {
		return err
	}
	if err := n.load(ctx); err != nil {
		return err
	}
	// Parquet is read back by DuckDB too.
	if !slices.Contains(n.project.formats(), emit.Parquet) {
		if err := n.db.Seal(ctx); err != nil {
			return err
		}
	}
	return n.programs(ctx)
}

// programs runs one program after the other. Each is a ledger of its own: where one fails, the others go on.
func (n *night) programs(ctx context.Context) error {
	var faults []error
	for _, fam := range n.chosen {
		err := n.program(ctx, fam)
		n.opts.Profile.end(err != nil)
		if err != nil {
			faults = append(faults, fmt.Errorf("program %s: %w", fam.ID, err))
		} else {
			n.done = append(n.done, fam)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(faults...)
}

func (n *night) progress(format string, args ...any) {
	if n.opts.Progress != nil {
		n.opts.Progress(fmt.Sprintf(format, args...))
	}
}

// counted tells how far something is that is counted in rows.
func (n *night) counted(what string, done, total int64) {
	if n.opts.Progress == nil {
		return
	}
	if n.pace == nil {
		n.pace = &pace{clock: n.opts.Clock}
	}
	n.opts.Progress(n.pace.line(what, done, total))
}
