package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/safetext"
)

// breakLimit is how many breaks a table shows unless it is told otherwise.
const breakLimit = 50

type reconcileFlags struct {
	program, from, to, asOf, out string
	asJSON, closed, roll         bool
	limit                        int
	wait                         time.Duration
	by, rates                    []string
}

func (a *app) reconcileCommand() *cobra.Command {
	var f reconcileFlags
	cmd := a.command("reconcile", "Hold deliveries, facts, ledger, files and acknowledgements together",
		`Loads acknowledgements (acks/) that are new and holds together, per program and period:

  deliveries-facts     every row of an export file is among the facts, with its amount
  facts-entitlements   what is owed rests on a fact, and a second evaluator owes the same
  entitlements-ledger  what is owed, worked out anew, is what was posted
  ledger-files         each grant stands in its published file as it was posted; hashes and chain of manifests
  files-acks           downstream has posted each published grant, once, with its amount

Every difference is a break (missing, extra, amount, rejected, duplicate, unacknowledged), kept in the history until
it is gone. There is no tolerance: a grant that downstream has not acknowledged is a break from the day on which it was
posted, with its age in days, also where no acknowledgement has ever come. Nothing is posted, and no delivery is loaded.
--out writes all breaks as a file for people (.csv) or machines (.parquet). --roll-forward shows the balances of the
ledger instead, and holds nothing.

Exit code 3 while breaks are open.`,
		`  accrue reconcile
  accrue reconcile --program jcb --from 2026-11-01 --to 2026-11-30 --out breaks.csv
  accrue reconcile --json | jq '.breaks[] | select(.type == "rejected")'
  accrue reconcile --roll-forward --by rule,tier --from 2026-11-01 --rate points=0.25`, cobra.NoArgs, nil)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		a.started = true
		if f.limit < 0 {
			return usageError{errors.New("--limit must not be below zero")}
		}
		if !f.roll && (len(f.by) > 0 || len(f.rates) > 0) {
			return usageError{errors.New("--by and --rate go with --roll-forward")}
		}
		if f.roll && f.closed {
			return usageError{errors.New("--closed does not go with --roll-forward")}
		}
		if f.roll {
			return a.rollForward(cmd.Context(), f)
		}
		return a.reconcile(cmd.Context(), f)
	}
	flags := cmd.Flags()
	flags.StringVar(&f.program, "program", "", "only this program")
	flags.StringVar(&f.from, "from", "", "only deliveries, business dates and postings from this date on, YYYY-MM-DD")
	flags.StringVar(&f.to, "to", "", "only those up to this date")
	flags.StringVar(&f.asOf, "as-of", "", "count ages up to this date (default: the newest date that was run for)")
	flags.StringVar(&f.out, "out", "", "write the breaks, or the balances, to this file: .csv or .parquet")
	flags.BoolVar(&f.asJSON, "json", false, "print as JSON")
	flags.BoolVar(&f.closed, "closed", false, "list breaks that are closed too")
	flags.IntVar(&f.limit, "limit", breakLimit, "how many breaks a table shows; 0 for all")
	flags.DurationVar(&f.wait, "wait", 0, "wait so long for a warehouse that is in use")
	flags.BoolVar(&f.roll, "roll-forward", false, "opening + accruals + adjustments - reversals = closing, from the ledger")
	flags.StringSliceVar(&f.by, "by", nil, "with --roll-forward: "+strings.Join(jobs.RollDimensions, ", "))
	flags.StringArrayVar(&f.rates, "rate", nil, "with --roll-forward: what one of a reward is worth, as points=0.25")
	return cmd
}

// dateFlag reads a date of a flag; an empty one is nil.
func dateFlag(name, text string) (*pipeline.Date, error) {
	if text == "" {
		return nil, nil
	}
	d, err := pipeline.ParseDate(text)
	if err != nil {
		return nil, usageError{fmt.Errorf("--%s %w", name, err)}
	}
	return &d, nil
}

// period reads --from and --to.
func (f reconcileFlags) period() (from, to *pipeline.Date, err error) {
	if from, err = dateFlag("from", f.from); err != nil {
		return nil, nil, err
	}
	if to, err = dateFlag("to", f.to); err != nil {
		return nil, nil, err
	}
	if from != nil && to != nil && *from > *to {
		return nil, nil, usageError{fmt.Errorf("--from %s lies after --to %s", from, to)}
	}
	return from, to, nil
}

// outForm checks the name of --out.
func (f reconcileFlags) outForm() (string, error) {
	form := filepath.Ext(f.out)
	if f.out != "" && form != ".csv" && form != ".parquet" {
		return "", usageError{fmt.Errorf("--out %s: the name must end in .csv or .parquet", f.out)}
	}
	return form, nil
}

func (a *app) reconcile(ctx context.Context, f reconcileFlags) (err error) {
	form, err := f.outForm()
	if err != nil {
		return err
	}
	opts := jobs.ReconcileOptions{Program: f.program, Wait: f.wait}
	if opts.From, opts.To, err = f.period(); err != nil {
		return err
	}
	if opts.AsOf, err = dateFlag("as-of", f.asOf); err != nil {
		return err
	}
	p, err := a.open()
	if err != nil {
		return err
	}
	line := newProgress(a.err)
	opts.Progress = line.at
	rec, err := jobs.Reconcile(ctx, p, opts)
	line.end()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	switch form {
	case ".csv":
		err = writeWhole(f.out, func(w io.Writer) error { return breaksCSV(ctx, rec, f.closed, w) })
	case ".parquet":
		err = rec.WriteParquet(ctx, f.closed, f.out)
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		err = a.reconcileJSON(ctx, rec, f.closed)
	} else {
		err = a.writeReconciled(ctx, rec, f)
	}
	if err == nil && rec.Summary.Open > 0 {
		return quiet{exitFindings}
	}
	return err
}

