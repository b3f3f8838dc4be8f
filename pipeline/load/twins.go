package load

import (
	"context"
	"fmt"
	"path/filepath"

	"accrue/schemas"
)

// twins decides which rows of one key inside the delivery hold, before any of them goes into its table.
func (in *intake) twins(ctx context.Context, ds *schemas.Dataset) error {
	f := in.filler(ds)
	runs, err := in.runs(ctx, ds)
	if err != nil {
		return err
	}
	if err := in.noteRanges(ctx, runs); err != nil {
		return fmt.Errorf("noting which keys are where: %w", err)
	}
	if apart(runs) {
		return nil
	}
	may := in.overlapping(ds, runs)
	f.where["keys of rows"], f.where["rows"] = keysOf(ds, may), in.twinsAmong(may)
	if err := f.run(ctx, in.db, "twins/suspects"); err != nil {
		return in.byRow(ds, err)
	}
	if n, err := in.rows(ctx, "load_suspects"); err != nil || n == 0 {
		return err
	}
	if err := f.run(ctx, in.db, "twins/twins", "twins/verdicts"); err != nil {
		return in.byRow(ds, err)
	}
	var id int
	var verdict string
	var n int64
	return in.db.Each(ctx, f.text("twins/count"), nil, []any{&id, &verdict, &n}, func() error {
		in.excluded[id] += n
		switch verdict {
		case "duplicate":
			in.duplicate[id] = n
		case "superseded":
			in.superseded[id] = n
		default:
			in.conflicting[id] = n
		}
		return nil
	})
}

// twinsAmong selects whole rows of stretches whose keys are under suspicion.
func (in *intake) twinsAmong(some []stretch) string {
	return unionAll(some, func(s stretch) string {
		return s.file.accepted(in.lead(s.file), append(s.conditions(),
			fmt.Sprintf("hash(%s) IN (SELECT h FROM load_suspects)", s.file.keys()))...)
	})
}

// holding are the conditions under which an accepted row of a file goes into the table: none, where all do.
func (in *intake) holding(f *taken) []string {
	if in.excluded[f.id] == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s NOT IN (SELECT row_no FROM load_verdicts WHERE file_id = %d AND verdict <> 'accepted')", f.number(), f.id)}
}

// conflicts rejects a file's rows that say other things than rows of the same key that are as new.
func (in *intake) conflicts(ctx context.Context, f *taken) error {
	var numbers []int64
	var n int64
	if err := in.db.Each(ctx, fmt.Sprintf(
		"SELECT row_no FROM load_verdicts WHERE verdict = 'conflict' AND file_id = %d ORDER BY row_no", f.id), nil, []any{&n}, func() error {
		numbers = append(numbers, n)
		return nil
	}); err != nil {
		return err
	}
	rejects := &rejecter{t: f, path: filepath.Join(in.spool, fmt.Sprintf("%d-conflicts.parquet", f.id))}
	add := func(row int64, raw string) error { return rejects.add(row, conflictingRows, "", raw) }
	var err error
	if f.direct != nil {
		where := fmt.Sprintf("file_row_number + 1 IN (SELECT row_no FROM load_verdicts WHERE verdict = 'conflict' AND file_id = %d)", f.id)
		err = f.direct.each(ctx, in.db, f.Dataset, where, func(r *record, raw string) error { return add(r.no, raw) })
	} else {
		err = rawRows(f.File, in.o.MaxLine, in.spool, numbers, add)
	}
	if cerr := rejects.out.Close(); err == nil {
		err = cerr
	}
	if err == nil && f.rejected[conflictingRows] != int64(len(numbers)) {
		err = fmt.Errorf("%s: %d of %d conflicting rows found again", f.Path, f.rejected[conflictingRows], len(numbers))
	}
	if err != nil {
		return err
	}
	return in.insertRejects(ctx, f)
}
