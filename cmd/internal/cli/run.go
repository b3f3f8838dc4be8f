package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/evaluate"
)

func (a *app) runCommand() *cobra.Command {
	var date string
	var wait time.Duration
	var asJSON, showSQL bool
	var profiled func(*jobs.RunOptions) func()
	cmd := a.command("run", "Load, evaluate, post and publish: the nightly run",
		`Loads the deliveries up to the date that are new or have changed, works out what every member is owed, posts the
difference to the ledger under the date and publishes it as grant files.

Running again with nothing new posts nothing and publishes nothing. A run that was killed is brought to its end by
the next one. Without --date it runs for yesterday, in the program's time zone.`,
		`  accrue run
  accrue run --date 2026-11-20
  accrue run --date 2026-11-20 --json | jq .state`, cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			opts := jobs.RunOptions{Wait: wait}
			if date != "" {
				d, err := pipeline.ParseDate(date)
				if err != nil {
					return usageError{fmt.Errorf("--date %w", err)}
				}
				opts.Date = &d
			}
			if showSQL {
				opts.Trace = a.showStatement
			}
			defer profiled(&opts)()
			return a.run(ctx, opts, asJSON)
		})
	cmd.Flags().StringVar(&date, "date", "", "date to post to, YYYY-MM-DD (default: yesterday in the program's zone)")
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for a warehouse that is in use, e.g. 5m")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what the run did as JSON")
	a.quietFlag(cmd)
	cmd.Flags().BoolVar(&showSQL, "show-sql", false,
		"print each statement of the evaluation with the rule's file and line, to standard error")
	profiled = a.profileFlag(cmd)
	return cmd
}

func (a *app) run(ctx context.Context, opts jobs.RunOptions, asJSON bool) error {
	project, err := a.open()
	if err != nil {
		return err
	}
	end := a.watch(&opts)
	summary, err := jobs.Run(ctx, project, opts)
	end()
	return a.tellOutcome(summary, err, asJSON, func() { a.writeRunReport(summary) })
}

// tellOutcome shows what a run or a backfill did: its warnings, then JSON, which also tells of a failure, or the report
// for people. It returns the run's error.
func (a *app) tellOutcome(summary *jobs.Summary, err error, asJSON bool, report func()) error {
	if summary == nil {
		return err
	}
	for _, w := range summary.Warnings {
		a.say("warning: %s", w)
	}
	if asJSON {
		if jerr := writeJSON(a.out, summary); jerr != nil {
			return jerr
		}
	} else if err == nil {
		report()
	}
	return err
}

// showStatement prints one statement so that it can be pasted into a DuckDB shell.
func (a *app) showStatement(s evaluate.Statement) {
	where := s.Name
	if s.File != "" {
		where += fmt.Sprintf(" (rule %s, %s:%d)", s.Rule, s.File, s.Line)
	}
	a.say("-- %s\n%s;\n", where, s.SQL)
}
