package jobs

import (
	"context"

	"accrue/pipeline"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/ledger"
	"accrue/pipeline/program"
)

// evaluate works out what is owed, of everybody or, with a scope, of those for whom something can have changed.
func (n *night) evaluate(ctx context.Context, fam *program.Family, horizon pipeline.Date, prev *ledger.Previous) (*ledger.Scope, error) {
	o := evaluate.Options{Trace: n.opts.Trace}
	because, err := n.everybody(ctx, fam, prev)
	if err != nil {
		return nil, err
	}
	if because == "" {
		o.Since = &evaluate.Since{LoadSeq: prev.LoadSeq, Horizon: prev.Horizon}
	}
	res, err := evaluate.Run(ctx, n.db, fam, horizon, o)
	if err != nil {
		return nil, err
	}
	if because == "" {
		because = res.Scope.Whole
	}
	n.evaluated[fam.ID] = &Evaluated{Members: res.Scope.Members, EverybodyBecause: because}
	if because != "" {
		return nil, nil
	}
	return &ledger.Scope{Since: res.Scope.Since, Steady: prev.Steady}, nil
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
	if err := n.db.QueryRow(ctx, `SELECT CAST(sum(fresh) AS BIGINT), CAST(sum(known) AS BIGINT) FROM (
		SELECT count(*) FILTER (WHERE load_seq > $1) AS fresh, count(*) AS known FROM transactions
		UNION ALL SELECT count(*) FILTER (WHERE load_seq > $1), count(*) FROM activities)`, prev.LoadSeq).Scan(&fresh, &all); err != nil {
		return "", err
	}
	if 2*fresh > all {
		return "most of what is known is new", nil
	}
	return "", nil
}
