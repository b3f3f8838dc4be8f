package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
)

// explainWhat is the answer to `accrue explain` alone.
const explainWhat = "explain what? `accrue explain transaction ID`, `activity ID`, `birthday MEMBER:YEAR`, `grant ID`, " +
	"`member ID --date D`, or `--from A --to B --out FILE` for everything in a range of dates"

func (a *app) explainCommand() *cobra.Command {
	var bulk bulkFlags
	cmd := &cobra.Command{
		Use: "explain", Short: "Say why a source, a grant, a member or a whole range of dates earned what it did",
		Long: `Shows the decision of every rule, step by step, as arithmetic that a person can redo. It is worked out anew from the
facts in the warehouse, by an evaluator that is not the one that posted the grants; where the two disagree it says so.

` + columnsHelp(),
		Example: `  accrue explain transaction TX-1008
  accrue explain activity AC-120
  accrue explain birthday anita:2026
  accrue explain grant jcb/base/transaction/TX-1008/1
  accrue explain member anita --date 2026-11-20
  accrue explain --from 2026-11-01 --to 2026-11-30 --out why.parquet`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%s; not %q", explainWhat, args[0])
			}
			if !bulk.asked() {
				return errors.New(explainWhat)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.started = true
			return a.explainRange(cmd.Context(), bulk)
		},
	}
	bulk.register(cmd)
	cmd.AddCommand(
		a.explainSourceCommand(pipeline.SourceTransaction, "transaction ID", "Say why a purchase earned what it did",
			"Shows what is known of a purchase and what every rule made of it, step by step.", "TX-1008"),
		a.explainSourceCommand(pipeline.SourceActivity, "activity ID", "Say why an activity earned what it did",
			"Shows what is known of an activity (a review, a referral, a gift code, …) and what every rule made of it.", "AC-120"),
		a.explainSourceCommand(pipeline.SourceBirthday, "birthday MEMBER:YEAR", "Say why a birthday earned what it did",
			"Shows what is known of a member's birthday in a year and what every rule made of it.", "anita:2026"),
		a.explainGrantCommand(), a.explainMemberCommand())
	return cmd
}

// withReader opens the warehouse for a question and closes it again.
func (a *app) withReader(ctx context.Context, ask func(*jobs.Reader) error) (err error) {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return ask(r)
}

func (a *app) explainSourceCommand(t pipeline.SourceType, use, short, long, id string) *cobra.Command {
	var asJSON bool
	example := fmt.Sprintf("  accrue explain %s %s\n  accrue explain %[1]s %[2]s --json", t, id)
	cmd := a.command(use, short, long, example, cobra.ExactArgs(1), func(ctx context.Context, args []string) error {
		return a.withReader(ctx, func(r *jobs.Reader) error {
			ex, err := r.ExplainSource(ctx, t, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.out, explanationJSON(ex))
			}
			a.writeExplanation(ex)
			return nil
		})
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) explainGrantCommand() *cobra.Command {
	var asJSON bool
	cmd := a.command("grant ID", "Say where a grant was published and why it was earned",
		"Shows a row of the ledger, the file and the manifest that published it, and why its source earned it.",
		"  accrue explain grant jcb/base/transaction/TX-1008/1", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			return a.withReader(ctx, func(r *jobs.Reader) error {
				ge, err := r.ExplainGrant(ctx, args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(a.out, grantJSON(ge))
				}
				a.writeGrant(ge)
				a.writeExplanation(ge.Explanation)
				return nil
			})
		})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) explainMemberCommand() *cobra.Command {
	var date string
	var asJSON bool
	cmd := a.command("member ID --date D", "Say what a member earned on a business date, and why",
		`Shows what is known of a member on a business date, everything that the member did that day with the decision of every
rule, the day's totals, and how much of every limit was used by its end.`,
		"  accrue explain member dev --date 2026-11-20\n  accrue explain member dev --date 2026-11-20 --json", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error {
			d, err := pipeline.ParseDate(date)
			if err != nil {
				return usageError{fmt.Errorf("--date %w", err)}
			}
			return a.withReader(ctx, func(r *jobs.Reader) error {
				me, err := r.ExplainMember(ctx, args[0], d)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(a.out, memberJSON(me))
				}
				a.writeMember(me)
				return nil
			})
		})
	cmd.Flags().StringVar(&date, "date", "", "the business date, YYYY-MM-DD")
	_ = cmd.MarkFlagRequired("date")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
