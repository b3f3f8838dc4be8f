package columnar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"accrue/pipeline"
	"accrue/pipeline/inside"
	"accrue/schemas"
)

// Format names a columnar form of files.
type Format string

// The columnar forms.
const (
	Parquet Format = "parquet"
	Arrow   Format = "arrow" // IPC file; for exports the stream form too
)

// errStop ends a walk over batches early.
var errStop = errors.New("stop")

// ReadGrants returns the rows of a grant file in the file's order, read without DuckDB. The Grant is the same one
// each time and must be copied to be kept; after an error nothing more comes. All columns of the contract must be
// there with the contract's types.
func ReadGrants(path string, format Format) iter.Seq2[*Grant, error] {
	return func(yield func(*Grant, error) bool) {
		g := &Grant{}
		err := eachGrantBatch(path, format, schemas.GrantColumns(), func(rec arrow.Record) error {
			get, err := grantGetters(rec)
			if err != nil {
				return err
			}
			for i := 0; i < int(rec.NumRows()); i++ {
				for _, fn := range get {
					if err := fn(g, i); err != nil {
						return fmt.Errorf("grant %s: %w", g.GrantID, err)
					}
				}
				if !yield(g, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, fmt.Errorf("%s: %w", path, err))
		}
	}
}

func grantGetters(rec arrow.Record) ([]grantGetter, error) {
	out := make([]grantGetter, rec.NumCols())
	for i := range out {
		get, err := getterFor(rec.ColumnName(i), rec.Column(i))
		if err != nil {
			return nil, err
		}
		out[i] = get
	}
	return out, nil
}

// GrantTotals is what a grant file says of itself, read back.
type GrantTotals struct {
	pipeline.Totals
	FirstID, LastID string // grant ids of the first and the last row, "" without rows
}

// ReadParquetTotals reads a Parquet grant file's control totals without DuckDB. Only the columns grant_id, reward,
// kind and amount are read.
func ReadParquetTotals(path string) (*GrantTotals, error) { return readTotals(path, Parquet) }

// ReadArrowTotals reads an Arrow grant file's control totals.
func ReadArrowTotals(path string) (*GrantTotals, error) { return readTotals(path, Arrow) }

func readTotals(path string, format Format) (*GrantTotals, error) {
	t := &GrantTotals{}
	sums := map[[2]string]*pipeline.Total{}
	var last *pipeline.Total // rows of one reward and kind come in stretches
	err := eachGrantBatch(path, format, []string{"grant_id", "reward", "kind", "amount"}, func(rec arrow.Record) error {
		// The contract's types are checked here, so that the columns can be taken as they are below.
		if _, err := grantGetters(rec); err != nil {
			return err
		}
		id, reward := rec.Column(0).(*array.String), rec.Column(1).(*array.String)
		kind, amount := rec.Column(2).(*array.String), rec.Column(3).(*array.Decimal128)
		n := int(rec.NumRows())
		if n == 0 {
			return nil
		}
		if id.NullN()+reward.NullN()+kind.NullN()+amount.NullN() > 0 {
			return errors.New("a grant id, reward, kind or amount is null")
		}
		if t.Rows == 0 {
			t.FirstID = id.Value(0)
		}
		t.LastID = id.Value(n - 1)
		t.Rows += int64(n)
		for i := 0; i < n; i++ {
			r, k := reward.Value(i), kind.Value(i)
			if last == nil || last.Reward != r || string(last.Kind) != k {
				key := [2]string{r, k}
				if last = sums[key]; last == nil {
					last = &pipeline.Total{Reward: r, Kind: pipeline.GrantKind(k)}
					sums[key] = last
				}
			}
			a, err := amountOf(amount.Value(i))
			if err != nil {
				return err
			}
			last.Rows++
			last.Amount = last.Amount.Add(a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.Rows = 0 // Add counts them again, by reward and kind
	for _, s := range sums {
		t.Add(s.Reward, s.Kind, s.Rows, s.Amount)
	}
	return t, nil
}

// eachGrantBatch calls fn with each batch of a grant file, with the named columns in the order named.
func eachGrantBatch(path string, format Format, columns []string, fn func(arrow.Record) error) (err error) {
	defer guard(&err)
	switch format {
	case Parquet:
		return eachParquetBatch(path, columns, fn)
	case Arrow:
		return eachArrowBatch(path, columns, fn)
	}
	return fmt.Errorf("columnar: no reader for the format %q", format)
}

func eachArrowBatch(path string, columns []string, fn func(arrow.Record) error) error {
	f, err := inside.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkFooter(f, info.Size()); err != nil {
		return err
	}
	r, err := ipc.NewFileReader(f, ipc.WithAllocator(allocator))
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	place, err := places(r.Schema(), columns)
	if err != nil {
		return err
	}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := withColumns(rec, place, fn); err != nil {
			return err
		}
	}
}

func eachParquetBatch(path string, columns []string, fn func(arrow.Record) error) error {
	fr, closeFile, err := openParquet(path, grantBatch)
	if err != nil {
		return err
	}
	defer closeFile()
	schema, err := fr.Schema()
	if err != nil {
		return err
	}
	place, err := places(schema, columns)
	if err != nil {
		return err
	}
	rr, err := fr.GetRecordReader(context.Background(), place, nil)
	if err != nil {
		return err
	}
	defer rr.Release()
	// The reader gives the chosen columns in the file's order.
	order, err := places(rr.Schema(), columns)
	if err != nil {
		return err
	}
	rows, want := int64(0), fr.ParquetReader().NumRows()
	if err := readAhead(rr, func(rec arrow.Record) error {
		rows += rec.NumRows()
		return withColumns(rec, order, fn)
	}); err != nil {
		return err
	}
	// A column that ends early ends the batches without an error.
	if rows != want {
		return &DamagedError{What: fmt.Sprintf("its footer says %d rows, %d can be read", want, rows)}
	}
	return nil
}

// readAhead calls fn with each batch while the next one is being read.
func readAhead(rr array.RecordReader, fn func(arrow.Record) error) error {
	batches, stop, done := make(chan arrow.Record), make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(batches)
		done <- sendBatches(rr, batches, stop)
	}()
	defer func() { // the reader is let go only when nobody reads any more
		close(stop)
		for rec := range batches {
			rec.Release()
		}
	}()
	for rec := range batches {
		err := fn(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return <-done
}

func sendBatches(rr array.RecordReader, out chan<- arrow.Record, stop <-chan struct{}) (err error) {
	defer guard(&err)
	for rr.Next() {
		rec := rr.Record()
		rec.Retain()
		select {
		case out <- rec:
		case <-stop:
			rec.Release()
			return nil
		}
	}
	if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// places finds the named columns in the schema.
func places(schema *arrow.Schema, columns []string) ([]int, error) {
	out := make([]int, len(columns))
	for i, name := range columns {
		at := schema.FieldIndices(name)
		if len(at) != 1 {
			return nil, fmt.Errorf("has %d columns named %s, want one", len(at), name)
		}
		out[i] = at[0]
	}
	return out, nil
}

// withColumns calls fn with the record's columns at the places.
func withColumns(rec arrow.Record, place []int, fn func(arrow.Record) error) error {
	fields, cols := make([]arrow.Field, len(place)), make([]arrow.Array, len(place))
	for i, p := range place {
		fields[i], cols[i] = rec.Schema().Field(p), rec.Column(p)
	}
	narrow := array.NewRecord(arrow.NewSchema(fields, nil), cols, rec.NumRows())
	defer narrow.Release()
	return fn(narrow)
}
