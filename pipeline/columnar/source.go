package columnar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	pqschema "github.com/apache/arrow/go/v15/parquet/schema"

	"accrue/pipeline/inside"
)

// Class sorts the types that a column of an export may have.
type Class string

// Classes of types.
const (
	ClassText     Class = "text"
	ClassInteger  Class = "integer"
	ClassDecimal  Class = "decimal"
	ClassFloat    Class = "float" // never exact
	ClassInstant  Class = "instant"
	ClassWall     Class = "wall" // a timestamp without zone
	ClassDate     Class = "date"
	ClassBool     Class = "bool"
	ClassNull     Class = "null" // nothing but nulls
	ClassOther    Class = "other"
	nanosPerMicro       = 1000
)

// SourceColumn is one column of a Source.
type SourceColumn struct {
	Name  string
	Class Class
	Type  string // as people know it, for messages
	// Native says that DuckDB reads the column from Parquet exactly as it is meant: text marked as such, integers,
	// decimals and timestamps of at most microseconds.
	Native    bool
	Precision int32 // of decimals
	Scale     int32
	leaf      int  // place among the leaves of a Parquet file, -1 for others
	unzoned   bool // Arrow says UTC, and it holds wall clocks
}

// Source reads an export in columns, batch by batch. Next gives io.EOF after the last batch.
type Source struct {
	columns []SourceColumn
	rows    int64 // -1: not known before the end
	read    int64
	chosen  []int
	next    func() (arrow.Record, error)
	start   func(s *Source) error
	close   []func() error
}

// sourceBatch is the number of rows that a Parquet source gives at a time.
const sourceBatch = 1 << 14

// OpenParquet opens a Parquet file. A file that is cut short or damaged is an error.
func OpenParquet(path string) (*Source, error) {
	fr, closeFile, err := openParquet(path, sourceBatch)
	if err != nil {
		return nil, err
	}
	s := &Source{rows: fr.ParquetReader().NumRows(), close: []func() error{func() error { closeFile(); return nil }}}
	if err := s.describeParquet(fr); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.start = func(s *Source) error {
		leaves := make([]int, len(s.chosen))
		for i, c := range s.chosen {
			leaves[i] = s.columns[c].leaf
		}
		rr, err := fr.GetRecordReader(context.Background(), leaves, nil)
		if err != nil {
			return err
		}
		order := make([]int, len(s.chosen))
		for i, c := range s.chosen {
			at := rr.Schema().FieldIndices(s.columns[c].Name)
			if len(at) != 1 {
				return fmt.Errorf("two columns are named %q", s.columns[c].Name)
			}
			order[i] = at[0]
		}
		s.close = append(s.close, func() error { rr.Release(); return nil })
		s.next = func() (arrow.Record, error) {
			if rr.Next() {
				return s.unzone(reorder(rr.Record(), order)), nil
			}
			if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			return nil, io.EOF
		}
		return nil
	}
	return s, nil
}

func (s *Source) describeParquet(fr *pqarrow.FileReader) (err error) {
	defer guard(&err)
	for _, f := range fr.Manifest.Fields {
		c := describe(f.Field.Name, f.Field.Type)
		c.leaf = f.ColIndex
		if c.leaf < 0 {
			c.Class = ClassOther
		}
		if c.leaf >= 0 && c.Class == ClassInstant && holdsWallClocks(fr.ParquetReader(), c.leaf) {
			c.Class, c.Type, c.unzoned = ClassWall, "TIMESTAMP", true
		}
		c.Native = c.leaf >= 0 && native(c, fr.ParquetReader(), f.Field.Type)
		s.columns = append(s.columns, c)
	}
	return nil
}

// holdsWallClocks reports whether a timestamp column is not in UTC. Arrow v15 says UTC of every column that has a
// logical type, whatever that type says. A column with nothing but the old annotation (TIMESTAMP_MICROS) holds wall
// clocks for DuckDB and Arrow alike.
func holdsWallClocks(pr *file.Reader, leaf int) bool {
	t, ok := pr.MetaData().Schema.Column(leaf).LogicalType().(*pqschema.TimestampLogicalType)
	return ok && (t.IsFromConvertedType() || !t.IsAdjustedToUTC())
}

// unzone takes the zone from the type of columns that hold wall clocks.
func (s *Source) unzone(rec arrow.Record) arrow.Record {
	fields, cols := rec.Schema().Fields(), append([]arrow.Array{}, rec.Columns()...)
	for i, c := range s.chosen {
		if t, ok := cols[i].DataType().(*arrow.TimestampType); ok && s.columns[c].unzoned {
			old := cols[i].Data()
			fields[i].Type = &arrow.TimestampType{Unit: t.Unit}
			cols[i] = array.MakeFromData(array.NewData(fields[i].Type, old.Len(), old.Buffers(), nil, old.NullN(), old.Offset()))
		}
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), cols, rec.NumRows())
}

