package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"accrue/jobs"
)

func (a *app) verifyCommand() *cobra.Command {
	var asJSON bool
	cmd := a.command("verify", "Hold the warehouse and the published files against each other",
		`Holds the rows of every export file against the facts, the ledger against its rules, and every published file
against its manifest, the chain of manifests and the ledger, without trusting either side. It changes nothing.

Exit code 3 if anything does not add up.`, "  accrue verify\n  accrue verify --json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.verify(ctx, asJSON) })
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) verify(ctx context.Context, asJSON bool) (err error) {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	line := newProgress(a.err)
	v, err := r.Verify(ctx, line.at)
	line.end()
	if err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(a.out, v)
	} else {
		a.writeVerified(v)
	}
	if err == nil && len(v.Findings) > 0 {
		return quiet{exitFindings}
	}
	return err
}

func (a *app) writeVerified(v *jobs.Verified) {
	p := newPaint(a.out)
	for _, f := range v.Findings {
		fmt.Fprintf(a.out, "%s  %s\n", p.red(f.Area), f.What)
	}
	checked := fmt.Sprintf("%s of %s against the facts, %s against %s", plural(v.Facts, "row", "rows"),
		plural(v.Files, "export file", "export files"), plural(v.Grants, "grant", "grants"),
		plural(v.Publications, "publication", "publications"))
	if len(v.Findings) == 0 {
		fmt.Fprintf(a.out, "%s: %s\n", p.green("Everything adds up"), checked)
		return
	}
	fmt.Fprintf(a.out, "%s: %s\n", p.red(plural(int64(len(v.Findings)), "finding", "findings")), checked)
}
