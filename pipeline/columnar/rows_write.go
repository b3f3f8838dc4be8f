package columnar

import (
	"bufio"
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"accrue/schemas"
)

// rowGroup is the number of rows of a row group: what DuckDB reads at a time.
const rowGroup = 122880

// maxBatchText, in bytes, ends a row group early: offsets into a column of texts have 31 bits.
const maxBatchText = 256 << 20

// RowWriter writes rows of warehouse columns as a Parquet file for DuckDB to take in: not compressed, without
// dictionaries and statistics, because it is read once and thrown away. Values are appended column by column of a
// row, in any order, each exactly once; then EndRow. Encoding runs beside the caller.
type RowWriter struct {
	schema  *arrow.Schema
	builder *array.RecordBuilder
	rows    int
	text    int // bytes of text in the batch
	beside  *beside[arrow.Record]
	failed  error
}

// NewRowWriter starts a file with the columns on w. Their types must be VARCHAR, BIGINT, INTEGER, UTINYINT or DATE.
// Close must be called.
func NewRowWriter(w io.Writer, columns []schemas.Column) (*RowWriter, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		t, err := storedType(c)
		if err != nil {
			return nil, err
		}
		fields[i] = arrow.Field{Name: c.Name, Type: t, Nullable: true}
	}
	schema := arrow.NewSchema(fields, nil)
	out := bufio.NewWriterSize(w, 1<<20)
	pw, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(
		parquet.WithDictionaryDefault(false), parquet.WithStats(false), parquet.WithCompression(compress.Codecs.Uncompressed),
		parquet.WithMaxRowGroupLength(rowGroup), parquet.WithVersion(parquet.V2_6), parquet.WithDataPageVersion(pageVersion),
	), pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, err
	}
	return &RowWriter{
		schema: schema, builder: array.NewRecordBuilder(memory.DefaultAllocator, schema), beside: encodeBeside(pw.Write, arrow.Record.Release, pw.Close, out.Flush),
	}, nil
}

func storedType(c schemas.Column) (arrow.DataType, error) {
	switch c.Type {
	case "VARCHAR":
		return arrow.BinaryTypes.String, nil
	case "BIGINT":
		return arrow.PrimitiveTypes.Int64, nil
	case "INTEGER":
		return arrow.PrimitiveTypes.Int32, nil
	case "UTINYINT":
		return arrow.PrimitiveTypes.Uint8, nil
	case "DATE":
		return arrow.FixedWidthTypes.Date32, nil
	}
	return nil, fmt.Errorf("columnar: rows have no columns of type %s", c.Type)
}

// Null appends an absent value to the column.
func (w *RowWriter) Null(col int) { w.builder.Field(col).AppendNull() }

// Text appends a text to a VARCHAR column. The bytes are copied.
func (w *RowWriter) Text(col int, b []byte) {
	w.text += len(b)
	w.builder.Field(col).(*array.StringBuilder).Append(unsafe.String(unsafe.SliceData(b), len(b)))
}

// Int appends a number to a column of any type but VARCHAR; a DATE counts days since 1970-01-01.
func (w *RowWriter) Int(col int, v int64) {
	switch b := w.builder.Field(col).(type) {
	case *array.Int64Builder:
		b.Append(v)
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Uint8Builder:
		b.Append(uint8(v))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	}
}

// EndRow ends a row.
func (w *RowWriter) EndRow() {
	if w.rows++; w.rows == rowGroup || w.text > maxBatchText {
		w.rows, w.text = 0, 0
		w.beside.write(w.builder.NewRecord())
	}
}

// Close writes what is left and returns the first error of the whole file.
func (w *RowWriter) Close() error {
	if w.beside == nil {
		return w.failed
	}
	if w.rows > 0 {
		w.beside.write(w.builder.NewRecord())
	}
	w.failed = w.beside.close()
	w.beside = nil
	w.builder.Release()
	return w.failed
}
