package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/ledger"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// program evaluates one program, posts the difference and publishes it. The commit of the transaction in the middle
// is the decision: before it nothing has happened, after it everything that is missing can be brought to its end.
func (n *night) program(ctx context.Context, fam *program.Family) error {
	n.current = fam.ID
	prev, err := ledger.ReadPrevious(ctx, n.db, fam.ID)
	if err != nil {
		return err
	}
	horizon := n.to
	if prev != nil {
		horizon = max(horizon, prev.Horizon) // F45
	}
	closed, err := closedThrough(ctx, n.db, fam.ID)
	if err != nil {
		return err
	}
	n.summary.Horizon = max(n.summary.Horizon, horizon.String())
	n.progress("%s: working out what is owed", fam.ID)
	n.crash.pass(stepEvaluate)
	everybody, err := n.everybody(ctx, fam, prev)
	if err != nil {
		return err
	}
	worked, err := work{
		Request: ledger.Request{
			Family: fam, From: n.from, To: n.to, ClosedThrough: closed, Restated: n.restated[fam.ID], Previous: prev,
		},
		horizon: horizon, trace: n.traced(fam), everybody: everybody,
		comparing: func() {
			n.progress("%s: comparing with the ledger", fam.ID)
			n.crash.pass(stepDifference)
		},
	}.out(ctx, n.db)
	if err != nil {
		return err
	}
	n.evaluated[fam.ID] = worked.told
	n.opts.Profile.count(worked.diff.Rows)
	postings, err := n.postings(ctx, fam, worked.diff, closed)
	if err != nil {
		return err
	}
	if n.dryRun() {
		return n.rehearse(ctx, fam, postings, closed)
	}
	staged, err := n.commit(ctx, fam, horizon, worked, postings)
	if err != nil {
		return err
	}
	n.progress("%s: publishing", fam.ID)
	for _, s := range staged {
		if err := s.Publish(ctx, n.db); err != nil {
			return err
		}
		n.opts.Profile.count(s.Manifest.Totals.Rows)
	}
	return nil
}

// postings are those of the difference, and beside them a posting without rows for every date of the run that has none
// and was never published: it publishes a manifest, once. Closed dates get none, and in a backfill neither do dates
// before the program's first version, on which nothing can be earned.
func (n *night) postings(ctx context.Context, fam *program.Family, diff *ledger.Result, closed *pipeline.Date) ([]ledger.Posting, error) {
	from, to := n.from, n.to
	if closed != nil {
		from = max(from, *closed+1)
	}
	if n.backfill != nil {
		from = max(from, fam.Versions[0].EffectiveFrom)
	}
	done, err := emit.Published(ctx, n.db, fam.ID, from, to)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(diff.Postings)
	for _, p := range out {
		done[p.PostedOn] = true
	}
	for d := from; d <= to; d++ {
		if !done[d] {
			out = append(out, ledger.Posting{PostedOn: d, Seq: 1})
		}
	}
	slices.SortFunc(out, func(a, b ledger.Posting) int { return int(a.PostedOn - b.PostedOn) })
	return out, nil
}

// commit posts the difference, stages its files and notes both in one transaction.
func (n *night) commit(ctx context.Context, fam *program.Family, horizon pipeline.Date, worked *workedOut,
	postings []ledger.Posting,
) (staged []*emit.Staged, err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, s := range staged {
			err = errors.Join(err, s.Discard())
		}
		staged = nil
	}()
	err = n.db.Tx(ctx, func() (err error) {
		n.progress("%s: posting", fam.ID)
		n.crash.pass(stepLedgerPost)
		if err := ledger.Post(ctx, n.db, fam.ID, worked.diff); err != nil {
			return err
		}
		if err := ledger.Balance(ctx, n.db, fam.ID, worked.scoped); err != nil {
			return err
		}
		n.opts.Profile.count(worked.diff.Rows)
		n.progress("%s: writing grant files", fam.ID)
		if staged, err = n.stage(ctx, fam, horizon, postings); err != nil {
			return err
		}
		if err := writeBases(ctx, n.db, fam); err != nil {
			return err
		}
		if err := n.writeHorizon(ctx, fam, horizon, worked.asked); err != nil {
			return err
		}
		n.crash.pass(stepLedgerCommit)
		return nil
	})
	return staged, err
}

