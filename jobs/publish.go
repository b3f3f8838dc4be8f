package jobs

import (
	"context"
	"errors"
	"path/filepath"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/ledger"
	"accrue/pipeline/program"
	"accrue/schemas"
)

// program evaluates one program, posts the difference and publishes it. The commit of the transaction in the middle
// is the decision: before it nothing has happened, after it everything that is missing can be brought to its end.
func (n *night) program(ctx context.Context, fam *program.Family) error {
	prev, err := ledger.ReadPrevious(ctx, n.db, fam.ID)
	if err != nil {
		return err
	}
	horizon := n.date
	if prev != nil {
		horizon = max(horizon, prev.Horizon) // F45
	}
	n.summary.Horizon = max(n.summary.Horizon, horizon.String())
	n.progress("%s: working out what is owed", fam.ID)
	n.crash.pass(stepEvaluate)
	if _, err := evaluate.Run(ctx, n.db, fam, horizon, evaluate.Options{Trace: n.opts.Trace}); err != nil {
		return err
	}
	n.progress("%s: comparing with the ledger", fam.ID)
	n.crash.pass(stepDifference)
	diff, err := ledger.Difference(ctx, n.db, ledger.Request{Family: fam, From: n.date, To: n.date, Previous: prev})
	if err != nil {
		return err
	}
	postings, err := n.postings(ctx, fam, diff)
	if err != nil {
		return err
	}
	staged, err := n.commit(ctx, fam, horizon, diff, postings)
	if err != nil {
		return err
	}
	n.progress("%s: publishing", fam.ID)
	for _, s := range staged {
		if err := s.Publish(ctx, n.db); err != nil {
			return err
		}
	}
	return nil
}

// postings are those of the difference; a date that has none publishes nothing but a manifest, once.
func (n *night) postings(ctx context.Context, fam *program.Family, diff *ledger.Result) ([]ledger.Posting, error) {
	if len(diff.Postings) > 0 {
		return diff.Postings, nil
	}
	done, err := emit.Published(ctx, n.db, fam.ID, n.date)
	if err != nil || done {
		return nil, err
	}
	seq, err := ledger.NextSeq(ctx, n.db, fam.ID, n.date)
	return []ledger.Posting{{PostedOn: n.date, Seq: seq}}, err
}

// commit posts the difference, stages its files and notes both in one transaction.
func (n *night) commit(ctx context.Context, fam *program.Family, horizon pipeline.Date, diff *ledger.Result,
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
		if err := ledger.Post(ctx, n.db, fam.ID, diff); err != nil {
			return err
		}
		if err := ledger.Balance(ctx, n.db, fam.ID); err != nil {
			return err
		}
		n.progress("%s: writing grant files", fam.ID)
		if staged, err = n.stage(ctx, fam, postings); err != nil {
			return err
		}
		if err := writeBases(ctx, n.db, fam); err != nil {
			return err
		}
		if err := n.writeHorizon(ctx, fam, horizon); err != nil {
			return err
		}
		n.crash.pass(stepLedgerCommit)
		return nil
	})
	return staged, err
}

// stage writes the files of all postings, each with the manifest before it.
func (n *night) stage(ctx context.Context, fam *program.Family, postings []ledger.Posting) ([]*emit.Staged, error) {
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
	for _, p := range postings {
		s, err := emit.Stage(ctx, n.db, emit.Request{
			Options: n.emitOptions(), GrantsDir: n.project.grantsDir(), Program: fam.ID, PostedOn: p.PostedOn, Seq: p.Seq,
			Run: n.history.run, Formats: n.project.formats(), MaxRowsPerFile: n.project.Config.Grants.MaxRowsPerFile,
			Versions: manifestVersions(fam), Deliveries: deliveries, Previous: previous, Scales: familyScales(fam),
			Expected: p.Totals,
		})
		if err != nil {
			return out, err
		}
		out = append(out, s)
		if err := s.Record(ctx, n.db); err != nil {
			return out, err
		}
		previous = s.SHA256
	}
	return out, nil
}

func (n *night) emitOptions() emit.Options { return emit.Options{Step: n.crash.pass} }

// writeHorizon notes what the program's last run knew.
func (n *night) writeHorizon(ctx context.Context, fam *program.Family, horizon pipeline.Date) error {
	if _, err := n.db.Exec(ctx, `DELETE FROM horizons WHERE program = ?`, fam.ID); err != nil {
		return err
	}
	_, err := n.db.Exec(ctx, `INSERT INTO horizons
		SELECT ?, CAST(? AS DATE), coalesce(max(load_seq), 0) FROM deliveries`, fam.ID, horizon.String())
	return err
}

// manifestVersions lists the versions of a program for the manifest.
func manifestVersions(fam *program.Family) []schemas.ManifestVersion {
	out := make([]schemas.ManifestVersion, len(fam.Versions))
	for i, v := range fam.Versions {
		out[i] = schemas.ManifestVersion{
			Version: v.Version, EffectiveFrom: v.EffectiveFrom.String(), File: filepath.Base(v.File), SHA256: v.SHA256,
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
