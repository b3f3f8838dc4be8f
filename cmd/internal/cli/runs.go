package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
)

func (a *app) runsCommand() *cobra.Command {
	var limit int
	var asJSON bool
	cmd := a.command("runs", "List the runs so far, the newest first",
		"Lists every attempt of every run: when, for which date, how it ended, and why it failed.",
		"  accrue runs\n  accrue runs --limit 1 --json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.runs(ctx, limit, asJSON) })
	cmd.Flags().IntVar(&limit, "limit", 20, "how many to show; 0 for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON, with each run's summary")
	return cmd
}

func (a *app) runs(ctx context.Context, limit int, asJSON bool) (err error) {
	if limit < 0 {
		return usageError{errors.New("--limit must not be below zero")}
	}
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	list, err := r.Runs(ctx, limit)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.out, list)
	}
	rows := make([][]string, len(list))
	for i, rec := range list {
		rows[i] = []string{rec.Run, rec.State, fmt.Sprint(rec.Attempt), rec.StartedAt.UTC().Format("2006-01-02 15:04:05Z"),
			took(rec), firstLine(rec.Message)}
	}
	writeTable(a.out, newPaint(a.out), "", []column{words("run"), words("state"), numbers("attempt"), words("started"),
		numbers("took"), words("message")}, rows)
	return nil
}

// reader opens the project's warehouse for reading.
func (a *app) reader(ctx context.Context) (*jobs.Reader, error) {
	project, err := a.open()
	if err != nil {
		return nil, err
	}
	return project.OpenReader(ctx)
}

func took(rec jobs.RunRecord) string {
	if rec.Finished == nil {
		return ""
	}
	return rec.Finished.Sub(rec.StartedAt).Round(100 * time.Millisecond).String()
}

// firstLine shortens a message to what fits into a table.
func firstLine(s string) string {
	line, rest, more := strings.Cut(s, "\n")
	if more && rest != "" {
		line += " …"
	}
	if r := []rune(line); len(r) > 100 {
		line = string(r[:99]) + "…"
	}
	return line
}
