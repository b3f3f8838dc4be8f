package jobs

import (
	"context"
	"errors"
	"fmt"

	"accrue/pipeline/emit"
	"accrue/pipeline/ledger"
	"accrue/schemas"
)

// Finding is one thing that does not add up.
type Finding struct {
	Area string `json:"area"` // facts, ledger or published
	What string `json:"what"`
}

// Verified says what was held against what.
type Verified struct {
	Findings     []Finding `json:"findings"`
	Files        int64     `json:"export_files"`
	Facts        int64     `json:"rows_read"`
	Grants       int64     `json:"grants"`
	Publications int64     `json:"publications"`
}

// Verify holds everything in the warehouse and every published file against each other: the rows of each export file
// against the facts, the ledger against its own rules, and each published file against its manifest, the chain of
// manifests and the ledger. It changes nothing. A warehouse that cannot be read to its end is an error.
func (r *Reader) Verify(ctx context.Context, progress func(string)) (*Verified, error) {
	v := &Verified{Findings: []Finding{}}
	if progress == nil {
		progress = func(string) {}
	}
	progress("reading the warehouse")
	if err := r.db.Sound(ctx); err != nil {
		return nil, err
	}
	for _, q := range []struct {
		query string
		into  *int64
	}{
		{"SELECT count(*) FROM files", &v.Files},
		{"SELECT CAST(coalesce(sum(rows_read), 0) AS BIGINT) FROM files", &v.Facts},
		{"SELECT count(*) FROM ledger", &v.Grants},
		{"SELECT count(*) FROM publications", &v.Publications},
	} {
		if err := r.db.QueryRow(ctx, q.query).Scan(q.into); err != nil {
			return nil, err
		}
	}
	progress("holding the facts against the files that they came from")
	if err := r.verifyFacts(ctx, v); err != nil {
		return nil, err
	}
	if err := r.verifyLedger(ctx, v, progress); err != nil {
		return nil, err
	}
	progress("reading the published files back")
	problems, err := emit.VerifyPublished(ctx, r.db, r.Project.grantsDir(), emit.Options{
		Verify: r.Project.verifier(),
		Progress: func(done, total int64) {
			progress(fmt.Sprintf("reading the published files back: %d of %d rows", done, total))
		},
	})
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		v.Findings = append(v.Findings, Finding{"published", p.String()})
	}
	return v, nil
}

// verifyFacts proves that no row was lost between a file and the facts: what was read is what was accepted, repeated,
// superseded or rejected, and as many rows of the file are in the tables.
func (r *Reader) verifyFacts(ctx context.Context, v *Verified) error {
	for _, d := range schemas.Datasets {
		query := fmt.Sprintf(`
			WITH held AS (SELECT file_id, count(*) AS n FROM %[1]s GROUP BY file_id),
			refused AS (SELECT file_id, count(*) AS n FROM rejects GROUP BY file_id)
			SELECT CAST(f.delivery AS VARCHAR), f.name, f.rows_read,
				f.rows_accepted + f.rows_duplicate + f.rows_superseded + f.rows_rejected,
				f.rows_accepted, coalesce(h.n, 0), f.rows_rejected, coalesce(x.n, 0)
			FROM files f LEFT JOIN held h ON h.file_id = f.file_id LEFT JOIN refused x ON x.file_id = f.file_id
			WHERE f.dataset = ? ORDER BY f.delivery, f.name`, d.Name)
		var delivery, name string
		var read, sum, accepted, held, rejected, refused int64
		err := r.db.Each(ctx, query, []any{d.Name},
			[]any{&delivery, &name, &read, &sum, &accepted, &held, &rejected, &refused}, func() error {
				for _, c := range []struct {
					what     string
					one, two int64
				}{
					{"%d rows read, but accepted, duplicate, superseded and rejected add up to %d", read, sum},
					{"%d rows accepted, but %d are in the facts", accepted, held},
					{"%d rows rejected, but %d are in the table of rejects", rejected, refused},
				} {
					if c.one != c.two {
						v.Findings = append(v.Findings, Finding{"facts", fmt.Sprintf("date=%s/%s: "+c.what+", difference %d",
							delivery, name, c.one, c.two, c.two-c.one)})
					}
				}
				return nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) verifyLedger(ctx context.Context, v *Verified, progress func(string)) error {
	var programs []string
	var id string
	if err := r.db.Each(ctx, `SELECT program FROM horizons ORDER BY program`, nil, []any{&id}, func() error {
		programs = append(programs, id)
		return nil
	}); err != nil {
		return err
	}
	for _, id := range programs {
		progress("auditing the ledger of " + id)
		err := ledger.Audit(ctx, r.db, id)
		var audit *ledger.AuditError
		switch {
		case errors.As(err, &audit):
			for _, f := range audit.Findings {
				v.Findings = append(v.Findings, Finding{"ledger", fmt.Sprintf("program %s: %s: %s", id, f.Audit, f.Detail)})
			}
		case err != nil:
			return err
		}
	}
	return nil
}
