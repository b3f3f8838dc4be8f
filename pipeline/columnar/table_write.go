package columnar

import (
	"bufio"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"accrue/pipeline"
)

// tableGroup is the number of rows of a row group or a record batch; fixed, so that the same rows give the same bytes.
const tableGroup = 1 << 16

// TableWriter writes rows of any schema of the contracts, a value per column: nil (absent), string, int64, time.Time
// (to the microsecond), pipeline.Date, or *big.Int (a decimal in units of its last place).
type TableWriter struct {
	out     *bufio.Writer
	builder *array.RecordBuilder
	schema  *arrow.Schema
	rows    int
	write   func(arrow.Record) error
	finish  func() error
}

// NewParquetTable starts a Parquet file on w, which Close does not close.
func NewParquetTable(w io.Writer, schema *arrow.Schema) (*TableWriter, error) {
	t := newTable(w, schema)
	pw, err := pqarrow.NewFileWriter(schema, t.out, parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithMaxRowGroupLength(tableGroup)),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, err
	}
	t.write, t.finish = pw.Write, pw.Close
	return t, nil
}

// NewArrowTable starts an Arrow IPC file on w, which Close does not close.
func NewArrowTable(w io.Writer, schema *arrow.Schema) (*TableWriter, error) {
	t := newTable(w, schema)
	fw, err := ipc.NewFileWriter(&counter{w: t.out}, ipc.WithSchema(schema))
	if err != nil {
		return nil, err
	}
	t.write, t.finish = fw.Write, fw.Close
	return t, nil
}

func newTable(w io.Writer, schema *arrow.Schema) *TableWriter {
	return &TableWriter{
		out: bufio.NewWriterSize(w, 1<<20), schema: schema, builder: array.NewRecordBuilder(memory.DefaultAllocator, schema),
	}
}

// Append writes one row. The error names the column whose value has another type than its column.
func (t *TableWriter) Append(row []any) error {
	if len(row) != t.schema.NumFields() {
		return fmt.Errorf("columnar: a row of %d values for %d columns", len(row), t.schema.NumFields())
	}
	for i, v := range row {
		if err := appendValue(t.builder.Field(i), v); err != nil {
			return fmt.Errorf("columnar: column %s: %w", t.schema.Field(i).Name, err)
		}
	}
	if t.rows++; t.rows < tableGroup {
		return nil
	}
	return t.flush()
}

func appendValue(b array.Builder, v any) error {
	switch v := v.(type) {
	case nil:
		b.AppendNull()
		return nil
	case string:
		if b, ok := b.(*array.StringBuilder); ok {
			b.Append(v)
			return nil
		}
	case pipeline.Date:
		if b, ok := b.(*array.Date32Builder); ok {
			b.Append(arrow.Date32(v))
			return nil
		}
	case int64:
		if b, ok := b.(*array.Int32Builder); ok && int64(int32(v)) == v {
			b.Append(int32(v))
			return nil
		}
	case time.Time:
		if b, ok := b.(*array.TimestampBuilder); ok && b.Type().(*arrow.TimestampType).Unit == arrow.Microsecond {
			b.Append(arrow.Timestamp(v.UnixMicro()))
			return nil
		}
	case *big.Int:
		if b, ok := b.(*array.Decimal128Builder); ok {
			n := decimal128.FromBigInt(v)
			if !n.FitsInPrecision(b.Type().(*arrow.Decimal128Type).Precision) {
				return fmt.Errorf("%s has too many digits", v)
			}
			b.Append(n)
			return nil
		}
	}
	return fmt.Errorf("%v cannot be written as %s", v, b.Type())
}

func (t *TableWriter) flush() error {
	t.rows = 0
	rec := t.builder.NewRecord()
	defer rec.Release()
	return t.write(rec)
}

// Close writes what is left and the footer.
func (t *TableWriter) Close() error {
	defer t.builder.Release()
	if t.rows > 0 {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if err := t.finish(); err != nil {
		return err
	}
	return t.out.Flush()
}