// stage writes the files of all postings, each with the manifest before it.
func (n *night) stage(ctx context.Context, fam *program.Family, horizon pipeline.Date, postings []ledger.Posting) ([]*emit.Staged, error) {
	if len(postings) == 0 {
		return nil, nil
	}
	previous, err := emit.LastManifest(ctx, n.db, fam.ID)
	if err != nil {
		return nil, err
	}
	deliveries, err := deliveriesKnown(ctx, n.db)
	if err != nil {
		return nil, err
	}
	var out []*emit.Staged
	var narrow narrowing
	for i, p := range postings {
		if err := narrow.to(ctx, n.db, postings[i:]); err != nil {
			return out, err
		}
		what := fam.ID + ": writing grant files"
		if len(postings) > 1 {
			what = fmt.Sprintf("%s: writing grant files, date %d of %d", fam.ID, i+1, len(postings))
		}
		n.progress("%s", what)
		opts := n.emitOptions()
		opts.Step = func(step string) {
			if step == "emit.sync" { // written
				n.opts.Profile.count(p.Totals.Rows)
			}
			n.crash.pass(step)
		}
		if n.opts.Progress != nil {
			opts.Progress = func(done, total int64) { n.counted(what+" and reading them back", done, total) }
		}
		s, err := emit.Stage(ctx, n.db, emit.Request{
			Options: opts, GrantsDir: n.project.grantsDir(), Program: fam.ID, PostedOn: p.PostedOn, Seq: p.Seq,
			Run: n.history.run, Horizon: horizon, Formats: n.project.formats(), MaxRowsPerFile: n.project.Config.Grants.MaxRowsPerFile,
			Versions: manifestVersions(fam), Deliveries: deliveries, Previous: previous, Scales: familyScales(fam),
			Expected: p.Totals,
		})
		if err != nil {
			return out, err
		}
		n.opts.Profile.count(p.Totals.Rows)
		out = append(out, s)
		if err := s.Record(ctx, n.db); err != nil {
			return out, err
		}
		previous = s.SHA256
	}
	return out, narrow.end(ctx, n.db)
}

// narrowing keeps the rows of the next dates of a difference apart, so that no date has to look at all of them.
type narrowing struct {
	until  pipeline.Date // the last date that is kept apart
	active bool
}

// narrowRows are kept apart at once, about; they are in memory with all their names.
const narrowRows = 2_000_000

// to makes sure that the rows of the first of the postings are there.
func (k *narrowing) to(ctx context.Context, db *warehouse.DB, postings []ledger.Posting) error {
	if postings[0].Totals.Rows == 0 || k.active && postings[0].PostedOn <= k.until || !k.active && len(postings) == 1 {
		return nil
	}
	k.active = true
	rows := int64(0)
	for i, p := range postings {
		if rows += p.Totals.Rows; i > 0 && rows > narrowRows {
			break
		}
		k.until = p.PostedOn
	}
	return ledger.Narrow(ctx, db, postings[0].PostedOn, k.until)
}

func (k *narrowing) end(ctx context.Context, db *warehouse.DB) error {
	if !k.active {
		return nil
	}
	return ledger.Widen(ctx, db)
}

// traced tells which pass of an evaluation runs, beside whoever listens already.
func (n *night) traced(fam *program.Family) func(evaluate.Statement) {
	if n.opts.Progress == nil {
		return n.opts.Trace
	}
	return func(s evaluate.Statement) {
		what := s.Name
		if s.Rule != "" {
			what = s.Rule + ", " + what
		}
		n.progress("%s: working out what is owed: %s", fam.ID, what)
		if n.opts.Trace != nil {
			n.opts.Trace(s)
		}
	}
}

func (n *night) emitOptions() emit.Options {
	return emit.Options{Step: n.crash.pass, Signer: n.signer, Verify: n.project.verifier(), SliceRows: n.opts.SliceRows}
}

// writeHorizon notes what the program's last run knew, by what it evaluated, and what was asked of budgets.
func (n *night) writeHorizon(ctx context.Context, fam *program.Family, horizon pipeline.Date, asked map[string]int64) error {
	basis, err := evaluate.NewBasis(ctx, n.db, fam)
	if err != nil {
		return err
	}
	var known int
	var steady bool
	if err := n.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM horizons WHERE program = $1),
		coalesce((SELECT bool_and(steady AND clock = $2) FROM evaluations WHERE program = $1), FALSE)`, fam.ID, basis.Clock).
		Scan(&known, &steady); err != nil {
		return err
	}
	// With zones of stores, a row of another dataset moves dates.
	steady = (steady || known == 0) && fam.Versions[0].Day != program.DayStore
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{"DELETE FROM horizons WHERE program = ?", []any{fam.ID}},
		{`INSERT INTO horizons SELECT ?, CAST(? AS DATE), coalesce(max(load_seq), 0) FROM deliveries`, []any{fam.ID, horizon.String()}},
		{"DELETE FROM evaluations WHERE program = ?", []any{fam.ID}},
		{"INSERT INTO evaluations VALUES (?, ?, ?, ?)", []any{fam.ID, basis.All, basis.Clock, steady}},
	} {
		if _, err := n.db.Exec(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return ledger.WriteAsked(ctx, n.db, fam.ID, asked)
}

// manifestVersions lists the versions of a program for the manifest.
func manifestVersions(fam *program.Family) []schemas.ManifestVersion {
	out := make([]schemas.ManifestVersion, len(fam.Versions))
	for i, v := range fam.Versions {
		out[i] = schemas.ManifestVersion{
			Version: v.Version, EffectiveFrom: v.EffectiveFrom.String(), File: filepath.Base(v.File), SHA256: v.SHA256,
		}
		for _, f := range v.Files {
			out[i].Files = append(out[i].Files, schemas.ManifestNamed{Name: f.Name, SHA256: f.SHA256})
		}
	}
	return out
}

// familyScales returns the decimal places of each reward: the most that any version gives it.
func familyScales(fam *program.Family) map[string]int {
	out := map[string]int{}
	for _, v := range fam.Versions {
		for _, r := range v.Rewards {
			out[r.ID] = max(out[r.ID], r.Scale)
		}
	}
	return out
}
