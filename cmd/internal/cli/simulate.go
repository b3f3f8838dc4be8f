package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline/safetext"
)

func (a *app) simulateCommand() *cobra.Command {
	var from, to, out string
	var asJSON bool
	var o jobs.SimulateOptions
	cmd := a.command("simulate", "Hold a candidate program beside what was granted",
		`Works out what a candidate program file would have granted for what was earned on the dates, with limits, tiers,
milestones and budgets, and holds it beside what was granted: by rule, tier, date and channel, and who gains and loses most.
The candidate takes the place of the version of its number, or stands beside the others. It looks at what is loaded, and
writes nothing to the warehouse.`,
		`  accrue simulate --program drafts/new.yaml --from 2026-11-01 --to 2026-11-30
  accrue simulate --program drafts/new.yaml --from 2026-11-01 --to 2026-11-30 --out difference.csv`, cobra.NoArgs,
		func(ctx context.Context, _ []string) (err error) {
			if o.From, o.To, err = dateRange(from, to); err != nil {
				return err
			}
			if o.File == "" {
				return usageError{errors.New("--program is missing: name the candidate's file")}
			}
			if o.Top < 0 {
				return usageError{errors.New("--top must not be below zero")}
			}
			return a.simulate(ctx, o, out, asJSON)
		})
	cmd.Flags().StringVar(&o.File, "program", "", "file of the candidate")
	cmd.Flags().StringVar(&from, "from", "", "first date of earning, YYYY-MM-DD")
	cmd.Flags().StringVar(&to, "to", "", "last date of earning, YYYY-MM-DD")
	cmd.Flags().IntVar(&o.Top, "top", 5, "how many members to list who gain, and who lose most")
	cmd.Flags().StringVar(&out, "out", "", "write everything, all members too, to this file: .csv or .parquet")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) simulate(ctx context.Context, o jobs.SimulateOptions, out string, asJSON bool) (err error) {
	switch form := filepath.Ext(out); {
	case form == ".parquet":
		o.Parquet = out
	case out != "" && form != ".csv":
		return usageError{fmt.Errorf("--out %s: .csv and .parquet can be written", out)}
	}
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	line := newProgress(a.err)
	o.Progress = line.at
	s, err := r.Simulate(ctx, o)
	line.end()
	if err != nil {
		return err
	}
	if out != "" && o.Parquet == "" {
		if err := writeWhole(out, func(w io.Writer) error { return simulationCSV(s, w) }); err != nil {
			return err
		}
	}
	for _, w := range s.Warnings {
		a.say("warning: %s", w)
	}
	if asJSON {
		return writeJSON(a.out, s)
	}
	a.writeSimulation(s)
	return nil
}

func simulationCSV(s *jobs.Simulation, w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"by", "key", "reward", "granted", "candidate", "difference"}) // Error tells
	for _, r := range s.Everything() {
		_ = out.Write([]string{r.By, safetext.Cell(r.Key), safetext.Cell(r.Reward), r.Granted, r.Candidate, r.Difference})
	}
	out.Flush()
	return out.Error()
}

func (a *app) writeSimulation(s *jobs.Simulation) {
	p := newPaint(a.out)
	fmt.Fprintf(a.out, "%s\n", p.bold(fmt.Sprintf("Program %s, version %d as a candidate, from %s to %s", s.Program, s.Version, s.From, s.To)))
	for _, l := range s.Says {
		wrapHanging(a.out, "  - ", l)
	}
	if len(s.Rows) == 0 {
		fmt.Fprintf(a.out, "\nNothing was granted on these dates, and nothing would be.\n")
		return
	}
	var rows [][]string
	last := ""
	for _, r := range s.Rows {
		by := r.By
		if by == last {
			by = ""
		}
		last = r.By
		rows = append(rows, []string{by, safetext.Line(r.Key), thousands(r.Granted), thousands(r.Candidate), thousands(r.Difference), r.Reward})
	}
	fmt.Fprintln(a.out)
	writeTable(a.out, p, "", []column{words("by"), words(""), numbers("granted"), numbers("candidate"), numbers("difference"), words("reward")}, rows)
	for _, side := range []struct {
		title string
		count int
		list  []jobs.SimulationRow
	}{{"Who gains most", s.Gaining, s.Gains}, {"Who loses most", s.Losing, s.Losses}} {
		fmt.Fprintf(a.out, "\n%s: %d of %s\n", p.bold(side.title), len(side.list), plural(int64(side.count), "member", "members"))
		rows = nil
		for _, r := range side.list {
			rows = append(rows, []string{safetext.Line(r.Key), thousands(r.Granted), thousands(r.Candidate), thousands(r.Difference), r.Reward})
		}
		writeTable(a.out, p, "  ", []column{words("member"), numbers("granted"), numbers("candidate"), numbers("difference"), words("reward")}, rows)
	}
}
