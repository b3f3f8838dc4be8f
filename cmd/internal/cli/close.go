package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/schemas"
)

func (a *app) closeCommand() *cobra.Command {
	var through string
	var asJSON bool
	var o jobs.CloseOptions
	cmd := a.command("close", "Close a period: nothing is posted to its dates any more",
		`Closes the dates up to the one named: nothing is posted to them any more. What is earned on them later, or changes,
goes to the first open date and keeps the date that it was earned on. Closing less than is closed needs --reopen, which
alone opens everything. Without --through and --reopen it lists what was closed and reopened.`,
		`  accrue close --through 2026-10-31
  accrue close --through 2026-09-30 --reopen      # October is open again
  accrue close --reopen --program jcb
  accrue close --json`, cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			if through == "" && !o.Reopen {
				return a.closings(ctx, o.Program, asJSON)
			}
			if through != "" {
				d, err := pipeline.ParseDate(through)
				if err != nil {
					return usageError{fmt.Errorf("--through %w", err)}
				}
				o.Through = &d
			}
			return a.close(ctx, o, asJSON)
		})
	cmd.Flags().StringVar(&through, "through", "", "last closed date, YYYY-MM-DD")
	cmd.Flags().StringVar(&o.Program, "program", "", "only this program (default: all)")
	cmd.Flags().BoolVar(&o.Reopen, "reopen", false, "open dates again: those after --through, or all")
	cmd.Flags().DurationVar(&o.Wait, "wait", 0, "how long to wait for a warehouse that is in use, e.g. 5m")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) close(ctx context.Context, o jobs.CloseOptions, asJSON bool) error {
	project, err := a.open()
	if err != nil {
		return err
	}
	done, err := jobs.Close(ctx, project, o)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.out, append([]schemas.Closing{}, done...))
	}
	for _, c := range done {
		fmt.Fprintf(a.out, "Program %s: %s.\n", c.Program, closingWords(c))
	}
	if len(done) == 0 {
		fmt.Fprintln(a.out, "Nothing to do: it is so already.")
	}
	return nil
}

func closingWords(c schemas.Closing) string {
	switch {
	case c.ClosedThrough == "":
		return "all dates are open again"
	case c.Act == schemas.ActReopen:
		return "dates after " + c.ClosedThrough + " are open again"
	}
	return "dates through " + c.ClosedThrough + " are closed"
}

// closings lists what was closed and reopened.
func (a *app) closings(ctx context.Context, program string, asJSON bool) (err error) {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	all, err := r.Closings(ctx)
	if err != nil {
		return err
	}
	list := []schemas.Closing{}
	for _, c := range all {
		if program == "" || c.Program == program {
			list = append(list, c)
		}
	}
	if asJSON {
		return writeJSON(a.out, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.out, "Nothing is closed.")
		return nil
	}
	rows := make([][]string, len(list))
	for i, c := range list {
		at := c.At
		if t, err := time.Parse(time.RFC3339Nano, c.At); err == nil {
			at = t.Format("2006-01-02 15:04:05Z")
		}
		rows[i] = []string{c.Program, c.Act, c.ClosedThrough, at}
	}
	writeTable(a.out, newPaint(a.out), "", []column{words("program"), words("act"), words("closed through"), words("at")}, rows)
	return nil
}
