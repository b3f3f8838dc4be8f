package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// delivery loads one delivery in one transaction.
func (l *loader) delivery(ctx context.Context, d *Delivery, again bool) error {
	var c *control
	if d.Control != "" {
		var err error
		if c, err = readControl(d.Control); err != nil {
			return err
		}
	}
	byRow := map[string]bool{}
	for {
		in, err := l.newIntake(ctx, d, again, byRow)
		if err != nil {
			return err
		}
		if was, ok := l.o.Again[d.Date]; ok && was.Fingerprint != in.result.Fingerprint {
			l.result.Changed = append(l.result.Changed, d.Date)
			return os.RemoveAll(in.spool)
		}
		in.control = c
		err = l.db.Tx(ctx, func() error { return in.run(ctx) })
		if rerr := os.RemoveAll(in.spool); err == nil && rerr != nil {
			l.warn("the spool folder cannot be emptied: %v", rerr)
		}
		var other *errByRow
		if errors.As(err, &other) && ctx.Err() == nil {
			for _, name := range other.names { // none of them is in byRow yet
				byRow[name] = true
			}
			continue
		}
		if err != nil {
			return err
		}
		l.result.Deliveries = append(l.result.Deliveries, *in.result)
		in.warn()
		return nil
	}
}

// intake is one delivery on its way into the warehouse.
type intake struct {
	*loader
	d       *Delivery
	again   bool
	control *control
	spool   string // folder
	files   []*taken
	seq     int
	result  *DeliveryResult
	// Inside the delivery, by file_id: rows that are settled before other deliveries are looked at.
	duplicate, superseded, conflicting map[int]int64
	excluded                           map[int]int64 // the sum of the three: accepted by the file, and not in the table
	loaded                             int64         // rows of files that were taken in
	order                              map[*schemas.Dataset][]run
}

func (l *loader) newIntake(ctx context.Context, d *Delivery, again bool, byRow map[string]bool) (*intake, error) {
	if err := complete(d); err != nil {
		return nil, err
	}
	spool, err := os.MkdirTemp(l.o.SpoolDir, d.Date.String()+"-*")
	if err != nil {
		return nil, err
	}
	l.step(stepRead)
	files, err := l.read(ctx, d, spool, byRow)
	if err != nil {
		return nil, err
	}
	in := &intake{loader: l, d: d, again: again, spool: spool, files: files,
		duplicate: map[int]int64{}, superseded: map[int]int64{}, conflicting: map[int]int64{}, excluded: map[int]int64{},
		result: &DeliveryResult{Date: d.Date, Again: again, Withdrawn: map[string]int64{}},
		order:  map[*schemas.Dataset][]run{}}
	in.took(in.rowsRead())
	digests := map[string]string{}
	for _, f := range files {
		digests[f.Name] = f.sha256
	}
	in.result.Fingerprint, err = fingerprint(d, digests)
	return in, err
}

// run is the transaction.
func (in *intake) run(ctx context.Context) error {
	var id int
	if err := in.db.QueryRow(ctx, `SELECT (SELECT coalesce(max(load_seq), 0) + 1 FROM deliveries),
		(SELECT coalesce(max(file_id), 0) FROM files)`).Scan(&in.seq, &id); err != nil {
		return err
	}
	if was, ok := in.o.Again[in.d.Date]; ok {
		in.seq = was.LoadSeq
	}
	in.result.LoadSeq = in.seq
	for _, f := range in.files {
		id++
		f.id = id
	}
	if _, err := in.db.Exec(ctx, `CREATE OR REPLACE TEMP TABLE load_moves
		(file_id INTEGER, accepted BIGINT, duplicate BIGINT, superseded BIGINT)`); err != nil {
		return err
	}
	if in.again {
		if err := in.takeOut(ctx); err != nil {
			return err
		}
	}
	for _, ds := range schemas.Datasets {
		in.step(stepDataset(ds))
		if err := in.insert(ctx, ds); err != nil {
			return fmt.Errorf("loading %s: %w", ds.Name, err)
		}
	}
	in.step(stepSettle)
	if err := in.compareControl(); err != nil {
		return err
	}
	in.progress("looking for what is known of the transactions of %s", in.d.Dir)
	if err := in.look(ctx); err != nil {
		return fmt.Errorf("looking for what is known: %w", err)
	}
	for _, ds := range schemas.Datasets {
		if err := in.settle(ctx, ds); err != nil {
			return fmt.Errorf("settling %s: %w", ds.Name, err)
		}
	}
	if err := in.noteWaiting(ctx); err != nil {
		return fmt.Errorf("noting what waits for its transaction: %w", err)
	}
	if err := in.finish(ctx); err != nil {
		return err
	}
	in.step(stepCommit)
	return nil
}

