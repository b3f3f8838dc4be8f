package columnar

import (
	"bufio"
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"accrue/schemas"
)

// rowGroup is the number of rows of a row group: what DuckDB reads at a time.
const rowGroup = 122880

// maxBatchText, in bytes, ends a row group early: what is in memory at once stays small.
const maxBatchText = 256 << 20

// mostWords is how many different texts a column may have in the first row group for each to be written only once.
const mostWords = 4096

// batchesInUse are the one that is being filled and the one that is being encoded: what reads files leaves no core idle
// that could encode more.
const batchesInUse = 2

// RowWriter writes rows of warehouse columns as a Parquet file for DuckDB to take in: not compressed and without
// statistics, because it is read once and thrown away; with dictionaries, where few words repeat, because what is
// written less often is also read less often. Values are appended column by column of a row, in any order, each exactly
// once; then EndRow. Encoding runs beside the caller.
type RowWriter struct {
	filling *rowBatch
	empty   chan *rowBatch // to be filled
	beside  *beside[*rowBatch]
	many    []bool // columns of texts that have many different ones, as the first row group shows
	begun   bool   // the first row group is on its way: many does not change any more
	failed  error
}

// rowBatch is a row group that is being gathered or encoded.
type rowBatch struct {
	columns []rowColumn
	texts   []*rowTexts  // those of them that are of texts
	numbers []rowNumbers // and of numbers
	rows    int
	text    int // bytes of text
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
	r := &RowWriter{many: make([]bool, len(columns)), empty: make(chan *rowBatch, batchesInUse)}
	for range batchesInUse {
		r.empty <- newRowBatch(fields)
	}
	r.filling = <-r.empty
	out := &rowFile{out: bufio.NewWriterSize(w, 1<<20), schema: arrow.NewSchema(fields, nil), many: r.many}
	r.beside = encodeBeside(out.write, func(b *rowBatch) {
		b.reset()
		r.empty <- b
	}, out.finish)
	return r, nil
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

func newRowBatch(fields []arrow.Field) *rowBatch {
	b := &rowBatch{columns: make([]rowColumn, len(fields)), texts: make([]*rowTexts, len(fields)), numbers: make([]rowNumbers, len(fields))}
	for i, f := range fields {
		switch f.Type {
		case arrow.BinaryTypes.String:
			b.texts[i] = &rowTexts{dictionary: newDictionary()}
			b.columns[i] = b.texts[i]
		case arrow.PrimitiveTypes.Int64:
			c := &numbers64{}
			b.columns[i], b.numbers[i] = c, c
		default:
			c := &numbers32{}
			b.columns[i], b.numbers[i] = c, c
		}
	}
	return b
}

func (b *rowBatch) reset() {
	b.rows, b.text = 0, 0
	for _, c := range b.columns {
		c.reset()
	}
}

// Null appends an absent value to the column.
func (w *RowWriter) Null(col int) { w.filling.columns[col].null(w.filling.rows) }

// Text appends a text to a VARCHAR column. The bytes are copied.
func (w *RowWriter) Text(col int, b []byte) {
	w.filling.text += len(b)
	c := w.filling.texts[col]
	if c.many {
		c.add(b)
		return
	}
	c.put(unsafe.String(unsafe.SliceData(b), len(b)))
	if len(c.words) > mostWords && !w.begun {
		w.many[col] = true
		c.unfold()
	}
}

// Int appends a number to a column of any type but VARCHAR; a DATE counts days since 1970-01-01.
func (w *RowWriter) Int(col int, v int64) { w.filling.numbers[col].add(v) }

// EndRow ends a row.
func (w *RowWriter) EndRow() {
	b := w.filling
	if b.rows++; b.rows == rowGroup || b.text > maxBatchText {
		w.send()
		w.filling = <-w.empty
		for i, c := range w.filling.texts {
			if c != nil {
				c.many = w.many[i]
			}
		}
	}
}

func (w *RowWriter) send() {
	w.begun = true
	w.beside.write(w.filling)
}

// Close writes what is left and returns the first error of the whole file.
func (w *RowWriter) Close() error {
	if w.beside == nil {
		return w.failed
	}
	if w.filling.rows > 0 {
		w.send()
	}
	w.failed = w.beside.close()
	w.beside, w.filling = nil, nil
	return w.failed
}

// rowFile is the file that a RowWriter writes, beside its caller.
type rowFile struct {
	out    *bufio.Writer
	schema *arrow.Schema
	many   []bool
	file   *file.Writer // nil before the first row group, which tells what columns have dictionaries
	levels []int16
}

func (f *rowFile) begin() error {
	options := []parquet.WriterProperty{
		parquet.WithStats(false), parquet.WithCompression(compress.Codecs.Uncompressed), parquet.WithMaxRowGroupLength(rowGroup),
		parquet.WithVersion(parquet.V2_6), parquet.WithDataPageVersion(pageVersion), parquet.WithBatchSize(parquetBatch),
		parquet.WithDictionaryDefault(false),
	}
	for i, column := range f.schema.Fields() {
		if column.Type == arrow.BinaryTypes.String && !f.many[i] {
			options = append(options, parquet.WithDictionaryFor(column.Name, true))
		}
	}
	props := parquet.NewWriterProperties(options...)
	root, err := pqarrow.ToParquet(f.schema, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return err
	}
	f.file = file.NewParquetWriter(f.out, root.Root(), file.WithWriterProps(props))
	return nil
}

func (f *rowFile) write(b *rowBatch) error {
	if f.file == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	group := f.file.AppendRowGroup()
	for _, c := range b.columns {
		chunk, err := group.NextColumn()
		if err != nil {
			return err
		}
		if n := c.count(); n != b.rows {
			return fmt.Errorf("column %s has %d values for %d rows", chunk.Descr().Name(), n, b.rows)
		}
		f.levels = c.levels(f.levels[:0], b.rows)
		if err := c.write(chunk, f.levels); err != nil {
			return err
		}
		if err := chunk.Close(); err != nil {
			return err
		}
	}
	return group.Close()
}

func (f *rowFile) finish() error {
	if f.file == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	if err := f.file.Close(); err != nil {
		return err
	}
	return f.out.Flush()
}
