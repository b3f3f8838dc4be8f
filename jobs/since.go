package jobs

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/ledger"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// workedOut is what a run works out before it posts anything.
type workedOut struct {
	diff   *ledger.Result
	scoped bool // only of those for whom something can have changed
	asked  map[string]int64
	told   *Evaluated
}

// work is what to work out.
type work struct {
	ledger.Request
	horizon   pipeline.Date
	trace     func(evaluate.Statement)
	everybody string // why everybody is to be looked at, "" if that need not be
	comparing func() // is told when an evaluation is done; nil for nobody
}

// out evaluates what is owed and makes the difference to the ledger: of those for whom something can have changed since
// the run before, or of everybody, for the reason given or where a budget may bind.
func (w work) out(ctx context.Context, db *warehouse.DB) (*workedOut, error) {
	o, everybody := evaluate.Options{Trace: w.trace}, w.everybody
	var known map[string]int64
	if everybody == "" {
		var err error
		if known, err = ledger.ReadAsked(ctx, db, w.Family.ID); err != nil {
			return nil, err
		}
		everybody = spent(w.Family, known)
	}
	if everybody == "" {
		o.Since = &evaluate.Since{LoadSeq: w.Previous.LoadSeq, Horizon: w.Previous.Horizon}
	}
	res, err := evaluate.Run(ctx, db, w.Family, w.horizon, o)
	if err != nil {
		return nil, err
	}
	if everybody == "" {
		everybody = res.Scope.Whole
	}
	if everybody == "" {
		w.Scope = &ledger.Scope{Since: res.Scope.Since, Steady: w.Previous.Steady}
	}
	if w.comparing != nil {
		w.comparing()
	}
	out := &workedOut{scoped: w.Scope != nil, asked: res.Asked, told: &Evaluated{Members: res.Scope.Members, EverybodyBecause: everybody}}
	if out.diff, err = ledger.Difference(ctx, db, w.Request); err != nil || !out.scoped {
		return out, err
	}
	if out.asked, err = ledger.Asked(ctx, db, known, res.Asked); err != nil {
		return nil, err
	}
	if why := spent(w.Family, out.asked); why != "" {
		w.everybody, w.Scope = why, nil
		return w.out(ctx, db)
	}
	return out, nil
}

// spent names a rule of whose budget more may be asked than there is: then it matters what everybody gets of it. "" where
// all budgets suffice.
func spent(fam *program.Family, asked map[string]int64) string {
	for _, v := range fam.Versions {
		for _, r := range v.Rules {
			amount, known := asked[r.ID]
			if r.Budget == nil || known && decimal.New(amount, -pipeline.AmountPlaces).LessThanOrEqual(*r.Budget) {
				continue
			}
			return fmt.Sprintf("the budget of the rule %s may be used up", r.ID)
		}
	}
	return ""
}

// everybody says why a run must work out what everybody is owed, whatever has changed; "" where it need not.
func (n *night) everybody(ctx context.Context, fam *program.Family, prev *ledger.Previous) (string, error) {
	if n.backfill != nil {
		return "a backfill looks at everything", nil
	}
	if prev == nil || prev.Basis == "" {
		return "it is the first run by these program files", nil
	}
	basis, err := evaluate.NewBasis(ctx, n.db, fam)
	if err != nil {
		return "", err
	}
	if basis.All != prev.Basis {
		return "the last run was by other program files, zones or another accrue", nil
	}
	var fresh, all int64
	// With the number as text, DuckDB need not look at what is older.
	if err := n.db.QueryRow(ctx, fmt.Sprintf(`SELECT (SELECT count(*) FROM transactions WHERE load_seq > %[1]d)
			+ (SELECT count(*) FROM activities WHERE load_seq > %[1]d),
		(SELECT count(*) FROM transactions) + (SELECT count(*) FROM activities)`, prev.LoadSeq)).Scan(&fresh, &all); err != nil {
		return "", err
	}
	if 2*fresh > all {
		return "most of what is known is new", nil
	}
	return "", nil
}
