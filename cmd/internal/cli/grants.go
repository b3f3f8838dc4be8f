package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
)

// tableLimit is how many rows a table shows unless it is told otherwise.
const tableLimit = 200

func (a *app) grantsCommand() *cobra.Command {
	var f jobs.GrantFilter
	var date string
	var asJSON bool
	cmd := a.command("grants", "List grants of the ledger",
		`Lists the ledger's rows in the order in which they were published: by date and program, then by member and time.
A table shows the first 200; --limit 0 shows all. JSON has all rows unless --limit says otherwise.`,
		`  accrue grants --date 2026-11-20
  accrue grants --member anita --rule base
  accrue grants --json | jq -r '.[].grant_id'`, cobra.NoArgs, nil)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		a.started = true
		if f.Limit < 0 {
			return usageError{errors.New("--limit must not be below zero")}
		}
		if date != "" {
			d, err := pipeline.ParseDate(date)
			if err != nil {
				return usageError{fmt.Errorf("--date %w", err)}
			}
			f.PostedOn = &d
		}
		if !asJSON && !cmd.Flags().Changed("limit") {
			f.Limit = tableLimit
		}
		return a.grants(cmd.Context(), f, asJSON)
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Program, "program", "", "only this program")
	flags.StringVar(&date, "date", "", "only what was posted to this date, YYYY-MM-DD")
	flags.StringVar(&f.Member, "member", "", "only this member")
	flags.StringVar(&f.Rule, "rule", "", "only this rule")
	flags.StringVar(&f.Reward, "reward", "", "only this reward")
	flags.IntVar(&f.Limit, "limit", 0, "how many rows to show; 0 for all")
	flags.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) grants(ctx context.Context, f jobs.GrantFilter, asJSON bool) (err error) {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if asJSON {
		return a.grantsJSON(ctx, r, f)
	}
	var rows [][]string
	if err := r.Grants(ctx, f, func(g jobs.Grant) error {
		rows = append(rows, []string{g.PostedOn, g.MemberID, g.Rule, g.Amount, g.Reward, g.Kind, g.SourceID, g.EarnedOn, g.Reason})
		return nil
	}); err != nil {
		return err
	}
	writeTable(a.out, newPaint(a.out), "", []column{words("posted_on"), words("member_id"), words("rule"),
		numbers("amount"), words("reward"), words("kind"), words("source_id"), words("earned_on"), words("reason")}, rows)
	total, err := r.CountGrants(ctx, f)
	if err != nil {
		return err
	}
	if shown := int64(len(rows)); shown < total {
		a.say("%s of %s shown; --limit 0 shows all", count(shown), plural(total, "grant", "grants"))
	}
	return nil
}

// grantsJSON writes the rows as they come: a ledger may be longer than memory.
func (a *app) grantsJSON(ctx context.Context, r *jobs.Reader, f jobs.GrantFilter) error {
	before := "[\n  "
	err := r.Grants(ctx, f, func(g jobs.Grant) error {
		text, err := json.Marshal(g)
		if err != nil {
			return err
		}
		_, err = io.WriteString(a.out, before+string(text))
		before = ",\n  "
		return err
	})
	if err != nil {
		return err
	}
	end := "\n]\n"
	if before == "[\n  " {
		end = "[]\n"
	}
	_, err = io.WriteString(a.out, end)
	return err
}
