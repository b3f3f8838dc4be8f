package load

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"accrue/pipeline"
	"accrue/pipeline/safetext"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// finish counts, notes the delivery and its files, and writes the rejects file.
func (in *intake) finish(ctx context.Context) error {
	if err := in.applyMoves(ctx); err != nil {
		return err
	}
	if err := in.count(ctx); err != nil {
		return err
	}
	for _, ds := range in.result.Datasets {
		for i := range ds.Files {
			if err := in.noteFile(ctx, ds.Dataset, &ds.Files[i]); err != nil {
				return err
			}
		}
	}
	if _, err := in.db.Exec(ctx, fmt.Sprintf("INSERT INTO deliveries VALUES (%s, %d, %s)",
		dateSQL(in.d.Date), in.seq, warehouse.Literal(in.result.Fingerprint))); err != nil {
		return err
	}
	if err := in.writeRejects(ctx); err != nil {
		return fmt.Errorf("writing the rejects file: %w", err)
	}
	return in.limitRejects()
}

// count makes the figures of the delivery's files, from the tables.
func (in *intake) count(ctx context.Context) error {
	held := map[int]*Figures{}
	for _, f := range in.files {
		held[f.id] = &Figures{Read: f.read, Duplicate: in.duplicate[f.id], Superseded: in.superseded[f.id], Rejected: f.rejectedRows()}
	}
	var id int
	var n int64
	var state string
	for _, ds := range schemas.Datasets {
		query := fmt.Sprintf(`SELECT file_id, 'accepted', count(*) FROM %[1]s WHERE delivery = %[3]s GROUP BY file_id
			UNION ALL SELECT file_id, state, count(*) FROM %[2]s WHERE delivery = %[3]s GROUP BY file_id, state`,
			ds.Name, ds.HistoryTable(), dateSQL(in.d.Date))
		if err := in.db.Each(ctx, query, nil, []any{&id, &state, &n}, func() error {
			switch f := held[id]; {
			case f == nil:
				return fmt.Errorf("%s holds rows of the delivery from file %d, which is not one of its files", ds.Name, id)
			case state == "accepted":
				f.Accepted += n
			case state == "duplicate":
				f.Duplicate += n
			default:
				f.Superseded += n
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, f := range in.files {
		g := held[f.id]
		if sum := g.Accepted + g.Duplicate + g.Superseded + g.Rejected; sum != g.Read {
			return fmt.Errorf("%s: %d rows read, but %d accepted, %d duplicate, %d superseded and %d rejected make %d",
				f.Path, g.Read, g.Accepted, g.Duplicate, g.Superseded, g.Rejected, sum)
		}
		var err error
		if g.Amount, err = pipeline.ParseSum(f.total.stored()); err != nil {
			return err
		}
		in.addFile(f, *g)
	}
	return nil
}

// addFile adds a file to its dataset's result. Files come by dataset.
func (in *intake) addFile(f *taken, g Figures) {
	all := &in.result.Datasets
	if n := len(*all); n == 0 || (*all)[n-1].Dataset != f.Dataset.Name {
		*all = append(*all, DatasetResult{Dataset: f.Dataset.Name, Rejects: map[schemas.RejectReason]int64{}})
	}
	ds := &(*all)[len(*all)-1]
	ds.add(g)
	for reason, n := range f.rejected {
		ds.Rejects[reason] += n
	}
	ds.Files = append(ds.Files, FileResult{Name: f.Name, Bytes: f.Bytes, SHA256: f.sha256, Figures: g, taken: f})
}

func (in *intake) noteFile(ctx context.Context, dataset string, f *FileResult) error {
	_, err := in.db.Exec(ctx, fmt.Sprintf("INSERT INTO files VALUES (%d, %s, %s, %s, %d, %d, %s, %d, %d, %d, %d, %d, CAST(%s AS HUGEINT))",
		f.taken.id, dateSQL(in.d.Date), warehouse.Literal(dataset), warehouse.Literal(f.Name), f.Bytes, f.taken.ModifiedNS,
		warehouse.Literal(f.SHA256), f.Read, f.Accepted, f.Duplicate, f.Superseded, f.Rejected,
		warehouse.Literal(f.taken.total.stored())))
	return err
}

// limitRejects fails the load where a dataset has too many rejected rows.
func (in *intake) limitRejects() error {
	var over []DatasetRejects
	for _, ds := range in.result.Datasets {
		if in.o.MaxRejects.exceeded(ds.Read, ds.Rejected) {
			over = append(over, DatasetRejects{Dataset: ds.Dataset, Rows: ds.Read, Rejected: ds.Rejected, ByReason: ds.Rejects})
		}
	}
	if over == nil {
		return nil
	}
	return &RejectsError{Delivery: in.d.Date, Limit: in.o.MaxRejects, Over: over, File: in.rejectsFile(in.d)}
}

// writeRejects writes the delivery's rejected rows for people, before the transaction ends either way: also those of
// a delivery that is refused for them. Without any the file goes.
func (in *intake) writeRejects(ctx context.Context) error {
	path := in.rejectsFile(in.d)
	rejected := int64(0)
	for _, ds := range in.result.Datasets {
		rejected += ds.Rejected
	}
	if rejected == 0 {
		return removeFile(path)
	}
	in.result.RejectsFile = path
	return writeRejectsFile(path, []string{"dataset", "file", "row", "reason", "detail", "raw"},
		func(w *csv.Writer) error { return in.rejectRows(ctx, w) })
}

// removeFile removes a file that may not be there.
func removeFile(path string) error {
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// writeRejectsFile writes a file of rejected rows as a whole. It is for people; the rows as they came are in the
// warehouse's tables of rejects.
func writeRejectsFile(path string, header []string, rows func(*csv.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// Always the same name, so that a killed run leaves nothing that the next one does not write over.
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".rejects.csv.part"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	w := csv.NewWriter(f)
	if err := w.Write(header); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := rows(w); err != nil {
		return errors.Join(err, f.Close())
	}
	w.Flush()
	if err := errors.Join(w.Error(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (in *intake) rejectRows(ctx context.Context, w *csv.Writer) error {
	names := map[int]string{}
	for _, f := range in.files {
		names[f.id] = f.Name
	}
	var dataset, reason, detail, raw string
	var id int
	var row int64
	return in.db.Each(ctx, `SELECT dataset, file_id, row_no, reason, coalesce(detail, ''), coalesce(raw, '') FROM rejects
		WHERE delivery = `+dateSQL(in.d.Date)+" ORDER BY file_id, row_no", nil,
		[]any{&dataset, &id, &row, &reason, &detail, &raw}, func() error {
			return w.Write([]string{dataset, safetext.Cell(names[id]), strconv.FormatInt(row, 10), reason, safetext.Cell(detail), safetext.Cell(raw)})
		})
}