// insert takes the rows of a dataset's files into its table, as far as they hold inside the delivery.
func (in *intake) insert(ctx context.Context, ds *schemas.Dataset) error {
	files := in.filesOf(ds)
	if len(files) > 0 {
		in.progress("looking at the keys of %s in %s", ds.Name, in.d.Dir)
		if err := in.twins(ctx, ds); err != nil {
			return err
		}
	}
	for _, f := range files {
		if in.o.Rows != nil {
			in.o.Rows("loading "+f.Path, in.loaded, in.rowsRead())
		}
		if f.direct != nil {
			if err := in.insertDirect(ctx, f); err != nil {
				return err
			}
		} else if err := in.insertSpool(ctx, f); err != nil {
			return err
		}
		if err := in.insertRejects(ctx, f); err != nil {
			return err
		}
		in.loaded += f.read
		in.took(f.read)
	}
	for _, f := range files {
		if in.conflicting[f.id] > 0 {
			if err := in.conflicts(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsRead is how many rows the files of the delivery have.
func (in *intake) rowsRead() (n int64) {
	for _, f := range in.files {
		n += f.read
	}
	return n
}

// lead are the first columns of a row from the file, up to its number.
func (in *intake) lead(f *taken) string {
	return fmt.Sprintf("%s, %d, %d, %d", dateSQL(in.d.Date), in.seq, in.seq, f.id)
}

// insertion is the statement that takes the rows of a file that hold into their table.
func (in *intake) insertion(f *taken) string {
	return "INSERT INTO " + f.Dataset.Name + " " + f.accepted(in.lead(f), in.holding(f)...)
}

func (in *intake) insertSpool(ctx context.Context, f *taken) error {
	n, err := in.db.Exec(ctx, in.insertion(f))
	if err != nil {
		return err
	}
	if want := f.read - f.rejectedRows() - in.excluded[f.id]; n != want {
		return fmt.Errorf("%s: %d rows were accepted, %d came into the warehouse", f.Path, want, n)
	}
	return nil
}

// parquetTable names a Parquet file of ours in SQL.
func parquetTable(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return "read_parquet(" + warehouse.Literal(globSafe(path)) + ", hive_partitioning = false)"
}

func (in *intake) insertDirect(ctx context.Context, f *taken) (err error) {
	n, err := in.db.Exec(ctx, in.insertion(f))
	if err != nil {
		return &errByRow{[]string{f.Name}, err}
	}
	if err := unchanged(f.File); err != nil {
		return err
	}
	if _, ok := f.Dataset.Field(fieldAmount); ok {
		var sum string
		if err := in.db.QueryRow(ctx, in.amountQuery(f)).Scan(&sum); err != nil {
			return err
		}
		if f.total.sum, err = pipeline.ParseSum(sum); err != nil {
			return err
		}
	}
	if n += in.excluded[f.id]; n == f.read {
		return nil
	}
	return in.rejectDirect(ctx, f, f.read-n)
}

// amountQuery asks for the sum of the amounts of a file's accepted rows, those that do not hold included.
func (in *intake) amountQuery(f *taken) string {
	amounts := fmt.Sprintf("SELECT amount FROM %s WHERE delivery = %s AND file_id = %d", f.Dataset.Name, dateSQL(in.d.Date), f.id)
	if in.excluded[f.id] > 0 {
		amounts += fmt.Sprintf(" UNION ALL SELECT amount FROM load_twins JOIN load_verdicts USING (file_id, row_no) WHERE verdict <> 'accepted' AND file_id = %d", f.id)
	}
	return "SELECT CAST(coalesce(sum(amount), 0) AS VARCHAR) FROM (" + amounts + ")"
}

// rejectDirect has the checker name the reasons of the rows that DuckDB did not take in.
func (in *intake) rejectDirect(ctx context.Context, f *taken, want int64) (err error) {
	rejects := &rejecter{t: f, path: filepath.Join(in.spool, fmt.Sprintf("%d-rejects.parquet", f.id))}
	defer func() { err = errors.Join(err, rejects.out.Close()) }()
	c := newChecker(f.Dataset, in.o.Currencies)
	err = f.direct.each(ctx, in.db, f.Dataset, f.direct.rejected(), func(r *record, raw string) error {
		reason, why := c.check(r)
		if reason == "" {
			return fmt.Errorf("%s: row %d was not taken in, and nothing is wrong with it", f.Path, r.no)
		}
		return rejects.add(r.no, reason, why, raw)
	})
	if err != nil {
		return err
	}
	f.total.plus(c.total)
	if got := f.rejectedRows(); got != want {
		return fmt.Errorf("%s: %d rows were not taken in, %d were found to be wrong", f.Path, want, got)
	}
	return nil
}

// insertRejects takes a file's rejected rows into their table.
func (in *intake) insertRejects(ctx context.Context, f *taken) error {
	if f.rejects == "" {
		return nil
	}
	_, err := in.db.Exec(ctx, fmt.Sprintf("INSERT INTO rejects SELECT %s, %d, %s, row_no, reason, detail, raw FROM %s",
		dateSQL(in.d.Date), f.id, warehouse.Literal(f.Dataset.Name), parquetTable(f.rejects)))
	f.rejects = ""
	return err
}

func (in *intake) compareControl() error {
	if in.control == nil {
		return nil
	}
	read := map[string]*datasetRead{}
	for _, f := range in.files {
		r := read[f.Dataset.Name]
		if r == nil {
			r = &datasetRead{}
			read[f.Dataset.Name] = r
		}
		r.rows += f.read
		r.total.plus(f.total)
	}
	return in.control.compare(read)
}

// warn tells what was passed over.
func (in *intake) warn() {
	if len(in.d.Ignored) > 0 {
		in.loader.warn("%s: not read, as the names are of no dataset and form that accrue knows: %s", in.d.Dir,
			strings.Join(in.d.Ignored, ", "))
	}
	for _, f := range in.files {
		in.warnUnknown(f)
	}
}

// warnUnknown tells of columns that mean nothing, and of a file that says nothing.
func (l *loader) warnUnknown(f *taken) {
	if len(f.unknown) > 0 {
		names := make([]string, len(f.unknown))
		for i, n := range f.unknown {
			names[i] = clip(n, 60)
			if n == "" {
				names[i] = `""`
			}
		}
		l.warn("%s: unknown columns are ignored: %s", f.Path, strings.Join(names, ", "))
	}
	if f.read == 0 {
		l.warn("%s: holds no rows", f.Path)
	}
}
