package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline/explain"
	"accrue/pipeline/reference"
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain", Short: "Say why a purchase or a grant earned what it did",
		Long: `Shows the decision of every rule, step by step, as arithmetic that a person can redo. It is worked out anew from the
facts in the warehouse, by an evaluator that is not the one that posted the grants; where the two disagree it says so.`,
		Example: "  accrue explain transaction TX-1008\n  accrue explain grant jcb/base/transaction/TX-1008/1",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("explain what? `accrue explain transaction ID` or `accrue explain grant ID`, not %q", args[0])
			}
			return errors.New("explain what? `accrue explain transaction ID` or `accrue explain grant ID`")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.explainTransactionCommand(), a.explainGrantCommand())
	return cmd
}

func (a *app) explainTransactionCommand() *cobra.Command {
	var asJSON bool
	cmd := a.command("transaction ID", "Say why a purchase earned what it did",
		"Shows what is known of a purchase and what every rule made of it, step by step.",
		"  accrue explain transaction TX-1008\n  accrue explain transaction TX-1008 --json", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) (err error) {
			r, err := a.reader(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, r.Close()) }()
			ex, err := r.ExplainTransaction(ctx, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.out, explanationJSON(ex))
			}
			a.writeExplanation(ex)
			return nil
		})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func (a *app) explainGrantCommand() *cobra.Command {
	var asJSON bool
	cmd := a.command("grant ID", "Say where a grant was published and why it was earned",
		"Shows a row of the ledger, the file and the manifest that published it, and why its source earned it.",
		"  accrue explain grant jcb/base/transaction/TX-1008/1", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) (err error) {
			r, err := a.reader(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, r.Close()) }()
			ge, err := r.ExplainGrant(ctx, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.out, struct {
					Grant       jobs.Grant      `json:"grant"`
					Folder      string          `json:"folder"`
					File        string          `json:"file"`
					Explanation explanationText `json:"explanation"`
				}{ge.Grant, ge.Publication.Folder, ge.File, explanationJSON(ge.Explanation)})
			}
			a.writeGrant(ge)
			a.writeExplanation(ge.Explanation)
			return nil
		})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// writeGrant shows a row of the ledger and where it was published.
func (a *app) writeGrant(ge *jobs.GrantExplanation) {
	g, p := ge.Grant, newPaint(a.out)
	fmt.Fprintf(a.out, "%s\n", p.bold("Grant "+g.GrantID))
	reason := g.Reason
	if reason == "" {
		reason = "none: posted on the date it was earned"
	}
	expires := g.ExpiresOn
	if expires == "" {
		expires = "never"
	}
	for _, f := range [][2]string{
		{"member", g.MemberID},
		{"amount", g.Amount + " " + g.Reward + ", " + g.Kind},
		{"reason", reason},
		{"earned", g.EarnedOn + " (" + g.EarnedAt + ")"},
		{"posted", g.PostedOn + ", by version " + fmt.Sprint(g.ProgramVersion) + " of the program"},
		{"available", g.AvailableOn + ", expires " + expires},
		{"published in", a.from(ge.Publication.Folder + "/" + ge.File)},
		{"manifest", a.from(ge.Publication.Folder + "/manifest.json")},
	} {
		fmt.Fprintf(a.out, "  %-13s %s\n", f[0], f[1])
	}
	fmt.Fprintln(a.out)
}

