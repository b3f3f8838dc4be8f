package emit

import (
	"context"
	"fmt"
	"path/filepath"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// PublishedRow is a grant as it stands in a published file. The grant holds until the next row.
type PublishedRow struct {
	File string // path below the grants folder
	Row  int64  // counts from 1
	*pipeline.Grant
}

// ReadPublished hands on the rows of a publication's files of its first format, as they stand on the disk, right or
// wrong. A file that is not there, or cannot be read to its end, is a problem, and the others are read all the same.
func ReadPublished(ctx context.Context, db *warehouse.DB, grantsDir, program string, postedOn pipeline.Date, seq int,
	opts Options, fn func(PublishedRow) error,
) ([]Problem, error) {
	all, err := publications(ctx, db, program)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.postedOn != postedOn || p.seq != seq {
			continue
		}
		m, err := parseManifest([]byte(p.text))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", p.place, err)
		}
		return readPublished(opts.filled().FS, grantsDir, p, m, fn)
	}
	return nil, fmt.Errorf("program %s has no publication %d of %s", program, seq, postedOn)
}

func readPublished(fsys FS, grantsDir string, p recorded, m *schemas.Manifest, fn func(PublishedRow) error) ([]Problem, error) {
	var out []Problem
	for _, f := range m.Files {
		if f.Format != m.Files[0].Format {
			continue
		}
		row := PublishedRow{File: p.String() + "/" + f.Name}
		var failed error
		got, err := inspect(fsys, filepath.Join(grantsDir, p.folder(), f.Name), Format(f.Format), func(g *pipeline.Grant) error {
			row.Row++
			row.Grant = g
			failed = fn(row)
			return failed
		})
		switch {
		case failed != nil:
			return out, failed
		case err != nil:
			out = append(out, Problem{Kind: ProblemFile, File: row.File, What: "cannot be read: " + err.Error(),
				Expected: fmt.Sprint(f.Rows) + " rows", Found: fmt.Sprint(row.Row)})
		case got.fault != nil:
			out = append(out, Problem{Kind: ProblemFile, File: row.File, What: fmt.Sprintf("cannot be read behind row %d: %v", row.Row, got.fault),
				Expected: fmt.Sprint(f.Rows) + " rows", Found: fmt.Sprint(row.Row)})
		}
	}
	return out, nil
}