// native reports whether DuckDB and Arrow understand the Parquet column alike.
func native(c SourceColumn, pr *file.Reader, t arrow.DataType) bool {
	col := pr.MetaData().Schema.Column(c.leaf)
	if col.MaxRepetitionLevel() > 0 || col.MaxDefinitionLevel() > 1 {
		return false
	}
	switch t := t.(type) {
	case *arrow.StringType:
		return col.LogicalType().String() == "String"
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		return true
	case *arrow.Decimal128Type, *arrow.Date32Type:
		return true
	case *arrow.TimestampType:
		return (t.Unit == arrow.Microsecond || t.Unit == arrow.Millisecond) && col.PhysicalType().String() == "INT64"
	}
	return false
}

// OpenArrow opens an Arrow file or stream; a file starts with the word ARROW1. One that is cut short or damaged is
// an error, now or from Next.
func OpenArrow(path string) (src *Source, err error) {
	defer guard(&err)
	f, err := inside.Open(path)
	if err != nil {
		return nil, err
	}
	s := &Source{rows: -1, close: []func() error{f.Close}}
	if err := s.openIPC(f); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// mostDigits is how many digits the widest decimal has.
const mostDigits = 76

func (s *Source) openIPC(f *os.File) (err error) {
	defer guard(&err)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, len(magic))
	if _, err := f.ReadAt(head, 0); err != nil {
		return &DamagedError{What: "too short for an Arrow file"}
	}
	var schema *arrow.Schema
	var read func() (arrow.Record, error)
	if string(head) == magic {
		if err := checkFooter(f, info.Size()); err != nil {
			return err
		}
		r, err := ipc.NewFileReader(f, ipc.WithAllocator(allocator))
		if err != nil {
			return err
		}
		s.close = append(s.close, r.Close)
		schema, read = r.Schema(), r.Read
	} else {
		if err := checkStreamStart(f, info.Size()); err != nil {
			return err
		}
		if err := checkStream(f, info.Size()); err != nil {
			return err
		}
		r, err := ipc.NewReader(f, ipc.WithAllocator(allocator))
		if err != nil {
			return err
		}
		s.close = append(s.close, func() error { r.Release(); return nil })
		schema, read = r.Schema(), r.Read
	}
	for _, f := range schema.Fields() {
		c := describe(f.Name, f.Type)
		if c.Class == ClassDecimal && (c.Scale < -mostDigits || c.Scale > mostDigits) { // it would be written out
			return &DamagedError{What: fmt.Sprintf("the decimals of its column %s are said to have %d places", f.Name, c.Scale)}
		}
		c.leaf = -1
		s.columns = append(s.columns, c)
	}
	s.start = func(s *Source) error {
		s.next = func() (arrow.Record, error) {
			rec, err := read()
			if err != nil {
				return nil, err
			}
			return reorder(rec, s.chosen), nil
		}
		return nil
	}
	return nil
}

// Columns returns the columns of the file in its order.
func (s *Source) Columns() []SourceColumn { return s.columns }

// Rows returns the number of rows where the file says it, else -1.
func (s *Source) Rows() int64 { return s.rows }

// Select chooses the columns, by their places in Columns, that batches give, and starts reading. It must be called
// once before Next; none of the columns may be of ClassOther.
func (s *Source) Select(columns []int) (err error) {
	defer guard(&err)
	s.chosen = columns
	return s.start(s)
}

// Next returns the next batch, which is good until the next call.
func (s *Source) Next() (b *Batch, err error) {
	defer guard(&err)
	rec, err := s.next()
	if errors.Is(err, io.EOF) {
		// A column that ends early ends the batches without an error.
		if s.rows >= 0 && s.read != s.rows {
			return nil, &DamagedError{What: fmt.Sprintf("it says that it has %d rows, and %d can be read", s.rows, s.read)}
		}
		return nil, io.EOF
	}
	if err != nil {
		return nil, err
	}
	s.read += rec.NumRows()
	return newBatch(rec), nil
}

// Close closes the file.
func (s *Source) Close() error {
	var errs []error
	for i := len(s.close) - 1; i >= 0; i-- {
		errs = append(errs, s.close[i]())
	}
	s.close = nil
	return errors.Join(errs...)
}
