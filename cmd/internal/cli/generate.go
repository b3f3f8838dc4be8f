package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"accrue/pipeline"
	"accrue/pipeline/generate"
)

func (a *app) generateCommand() *cobra.Command {
	o := generate.Defaults()
	var from string
	var asJSON bool
	cmd := a.command("generate", "Write synthetic deliveries of any size",
		`Writes deliveries of a made-up salon chain, with the skew that real ones have, into DIR (default: the project's
exports folder). The same options give the same files. They fit the sample's program.`,
		`  accrue generate --from 2026-11-01 --days 3 --transactions 10000
  accrue generate --from 2026-11-20 --transactions 2000000 --format parquet --dir bench/exports`, cobra.NoArgs,
		func(ctx context.Context, _ []string) error {
			d, err := pipeline.ParseDate(from)
			if err != nil {
				return usageError{fmt.Errorf("--from %w", err)}
			}
			o.From = d
			return a.generate(ctx, o, asJSON)
		})
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "where to write (default: the project's exports folder)")
	f.StringVar(&from, "from", "", "date of the first delivery, YYYY-MM-DD (required)")
	f.IntVar(&o.Days, "days", o.Days, "deliveries, one a day")
	f.Int64Var(&o.Transactions, "transactions", o.Transactions, "transactions a day, on average")
	f.IntVar(&o.LinesPerTransaction, "lines", o.LinesPerTransaction, "lines of a transaction, on average")
	f.Int64Var(&o.Members, "members", o.Members, "members; 0: one for every four transactions")
	f.IntVar(&o.Stores, "stores", o.Stores, "stores")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "another seed gives other data")
	f.StringVar(&o.Format, "format", o.Format, "csv, parquet or ndjson")
	f.IntVar(&o.LatePerMille, "late", o.LatePerMille, "transactions in a thousand that come late")
	f.IntVar(&o.ReturnsPerMille, "returns", o.ReturnsPerMille, "transactions in a thousand of which something comes back")
	f.IntVar(&o.ActivitiesPerMille, "activities", o.ActivitiesPerMille, "activities for a thousand transactions")
	f.BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

func (a *app) generate(ctx context.Context, o generate.Options, asJSON bool) error {
	if o.Dir == "" {
		project, err := a.open()
		if err != nil {
			return err
		}
		o.Dir = project.ExportsDir()
	}
	line, start := newProgress(a.err), time.Now()
	o.Progress = func(p generate.Progress) {
		line.at(fmt.Sprintf("writing the delivery of %s: %s of %s transactions", p.Date, count(p.Done), count(p.Total)))
	}
	res, err := generate.Run(ctx, o)
	line.end()
	var wrong *generate.OptionsError
	if errors.As(err, &wrong) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	days := make([]string, len(res.Days))
	for i, d := range res.Days {
		days[i] = d.String()
	}
	if asJSON {
		return writeJSON(a.out, struct {
			Dir        string           `json:"dir"`
			Deliveries []string         `json:"deliveries"`
			Rows       map[string]int64 `json:"rows"`
			Files      int              `json:"files"`
			Bytes      int64            `json:"bytes"`
		}{o.Dir, days, res.Rows, res.Files, res.Bytes})
	}
	fmt.Fprintf(a.out, "%s in %s: %s, %s, %s bytes, %.1f s\n", plural(int64(len(days)), "delivery", "deliveries"),
		filepath.Clean(o.Dir), shorten(days), plural(int64(res.Files), "file", "files"), count(res.Bytes),
		time.Since(start).Seconds())
	return nil
}