// writeExplanation shows a source and what every rule made of it.
func (a *app) writeExplanation(ex *jobs.Explanation) {
	p := newPaint(a.out)
	s := ex.Source
	fmt.Fprintf(a.out, "%s\n", p.bold(title(string(s.Type))+" "+s.ID))
	writeSource(a.out, s)
	for _, pe := range ex.Programs {
		fmt.Fprintln(a.out)
		a.writeProgramExplanation(p, s, pe)
	}
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func writeSource(w io.Writer, s *explain.Source) {
	if len(s.Facts) == 0 {
		fmt.Fprintf(w, "  no row says so any more: it was withdrawn\n")
		return
	}
	texts := make([]string, len(s.Facts))
	for i, f := range s.Facts {
		texts[i] = f.Name + " " + f.Value
	}
	if s.Member == "" {
		texts = append([]string{"no member"}, texts...)
	}
	wrap(w, "  ", strings.Join(texts, ", "))
	fmt.Fprintf(w, "  from date=%s/%s, row %d\n", s.From.Delivery, s.From.File, s.From.Row)
	rows := [][]string{}
	for _, l := range s.Lines {
		rows = append(rows, []string{"line " + l.LineNo, l.ItemID, l.Category, l.Brand, l.Quantity.String() + " ×", l.Amount.String()})
	}
	for _, r := range s.Returns {
		what := "the whole"
		if r.LineNo != "" {
			what = "line " + r.LineNo
		}
		rows = append(rows, []string{"refund " + r.ID, what, "", "", r.OccurredAt.String(), r.Amount.Neg().String()})
	}
	if len(rows) > 0 {
		writeRows(w, "  ", []bool{false, false, false, false, true, true}, rows)
	}
}

// writeProgramExplanation shows the decisions of one program.
func (a *app) writeProgramExplanation(p paint, s *explain.Source, pe jobs.ProgramExplanation) {
	w := a.out
	head := "Program " + pe.Family.ID
	switch {
	case pe.Never:
		fmt.Fprintf(w, "%s has not run yet.\n", p.bold(head))
		return
	case len(pe.Answer.Decisions) == 0:
		fmt.Fprintf(w, "%s: no rule looks at it.\n", p.bold(head))
		wrap(w, "  ", fmt.Sprintf("It may be in another currency, lie after %s, the newest date that was run, or be of a "+
			"type that no rule names.", pe.Horizon))
	default:
		d := pe.Answer.Decisions[0]
		if d.ProgramVersion > 0 {
			head += fmt.Sprintf(", version %d", d.ProgramVersion)
		}
		tier := ""
		if d.Tier != "" && d.Tier != "none" && s.Member != "" {
			tier = " · tier " + d.Tier
		}
		fmt.Fprintf(w, "%s · business date %s%s\n", p.bold(head), d.EarnedOn, tier)
		for _, d := range pe.Answer.Decisions {
			writeDecision(w, p, d)
		}
	}
	a.writeLedgerSide(p, pe)
}

// writeDecision shows what one rule did, step by step.
func writeDecision(w io.Writer, p paint, d reference.Decision) {
	result := "nothing: " + d.Reason
	if d.Reason == "" {
		result = p.green(d.Amount.String() + " " + d.Reward)
	}
	fmt.Fprintf(w, "\n  %s  %s\n", p.bold(d.Rule), result)
	for i, st := range d.Steps {
		if d.Reason != "" && i == len(d.Steps)-1 && st.Text == d.Why {
			continue // the reason says the same
		}
		wrapHanging(w, fmt.Sprintf(stepForm, st.Name), plain(st.Text))
	}
	if d.Reason != "" && d.Why != "" {
		wrapHanging(w, fmt.Sprintf(stepForm, "why not"), d.Why)
	}
}

// stepForm is for the name of a step; the longest is amount:per_transaction.
const stepForm = "    %-22s  "

// plain shortens `x = x` to x.
func plain(text string) string {
	if left, right, found := strings.Cut(text, " = "); found && left == right {
		return left
	}
	return text
}

// writeLedgerSide shows the ledger's rows, and says loudly if they are not what the decisions add up to.
func (a *app) writeLedgerSide(p paint, pe jobs.ProgramExplanation) {
	w := a.out
	fmt.Fprintf(w, "\n  %s\n", p.bold("In the ledger"))
	if len(pe.Rows) == 0 {
		fmt.Fprintf(w, "    nothing\n")
	} else {
		rows := make([][]string, len(pe.Rows))
		for i, g := range pe.Rows {
			rows[i] = []string{g.PostedOn, g.Rule, g.Amount, g.Reward, g.Kind, g.Reason, g.GrantID}
		}
		writeRows(w, "    ", []bool{false, false, true, false, false, false, false}, rows)
	}
	if !pe.Answer.Differs() {
		return
	}
	fmt.Fprintf(w, "\n  %s\n", p.red("THE LEDGER DISAGREES with what is worked out here:"))
	for _, s := range pe.Answer.Sums {
		if s.Differs() {
			fmt.Fprintf(w, "    rule %s, member %s: owed %s %s, posted %s, difference %s\n", s.Rule, s.Member, s.Owed, s.Reward,
				s.Posted, s.Owed.Sub(s.Posted))
		}
	}
	wrap(w, "    ", "Facts that came after the last run, or a program file that has changed since, make such a difference: "+
		"the next run posts it. If it stays after a run, it is a fault in accrue.")
}
