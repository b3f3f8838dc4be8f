package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
)

func (a *app) backfillCommand() *cobra.Command {
	var from, to string
	var wait time.Duration
	var asJSON bool
	var profiled func(*jobs.RunOptions) func()
	o := jobs.BackfillOptions{}
	cmd := a.command("backfill", "Evaluate a range of dates at once and post what differs",
		`Loads the deliveries up to the last date that are new or have changed, works out once what every member is owed, and
posts each difference to the date that it was earned on: before --from to --from, after --to to --to, on a closed date
to the first open one. Dates of the range that were never published get a manifest without grants.

With --dry-run nothing is written: the difference is shown by date, rule and reward. With --restate program files may
have changed since grants were posted by them; what they change is shown first, and the grants say "restated".`,
		`  accrue backfill --from 2026-11-01 --to 2026-11-30 --dry-run
  accrue backfill --from 2026-11-01 --to 2026-11-30
  accrue backfill --from 2026-11-01 --to 2026-11-30 --program jcb --restate --dry-run --json`, cobra.NoArgs,
		func(ctx context.Context, _ []string) (err error) {
			if o.From, o.To, err = dateRange(from, to); err != nil {
				return err
			}
			o.Wait = wait
			defer profiled(&o.RunOptions)()
			return a.backfill(ctx, o, asJSON)
		})
	cmd.Flags().StringVar(&from, "from", "", "first date to post to, YYYY-MM-DD")
	cmd.Flags().StringVar(&to, "to", "", "last date to post to, YYYY-MM-DD")
	cmd.Flags().StringVar(&o.Program, "program", "", "only this program (default: all)")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "show the difference and write nothing")
	cmd.Flags().BoolVar(&o.Restate, "restate", false, "accept program files that have changed since grants were posted by them")
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for a warehouse that is in use, e.g. 5m")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what the backfill did, or would do, as JSON")
	a.quietFlag(cmd)
	profiled = a.profileFlag(cmd)
	return cmd
}

// dateRange reads --from and --to, which must both be there.
func dateRange(from, to string) (first, last pipeline.Date, err error) {
	for _, f := range []struct {
		name, text string
		into       *pipeline.Date
	}{{"--from", from, &first}, {"--to", to, &last}} {
		if f.text == "" {
			err = errors.Join(err, fmt.Errorf("%s is missing: give the dates as --from YYYY-MM-DD --to YYYY-MM-DD", f.name))
			continue
		}
		d, derr := pipeline.ParseDate(f.text)
		if derr != nil {
			err = errors.Join(err, fmt.Errorf("%s %w", f.name, derr))
		}
		*f.into = d
	}
	if err != nil {
		err = usageError{err}
	}
	return first, last, err
}

func (a *app) backfill(ctx context.Context, o jobs.BackfillOptions, asJSON bool) error {
	project, err := a.open()
	if err != nil {
		return err
	}
	end := a.watch(&o.RunOptions)
	if !asJSON {
		o.Changes = a.writeRestated
	}
	summary, err := jobs.Backfill(ctx, project, o)
	end()
	return a.tellOutcome(summary, err, asJSON, func() { a.writeBackfillReport(summary, o.DryRun) })
}

// writeRestated shows how the program files differ from those that grants were posted by.
func (a *app) writeRestated(changes []jobs.ProgramChange) {
	p := newPaint(a.out)
	fmt.Fprintf(a.out, "%s\n", p.bold("What has changed in the program"))
	for _, c := range changes {
		wrap(a.out, "  ", c.Message)
		for _, l := range c.Says {
			wrapHanging(a.out, "    - ", l)
		}
	}
	fmt.Fprintln(a.out)
}

func (a *app) writeBackfillReport(s *jobs.Summary, dry bool) {
	p := newPaint(a.out)
	if dry {
		fmt.Fprintf(a.out, "%s  nothing is written, %.1f s\n", p.bold(fmt.Sprintf("Dry run of a backfill from %s to %s", s.From, s.Date)), s.Seconds)
	} else {
		again := ""
		if s.Attempt > 1 {
			again = fmt.Sprintf(", attempt %d", s.Attempt)
		}
		fmt.Fprintf(a.out, "%s  %s%s, %.1f s\n", p.bold("Backfill from "+s.From+" to "+s.Date), p.green(s.State), again, s.Seconds)
	}
	for _, folder := range s.Recovered {
		fmt.Fprintf(a.out, "An earlier run was interrupted: %s was brought to its end.\n", folder)
	}
	a.writeCameIn(p, s)
	for _, ps := range s.Programs {
		a.writeDays(p, ps, dry)
	}
}

// writeDays tells what a backfill posts by date, rule and reward.
func (a *app) writeDays(p paint, ps jobs.ProgramSummary, dry bool) {
	title := "What was posted by " + programName(ps)
	if dry {
		title = "What would be posted by " + programName(ps)
	}
	fmt.Fprintf(a.out, "\n%s\n", p.bold(title))
	if ps.ClosedThrough != "" {
		fmt.Fprintf(a.out, "  Dates up to %s are closed: what was earned on them goes to the day after.\n", ps.ClosedThrough)
	}
	if len(ps.Days) == 0 {
		fmt.Fprintf(a.out, "  nothing: what is owed is already in the ledger\n")
	} else {
		rows := make([][]string, len(ps.Days))
		for i, d := range ps.Days {
			day := d.PostedOn
			if i > 0 && ps.Days[i-1].PostedOn == day {
				day = ""
			}
			rows[i] = []string{day, d.Rule, count(d.Rows), thousands(d.Granted), thousands(d.TakenBack), thousands(d.Amount), d.Reward}
		}
		writeTable(a.out, p, "  ", []column{words("date"), words("rule"), numbers("grants"), numbers("granted"),
			numbers("taken back"), numbers("difference"), words("reward")}, rows)
	}
	if len(ps.Published) == 0 {
		return
	}
	title = "Where it is"
	if dry {
		title = "Where it would be"
	}
	fmt.Fprintf(a.out, "\n%s\n", p.bold(title))
	const few = 5
	for i, pub := range ps.Published {
		if i == few-1 && len(ps.Published) > few {
			fmt.Fprintf(a.out, "  … and %s more\n", plural(int64(len(ps.Published)-i), "folder", "folders"))
			break
		}
		fmt.Fprintf(a.out, "  %s: %s\n", a.from(pub.Folder), plural(pub.Rows, "grant", "grants"))
	}
}

func programName(ps jobs.ProgramSummary) string {
	if ps.Name == "" {
		return ps.Program
	}
	return ps.Program + " (" + ps.Name + ")"
}
