package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/schemas"
)

// bulkFlags are the flags of `accrue explain` itself: everything of a range of dates, into a file.
type bulkFlags struct {
	from, until, out string
	asJSON           bool
}

func (b *bulkFlags) asked() bool { return b.from != "" || b.until != "" || b.out != "" }

func (b *bulkFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&b.from, "from", "", "first business date of a range, YYYY-MM-DD")
	flags.StringVar(&b.until, "to", "", "last business date of the range, YYYY-MM-DD")
	flags.StringVar(&b.out, "out", "", "file for every decision of the range: .parquet, .csv, .ndjson or .arrow")
	flags.BoolVar(&b.asJSON, "json", false, "print the totals as JSON")
}

func (b *bulkFlags) options() (o jobs.BulkExplainOptions, err error) {
	if b.from == "" || b.until == "" || b.out == "" {
		return o, usageError{errors.New("a range needs all of --from, --to and --out")}
	}
	if o.From, err = pipeline.ParseDate(b.from); err != nil {
		return o, usageError{fmt.Errorf("--from %w", err)}
	}
	if o.Until, err = pipeline.ParseDate(b.until); err != nil {
		return o, usageError{fmt.Errorf("--to %w", err)}
	}
	o.Out = b.out
	return o, nil
}

// explainRange writes the decisions of a range into a file and shows their totals beside the ledger's.
func (a *app) explainRange(ctx context.Context, b bulkFlags) error {
	o, err := b.options()
	if err != nil {
		return err
	}
	return a.withReader(ctx, func(r *jobs.Reader) error {
		line := newProgress(a.err)
		o.Progress = line.at
		out, err := r.ExplainRange(ctx, o)
		line.end()
		if err != nil {
			return err
		}
		if b.asJSON {
			return writeJSON(a.out, out)
		}
		a.writeRange(out)
		return nil
	})
}

func (a *app) writeRange(out *jobs.BulkExplanation) {
	p := newPaint(a.out)
	for _, bp := range out.Programs {
		if bp.NeverRun {
			fmt.Fprintf(a.out, "%s has not run yet.\n", p.bold("Program "+bp.Program))
			continue
		}
		fmt.Fprintf(a.out, "%s: %s, known through %s\n", p.bold("Program "+bp.Program),
			plural(bp.Decisions, "decision", "decisions"), bp.Horizon)
		rows := make([][]string, len(bp.Rules))
		differs := false
		for i, r := range bp.Rules {
			note := ""
			if r.Differs {
				differs, note = true, p.red("differs")
			}
			rows[i] = []string{r.Rule, count(r.Pays), count(r.Refuses), thousands(r.Owed), thousands(r.Posted), r.Reward, note}
		}
		writeTable(a.out, p, "  ", []column{words("rule"), numbers("pays"), numbers("refuses"), numbers("owed"),
			numbers("in the ledger"), words("reward"), words("")}, rows)
		if differs {
			wrap(a.out, "  ", "Where the ledger differs, facts or program files have changed since the last run: the next one posts "+
				"the difference. If it stays after a run, it is a fault in accrue.")
		}
	}
	a.say("written to %s", out.File)
}

// columnsHelp lists the columns of the file from their contract.
func columnsHelp() string {
	var out strings.Builder
	out.WriteString("With --from, --to and --out every decision of a range of business dates is written to a file, one row per\n" +
		"source, rule and reward. Its columns:\n\n")
	for _, f := range schemas.DecisionFields() {
		wrapHanging(&out, fmt.Sprintf("  %-21s  ", f.Name), f.Doc)
	}
	return out.String()
}