// writeWhole writes a file under its name only when all of it is there.
func writeWhole(path string, fn func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(fn(f), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// breaksCSV writes breaks for people: no cell is one that a spreadsheet would run.
func breaksCSV(ctx context.Context, rec *jobs.Reconciliation, closed bool, out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write([]string{"tie", "program", "type", "date", "age_days", "age", "key", "member_id", "rule", "reward", "expected",
		"found", "what", "found_on", "closed_on", "sources"}); err != nil {
		return err
	}
	if err := rec.Breaks(ctx, closed, 0, func(b jobs.Break) error {
		row := []string{b.Tie, b.Program, b.Type, b.Date, strconv.Itoa(b.AgeDays), b.Age + " days", b.Key, b.Member, b.Rule, b.Reward, b.Expected,
			b.Found, b.What, b.FoundOn, b.ClosedOn, sourcesText(b)}
		for i, cell := range row {
			row[i] = safetext.Cell(cell)
		}
		return w.Write(row)
	}); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

func sourcesText(b jobs.Break) string {
	var parts []string
	for _, s := range b.Sources {
		text := s.File
		if s.Row > 0 {
			text += fmt.Sprintf(" row %d", s.Row)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// reconcileJSON writes the summary with all breaks, as they come: there may be more than memory holds.
func (a *app) reconcileJSON(ctx context.Context, rec *jobs.Reconciliation, closed bool) error {
	var head bytes.Buffer
	if err := writeJSON(&head, rec.Summary); err != nil {
		return err
	}
	text := strings.TrimSuffix(strings.TrimRight(head.String(), "\n"), "\n}")
	if _, err := io.WriteString(a.out, text+",\n  \"breaks\": ["); err != nil {
		return err
	}
	before, end := "\n    ", "]\n}\n"
	if err := rec.Breaks(ctx, closed, 0, func(b jobs.Break) error {
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		_, err = io.WriteString(a.out, before+string(text))
		before, end = ",\n    ", "\n  ]\n}\n"
		return err
	}); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, end)
	return err
}

func (a *app) writeReconciled(ctx context.Context, rec *jobs.Reconciliation, f reconcileFlags) error {
	p, s := newPaint(a.out), rec.Summary
	fmt.Fprintf(a.out, "%s\n", p.bold("Held together as of "+s.AsOf))
	rows := make([][]string, len(s.Ties))
	for i, t := range s.Ties {
		rows[i] = []string{t.Tie, dash(t.Program), t.Of, count(t.LeftRows), thousands(t.Left), count(t.RightRows), thousands(t.Right), count(t.Breaks)}
	}
	writeTable(a.out, p, "  ", []column{words("tie"), words("program"), words("of"), numbers("rows"), numbers("amount"), numbers("rows found"),
		numbers("amount found"), numbers("breaks")}, rows)
	for _, n := range s.Notes {
		fmt.Fprintf(a.out, "  %s\n", safetext.Line(n))
	}
	if s.Closed > 0 {
		fmt.Fprintf(a.out, "\n%s closed since the last time\n", plural(s.Closed, "break", "breaks"))
	}
	if s.Open == 0 {
		fmt.Fprintf(a.out, "\n%s\n", p.green("No breaks"))
		if !f.closed {
			return nil
		}
	} else {
		fmt.Fprintf(a.out, "\n%s\n", p.red(plural(s.Open, "break is open", "breaks are open")))
		rows = nil
		for _, c := range s.Counts {
			rows = append(rows, []string{c.Tie, dash(c.Program), c.Type, c.Age + " days", count(c.Breaks)})
		}
		writeTable(a.out, p, "  ", []column{words("tie"), words("program"), words("type"), words("age"), numbers("breaks")}, rows)
		fmt.Fprintln(a.out)
	}
	return a.writeBreaks(ctx, p, rec, f)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) writeBreaks(ctx context.Context, p paint, rec *jobs.Reconciliation, f reconcileFlags) error {
	var rows [][]string
	cols := []column{words("type"), words("date"), numbers("days"), numbers("expected"), numbers("found"), words("key")}
	if f.closed {
		cols = append(cols[:3:3], append([]column{words("closed")}, cols[3:]...)...)
	}
	if err := rec.Breaks(ctx, f.closed, f.limit, func(b jobs.Break) error {
		row := []string{b.Type, b.Date, strconv.Itoa(b.AgeDays), figure(b.Expected), figure(b.Found), b.Key}
		if f.closed {
			row = append(row[:3:3], append([]string{b.ClosedOn}, row[3:]...)...)
		}
		rows = append(rows, row)
		return nil
	}); err != nil {
		return err
	}
	writeTable(a.out, p, "  ", cols, rows)
	if shown := int64(len(rows)); !f.closed && shown < rec.Summary.Open {
		a.say("%s of %s shown; --limit 0 shows all, --out breaks.csv writes them with their source rows", count(shown),
			plural(rec.Summary.Open, "break", "breaks"))
	}
	return nil
}

var decimalForm = regexp.MustCompile(`^-?[0-9]{1,40}(\.[0-9]+)?$`)

// figure writes what was expected or found for people: an amount with blanks between thousands, a digest cut short.
func figure(s string) string {
	if decimalForm.MatchString(s) {
		return thousands(s)
	}
	return short(s)
}

// short cuts a digest down to what tells two apart.
func short(s string) string {
	if len(s) == 64 {
		return s[:12] + "…"
	}
	return s
}
