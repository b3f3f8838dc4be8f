package load

import (
	"context"
	"fmt"
	"strings"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

func (in *intake) filler(ds *schemas.Dataset) *filler {
	return newFiller(ds, dateSQL(in.d.Date), fmt.Sprint(in.seq))
}

// settle decides which of the rows that several deliveries brought of a key hold.
func (in *intake) settle(ctx context.Context, ds *schemas.Dataset) error {
	f := in.filler(ds)
	read := int64(0)
	for _, file := range in.files {
		if file.Dataset == ds {
			read += file.read - file.rejectedRows()
		}
	}
	if read > 0 && ds != schemas.Members { // for them every delivery's rows hold (F48)
		in.progress("settling %s", ds.Name)
		if err := in.versions(ctx, ds, f); err != nil {
			return err
		}
	}
	if in.again {
		return in.settleAgain(ctx, ds, f)
	}
	return nil
}

func (in *intake) rows(ctx context.Context, table string) (n int64, err error) {
	err = in.db.QueryRow(ctx, "SELECT count(*) FROM "+warehouse.Ident(table)).Scan(&n)
	return n, err
}

// versions settles rows whose keys other deliveries brought too.
func (in *intake) versions(ctx context.Context, ds *schemas.Dataset, f *filler) error {
	if others, err := in.others(ctx, ds); err != nil || !others {
		return err
	}
	if may, err := in.mayMeet(ctx, ds, f); err != nil || !may {
		return err
	}
	if err := f.run(ctx, in.db, "versions/meetings"); err != nil {
		return err
	}
	if n, err := in.rows(ctx, "load_meetings"); err != nil || n == 0 {
		return err
	}
	if err := in.metRows(ctx, f); err != nil {
		return fmt.Errorf("finding the rows that others brought (%s): %w", ds.Name, err)
	}
	names := []string{"versions/pairs"}
	if ds == schemas.Returns {
		names = append(names, "versions/moved")
	}
	names = append(names, "versions/keep old", "versions/keep new", "versions/drop old", "versions/drop new",
		"versions/carry", "versions/moves", "versions/touched", "history/stale", "history/tell", "history/moves")
	return f.run(ctx, in.db, names...)
}

// others reports whether other deliveries brought rows of the dataset that hold.
func (in *intake) others(ctx context.Context, ds *schemas.Dataset) (others bool, err error) {
	err = in.db.QueryRow(ctx, fmt.Sprintf("SELECT count(*) > 0 FROM files WHERE dataset = %s AND delivery <> %s AND rows_accepted > 0",
		warehouse.Literal(ds.Name), dateSQL(in.d.Date))).Scan(&others)
	return others, err
}

// mostMetFiles is how many files rows are read out of one by one.
const mostMetFiles = 100

// metRows selects the rows among which those are that the delivery meets: file by file, so that their places are constants.
// DuckDB expects the join with them to give a multiple of the whole table and would hash that, a second for every few
// million purchases of the past.
func (in *intake) metRows(ctx context.Context, f *filler) error {
	var parts []string
	var first, file int
	var low, high int64
	if err := in.db.Each(ctx, f.text("versions/met files"), nil, []any{&file, &low, &high}, func() error {
		if len(parts) == 0 {
			first = file
		}
		parts = append(parts, fmt.Sprintf("SELECT * FROM %s WHERE file_id = %d AND row_no BETWEEN %d AND %d", f.ds.Name, file, low, high))
		return nil
	}); err != nil {
		return err
	}
	if len(parts) > mostMetFiles {
		parts = []string{fmt.Sprintf("SELECT * FROM %s WHERE file_id BETWEEN %d AND %d", f.ds.Name, first, file)}
	}
	f.where["met rows"] = strings.Join(parts, " UNION ALL ")
	return nil
}

// takeOut removes what the delivery brought when it was loaded before. The newest of the rows that it superseded hold
// again.
func (in *intake) takeOut(ctx context.Context) error {
	for _, ds := range schemas.Datasets {
		f := in.filler(ds)
		if err := f.run(ctx, in.db, "withdraw/lost", "withdraw/drop"); err != nil {
			return err
		}
		if ds == schemas.Members {
			continue
		}
		if err := f.run(ctx, in.db, "withdraw/drop history", "withdraw/heirs", "withdraw/inherit", "withdraw/drop heirs",
			"withdraw/moves", "withdraw/touched", "history/stale", "history/tell", "history/moves"); err != nil {
			return err
		}
	}
	// Before the figures of the others are used to look for them.
	if err := in.applyMoves(ctx); err != nil {
		return err
	}
	if _, err := in.db.Exec(ctx, fmt.Sprintf("INSERT INTO reloads VALUES (%s, %d)", dateSQL(in.d.Date), in.seq)); err != nil {
		return err
	}
	if _, err := in.db.Exec(ctx, "DELETE FROM id_ranges WHERE file_id IN (SELECT file_id FROM files WHERE delivery = "+dateSQL(in.d.Date)+")"); err != nil {
		return err
	}
	for _, table := range []string{"rejects", "files", "deliveries"} {
		if _, err := in.db.Exec(ctx, "DELETE FROM "+table+" WHERE delivery = "+dateSQL(in.d.Date)); err != nil {
			return err
		}
	}
	return nil
}

// settleAgain compares what a delivery that is loaded anew held before with what holds now.
func (in *intake) settleAgain(ctx context.Context, ds *schemas.Dataset, f *filler) error {
	names := []string{"withdraw/carry", "withdraw/withdrawn"}
	if ds == schemas.Returns {
		names = append(names, "withdraw/moved")
	}
	if err := f.run(ctx, in.db, names...); err != nil {
		return err
	}
	n, err := f.count(ctx, in.db, "withdraw/count")
	if n > 0 {
		in.result.Withdrawn[ds.Name] = n
	}
	return err
}

// applyMoves brings the figures of files of other deliveries up to date.
func (in *intake) applyMoves(ctx context.Context) error {
	if _, err := in.db.Exec(ctx, `UPDATE files SET rows_accepted = rows_accepted + m.accepted,
			rows_duplicate = rows_duplicate + m.duplicate, rows_superseded = rows_superseded + m.superseded
		FROM (SELECT file_id, sum(accepted)::BIGINT AS accepted, sum(duplicate)::BIGINT AS duplicate,
			sum(superseded)::BIGINT AS superseded FROM load_moves GROUP BY file_id) m
		WHERE files.file_id = m.file_id`); err != nil {
		return err
	}
	_, err := in.db.Exec(ctx, "DELETE FROM load_moves")
	return err
}
