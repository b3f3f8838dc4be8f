package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"accrue/jobs"
	"accrue/pipeline/safetext"
)

// rollForward shows the balances of the ledger.
func (a *app) rollForward(ctx context.Context, f reconcileFlags) (err error) {
	form, err := f.outForm()
	if err != nil {
		return err
	}
	if form == ".parquet" {
		return usageError{errors.New("--roll-forward is written as .csv; for machines there is --json")}
	}
	opts := jobs.RollOptions{Program: f.program, By: f.by, Rates: f.rates}
	if opts.From, opts.To, err = f.period(); err != nil {
		return err
	}
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	roll, err := r.RollForward(ctx, opts)
	if err != nil {
		return err
	}
	if form == ".csv" {
		if err := writeWhole(f.out, func(w io.Writer) error { return rollCSV(roll, w) }); err != nil {
			return err
		}
	}
	if f.asJSON {
		return writeJSON(a.out, roll)
	}
	a.writeRoll(roll)
	return nil
}

var rollAmounts = []string{"opening", "accruals", "adjustments", "reversals", "closing", "pending", "available", "expired"}

func rollCells(r jobs.RollRow) []string {
	return []string{r.Opening, r.Accruals, r.Adjustments, r.Reversals, r.Closing, r.Pending, r.Available, r.Expired}
}

// rollCSV writes a roll-forward for people.
func rollCSV(roll *jobs.RollForward, out io.Writer) error {
	w := csv.NewWriter(out)
	rows := [][]string{append(append([]string{"program", "reward"}, roll.By...), append([]string{"grants"}, rollAmounts...)...)}
	for _, r := range roll.Rows {
		row := []string{r.Program, r.Reward}
		for _, d := range roll.By {
			row = append(row, r.By[d])
		}
		row = append(row, strconv.FormatInt(r.Grants, 10))
		rows = append(rows, append(row, rollCells(r)...))
	}
	for _, row := range rows {
		for i, cell := range row {
			row[i] = safetext.Cell(cell)
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func (a *app) writeRoll(roll *jobs.RollForward) {
	p := newPaint(a.out)
	fmt.Fprintf(a.out, "%s\n", p.bold(fmt.Sprintf("Roll-forward from %s to %s", roll.From, roll.To)))
	var cols []column
	programs := map[string]bool{}
	standing := false // what is held and available is known
	for _, r := range roll.Rows {
		programs[r.Program] = true
		standing = standing || r.Pending != ""
	}
	if len(programs) > 1 {
		cols = append(cols, words("program"))
	}
	for _, d := range roll.By {
		cols = append(cols, words(d))
	}
	cols = append(cols, words("reward"))
	amounts := rollAmounts
	if !standing {
		amounts = rollAmounts[:5]
	}
	for _, name := range amounts {
		cols = append(cols, numbers(name))
	}
	rows := make([][]string, len(roll.Rows))
	for i, r := range roll.Rows {
		if len(programs) > 1 {
			rows[i] = append(rows[i], r.Program)
		}
		for _, d := range roll.By {
			rows[i] = append(rows[i], r.By[d])
		}
		rows[i] = append(rows[i], r.Reward)
		for _, c := range rollCells(r)[:len(amounts)] {
			rows[i] = append(rows[i], thousands(c))
		}
	}
	writeTable(a.out, p, "  ", cols, rows)
	if len(roll.Expiring) > 0 {
		fmt.Fprintf(a.out, "\n%s\n", p.bold("Expiring"))
		rows = nil
		for _, e := range roll.Expiring {
			rows = append(rows, []string{e.Month, e.Program, e.Reward, thousands(e.Amount)})
		}
		writeTable(a.out, p, "  ", []column{words("month"), words("program"), words("reward"), numbers("amount")}, rows)
	}
	if len(roll.Liable) > 0 {
		fmt.Fprintf(a.out, "\n%s\n", p.bold("Liability, as granted: what members spent is not known here"))
		rows = nil
		for _, l := range roll.Liable {
			rows = append(rows, []string{l.Program, l.Reward, thousands(l.Balance), l.Rate, thousands(l.Worth) + " " + l.Currency})
		}
		writeTable(a.out, p, "  ", []column{words("program"), words("reward"), numbers("balance"), numbers("rate"), numbers("worth")}, rows)
	}
}
