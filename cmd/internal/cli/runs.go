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
	cmd := a.command("runs", "Show where every business date stands, and the runs so far",
		`Shows where every program stands with every business date, and every attempt of every run, the newest first.

A date is due (its delivery is ready), waiting (for a delivery), late (waiting for too long), running, published,
failed, or closed. Dates that nobody has run are shown where a job of accrue.yaml would run them. While a run is under
way, this shows what was so when it began.`,
		"  accrue runs\n  accrue runs --limit 0\n  accrue runs --json | jq '.dates[] | select(.state == \"late\")'", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.runs(ctx, limit, asJSON) })
	cmd.Flags().IntVar(&limit, "limit", 20, "how many dates and how many attempts to show; 0 for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON, with each run's summary")
	return cmd
}

func (a *app) runs(ctx context.Context, limit int, asJSON bool) (err error) {
	if limit < 0 {
		return usageError{errors.New("--limit must not be below zero")}
	}
	project, err := a.open()
	if err != nil {
		return err
	}
	o, err := project.Overview(ctx, clock.Now(), limit)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.out, o)
	}
	p := newPaint(a.out)
	if o.Running != nil {
		fmt.Fprintf(a.out, "`%s` (process %d) is running since %s; this is what was so when it began.\n\n",
			o.Running.Command, o.Running.PID, o.Running.Since.UTC().Format("15:04:05Z"))
	}
	if len(o.Dates) > 0 {
		a.writeDates(p, o.Dates)
	}
	if len(o.Dates) > 0 && len(o.Runs) > 0 {
		fmt.Fprintln(a.out)
	}
	a.writeAttempts(p, o.Runs)
	return nil
}

func (a *app) writeDates(p paint, list []jobs.DateState) {
	rows := make([][]string, len(list))
	for i, d := range list {
		sums := make([]string, len(d.Sums))
		for j, s := range d.Sums {
			sums[j] = thousands(s.Amount) + " " + s.Reward
		}
		grants := ""
		if d.State == jobs.DatePublished || d.Rows > 0 {
			grants = count(d.Rows)
		}
		rows[i] = []string{d.Date, d.Program, stateColour(p, d.State), grants, strings.Join(sums, ", "), dateTook(d), dateReason(d)}
	}
	writeTable(a.out, p, "", []column{words("date"), words("program"), words("state"), numbers("grants"), words("sum"),
		numbers("took"), words("reason")}, rows)
}

// stateColour paints what somebody should look at.
func stateColour(p paint, state string) string {
	switch state {
	case jobs.DateLate, jobs.DateFailed:
		return p.red(state)
	case jobs.DatePublished, jobs.DateClosed:
		return p.green(state)
	}
	return state
}

func dateTook(d jobs.DateState) string {
	if d.Finished == nil {
		return ""
	}
	return fmt.Sprintf("%.1fs", d.Seconds)
}

func dateReason(d jobs.DateState) string {
	out := firstLine(d.Reason)
	if d.State == jobs.DateWaiting && d.LateAt != nil {
		out += "; late at " + d.LateAt.UTC().Format("2006-01-02 15:04Z")
	}
	return out
}

func (a *app) writeAttempts(p paint, list []jobs.RunRecord) {
	rows := make([][]string, len(list))
	for i, rec := range list {
		rows[i] = []string{rec.Run, rec.State, fmt.Sprint(rec.Attempt), rec.StartedAt.UTC().Format("2006-01-02 15:04:05Z"),
			took(rec), firstLine(rec.Message)}
	}
	writeTable(a.out, p, "", []column{words("run"), words("state"), numbers("attempt"), words("started"),
		numbers("took"), words("message")}, rows)
}

// reader opens the project's warehouse for reading.
func (a *app) reader(ctx context.Context) (*jobs.Reader, error) {
	project, err := a.open()
	if err != nil {
		return nil, err
	}
	r, err := project.OpenReader(ctx)
	if err == nil && r.Behind != nil {
		a.say("warning: %v", r.Behind)
		a.say("  hint: %s", r.Behind.Hint())
	}
	return r, err
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
