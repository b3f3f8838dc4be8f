package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
)

func (a *app) rebuildCommand() *cobra.Command {
	var o jobs.RebuildOptions
	var asJSON bool
	var wait time.Duration
	cmd := a.command("rebuild", "Make a lost warehouse anew from the deliveries and the published files",
		`Makes the warehouse anew: facts from the deliveries, in the order in which they were loaded; ledger, horizons and
closings from the published files, each of which is held against its manifest and the chain of manifests. A warehouse
that is behind the published files is put aside. What was never published is gone: attempts of runs, runs that published
nothing, the history of reconciliations. The next run takes on where the last one ended.`,
		`  accrue rebuild
  accrue rebuild --replace --json`, cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			o.Wait = wait
			return a.rebuild(ctx, o, asJSON)
		})
	cmd.Flags().BoolVar(&o.Replace, "replace", false, "rebuild a warehouse that lacks nothing, too")
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for a warehouse that is in use, e.g. 5m")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was rebuilt as JSON")
	return cmd
}

func (a *app) rebuild(ctx context.Context, o jobs.RebuildOptions, asJSON bool) error {
	project, err := a.open()
	if err != nil {
		return err
	}
	line := newProgress(a.err)
	o.Progress = line.at
	done, err := jobs.Rebuild(ctx, project, o)
	line.end()
	if err != nil {
		return err
	}
	for _, w := range done.Warnings {
		a.say("warning: %s", w)
	}
	if asJSON {
		return writeJSON(a.out, done)
	}
	fmt.Fprintf(a.out, "Rebuilt from %s and %s: %s, %s, %s.\n",
		plural(int64(done.Deliveries), "delivery", "deliveries"), plural(int64(done.Publications), "publication", "publications"),
		plural(done.Rows, "row read", "rows read"), plural(done.Grants, "grant", "grants"), plural(int64(done.Closings), "closing", "closings"))
	if done.Kept != "" {
		fmt.Fprintf(a.out, "The warehouse that was there is kept as %s.\n", done.Kept)
	}
	if len(done.Changed) > 0 {
		fmt.Fprintf(a.out, "Changed since they were loaded, and left to the next run: %s.\n", strings.Join(done.Changed, ", "))
	}
	fmt.Fprintln(a.out, "Gone for good: attempts of runs, runs that published nothing, the history of reconciliations.")
	return nil
}
