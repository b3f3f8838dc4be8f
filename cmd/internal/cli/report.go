package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"accrue/jobs"
)

func (a *app) reportCommand() *cobra.Command {
	var f reconcileFlags
	cmd := a.command("report", "Write one page for people: balances, charts, rejects, breaks",
		`Writes one self-contained page: the headline figures of a period, the roll-forward, grants by date, rule and tier, how
they spread over members, the way from rows to grants, rejected rows, and breaks as the last `+"`accrue reconcile`"+`
found them, with their source rows and explanations. It needs no network and prints on A4.

--json prints the same figures.`,
		`  accrue report --from 2026-11-01 --to 2026-11-30 --out report.html
  accrue report --rate points=0.25 --out report.html`, cobra.NoArgs, nil)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		a.started = true
		if f.out == "" && !f.asJSON {
			return usageError{errors.New("--out report.html says where the page goes (or --json prints its figures)")}
		}
		return a.reportPage(cmd.Context(), f)
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "postings from this date on, YYYY-MM-DD (default: the first)")
	flags.StringVar(&f.to, "to", "", "postings up to this date (default: the last)")
	flags.StringVar(&f.out, "out", "", "the page to write")
	flags.StringArrayVar(&f.rates, "rate", nil, "what one of a reward is worth, as points=0.25")
	flags.BoolVar(&f.asJSON, "json", false, "print the figures as JSON")
	return cmd
}

func (a *app) reportPage(ctx context.Context, f reconcileFlags) (err error) {
	opts := jobs.ReportOptions{Rates: f.rates}
	if opts.From, opts.To, err = f.period(); err != nil {
		return err
	}
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	line := newProgress(a.err)
	opts.Progress = line.at
	rep, err := r.Report(ctx, opts)
	line.end()
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := writeWhole(f.out, func(w io.Writer) error {
			b := bufio.NewWriter(w)
			return errors.Join(writePage(b, rep), b.Flush())
		}); err != nil {
			return err
		}
		if !f.asJSON {
			fmt.Fprintf(a.out, "%s: %s from %s to %s, %s\n", f.out, plural(rep.Grants, "grant", "grants"), rep.From, rep.To,
				plural(rep.OpenBreaks, "open break", "open breaks"))
		}
	}
	if f.asJSON {
		return writeJSON(a.out, rep)
	}
	return nil
}
