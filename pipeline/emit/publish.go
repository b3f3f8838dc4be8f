package emit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// LastManifest returns the SHA-256 of the program's newest manifest in the warehouse, "" before the first: the one that
// no other names as its previous one.
func LastManifest(ctx context.Context, db *warehouse.DB, program string) (string, error) {
	var ends []string
	var sha string
	if err := db.Each(ctx, `SELECT manifest_sha256 FROM publications p WHERE program = $1 AND NOT EXISTS (
			SELECT 1 FROM publications q
			WHERE q.program = $1 AND json_extract_string(q.manifest, '$.previous_manifest_sha256') = p.manifest_sha256)
		ORDER BY 1`, []any{program}, []any{&sha}, func() error {
		ends = append(ends, sha)
		return nil
	}); err != nil {
		return "", fmt.Errorf("looking for the last manifest of program %s: %w", program, err)
	}
	switch len(ends) {
	case 0:
		return "", nil
	case 1:
		return ends[0], nil
	}
	return "", fmt.Errorf("the chain of manifests of program %s has %d ends, want one: %v", program, len(ends), ends)
}

// Published returns the dates from first to last for which the program has a publication.
func Published(ctx context.Context, db *warehouse.DB, program string, first, last pipeline.Date) (map[pipeline.Date]bool, error) {
	out := map[pipeline.Date]bool{}
	var day time.Time
	err := db.Each(ctx, `SELECT DISTINCT posted_on FROM publications
		WHERE program = ? AND posted_on BETWEEN CAST(? AS DATE) AND CAST(? AS DATE)`,
		[]any{program, first.String(), last.String()}, []any{&day}, func() error {
			out[pipeline.DateOf(day)] = true
			return nil
		})
	return out, err
}

// Record notes the publication as committed. It belongs into the transaction that posts the rows.
func (s *Staged) Record(ctx context.Context, db *warehouse.DB) error {
	_, err := db.Exec(ctx, "INSERT INTO publications VALUES (?, CAST(? AS DATE), ?, ?, 'committed', ?, ?, ?)",
		s.place.program, s.place.postedOn.String(), s.place.seq, s.Manifest.Run, s.Manifest.Totals.Rows, s.SHA256, string(s.Text))
	if err != nil {
		return fmt.Errorf("noting the publication %s: %w", s.place, err)
	}
	return nil
}

// Publish renames the folder into its place, flushes the folders above, and marks the publication as published. It may
// be called again after it failed; Recover does the same.
func (s *Staged) Publish(ctx context.Context, db *warehouse.DB) error {
	if err := s.rename(); err != nil {
		return fmt.Errorf("publishing %s: %w", s.place, explained(err))
	}
	s.step("publish.mark")
	return s.place.mark(ctx, db)
}

func (s *Staged) rename() error {
	s.step("publish.rename")
	there, err := s.fs.Exists(s.Folder)
	if err != nil {
		return err
	}
	if !there {
		if err := s.fs.Rename(s.hidden, s.Folder); err != nil {
			return err
		}
	}
	s.step("publish.sync")
	return s.fs.SyncDir(filepath.Dir(s.Folder))
}

// mark notes that the publication stands in its place.
func (p place) mark(ctx context.Context, db *warehouse.DB) error {
	_, err := db.Exec(ctx, "UPDATE publications SET state = 'published' WHERE program = ? AND posted_on = CAST(? AS DATE) AND seq = ?",
		p.program, p.postedOn.String(), p.seq)
	if err != nil {
		return fmt.Errorf("marking %s as published: %w", p, err)
	}
	return nil
}

// Discard removes the hidden folder of a publication that is not to be, and the folders that were made for it.
func (s *Staged) Discard() error {
	if err := s.fs.RemoveAll(s.hidden); err != nil {
		return fmt.Errorf("removing %s: %w", s.hidden, err)
	}
	removeDirs(s.fs, s.made)
	return nil
}

// recorded is a publication as the warehouse has it.
type recorded struct {
	place
	state  string
	sha256 string
	text   string
	rows   int64
}

// publications returns what the warehouse knows, of all programs, by program, date and seq.
func publications(ctx context.Context, db *warehouse.DB, where string) ([]recorded, error) {
	return publicationsWith(ctx, db, "manifest", where)
}

// publicationsWith gives an expression instead of the manifests: in years they are more than all else here.
func publicationsWith(ctx context.Context, db *warehouse.DB, manifest, where string) ([]recorded, error) {
	var out []recorded
	var r recorded
	var day string
	err := db.Each(ctx, `SELECT program, CAST(posted_on AS VARCHAR), seq, state, rows_count, manifest_sha256, `+manifest+`
		FROM publications `+where+" ORDER BY program, posted_on, seq", nil,
		[]any{&r.program, &day, &r.seq, &r.state, &r.rows, &r.sha256, &r.text}, func() (err error) {
			if r.postedOn, err = pipeline.ParseDate(day); err != nil {
				return err
			}
			out = append(out, r)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("reading the publications: %w", err)
	}
	return out, nil
}

// errAltered says that a published folder is not what was published.
var errAltered = errors.New("published files were changed")
