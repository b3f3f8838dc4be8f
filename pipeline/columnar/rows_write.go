package columnar

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"accrue/schemas"
)

// rowGroup is the number of rows of a row group: what DuckDB reads at a time.
const rowGroup = 122880

// maxBatchText, in bytes, ends a row group early: what is in memory at once stays small.
const maxBatchText = 256 << 20

// mostWords is how many different texts a column may have in a row group for each to be written only once.
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
	many    []bool // columns that have had many different texts
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
	out, err := newRowFile(w, arrow.NewSchema(fields, nil))
	if err != nil {
		return nil, err
	}
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
			c := &numbers[int64]{}
			b.columns[i], b.numbers[i] = c, c
		default:
			c := &numbers[int32]{}
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
	if len(c.words) > mostWords {
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
		w.beside.write(b)
		w.filling = <-w.empty
		for i, c := range w.filling.texts {
			if c != nil {
				c.many = w.many[i]
			}
		}
	}
}

// Close writes what is left and returns the first error of the whole file.
func (w *RowWriter) Close() error {
	if w.beside == nil {
		return w.failed
	}
	if w.filling.rows > 0 {
		w.beside.write(w.filling)
	}
	w.failed = w.beside.close()
	w.beside, w.filling = nil, nil
	return w.failed
}

// rowFile is the file that a RowWriter writes, beside its caller. The library does the headers and the description;
// every column of a row group is one page, whose values are in the form in which they were gathered: to encode them one by
// one would take as long as to read them.
type rowFile struct {
	out    *bufio.Writer
	at     int64
	props  *parquet.WriterProperties
	meta   *metadata.FileMetaDataBuilder
	pages  file.PageWriter
	groups int16
	page   []byte // used again
}

func newRowFile(w io.Writer, schema *arrow.Schema) (*rowFile, error) {
	props := parquet.NewWriterProperties(parquet.WithStats(false), parquet.WithCompression(compress.Codecs.Uncompressed),
		parquet.WithVersion(parquet.V2_6), parquet.WithDataPageVersion(pageVersion))
	root, err := pqarrow.ToParquet(schema, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, err
	}
	return &rowFile{out: bufio.NewWriterSize(w, 1<<20), props: props, meta: metadata.NewFileMetadataBuilder(root, props, nil)}, nil
}

const parquetMagic = "PAR1"

// Write and Tell are what the library writes pages to.
func (f *rowFile) Write(b []byte) (int, error) {
	n, err := f.out.Write(b)
	f.at += int64(n)
	return n, err
}

// Tell returns how much has been written.
func (f *rowFile) Tell() int64 { return f.at }

func (f *rowFile) write(b *rowBatch) error {
	if err := f.begin(); err != nil {
		return err
	}
	from := f.at
	group := f.meta.AppendRowGroup()
	group.SetNumRows(b.rows)
	for i, c := range b.columns {
		if err := f.column(group.NextColumnChunk(), int16(i), c, b.rows); err != nil {
			return err
		}
	}
	f.groups++
	return group.Finish(f.at-from, f.groups-1)
}

func (f *rowFile) begin() error {
	if f.at > 0 {
		return nil
	}
	_, err := f.Write([]byte(parquetMagic))
	return err
}

func (f *rowFile) column(chunk *metadata.ColumnChunkMetaDataBuilder, place int16, c rowColumn, rows int) (err error) {
	values, nulls := c.count()
	if values+nulls != rows {
		return fmt.Errorf("column %s has %d values and %d times none for %d rows", chunk.Descr().Name(), values, nulls, rows)
	}
	codec, level := f.props.Compression(), f.props.CompressionLevel()
	if f.pages == nil {
		f.pages, err = file.NewPageWriter(f, codec, level, chunk, f.groups, place, f.props.Allocator(), false, nil, nil)
	} else {
		err = f.pages.Reset(f, codec, level, chunk, f.groups, place, nil, nil)
	}
	if err != nil {
		return err
	}
	encoding := parquet.Encodings.Plain
	texts, _ := c.(*rowTexts)
	folded := texts != nil && len(texts.places) > 0
	if folded {
		encoding = parquet.Encodings.RLEDict
		f.page = texts.dictionaryPage(f.page[:0])
		if _, err := f.pages.WriteDictionaryPage(file.NewDictionaryPage(memory.NewBufferBytes(f.page), int32(len(texts.words)), parquet.Encodings.Plain)); err != nil {
			return err
		}
	}
	f.page = c.levels(f.page[:0], rows)
	levels := len(f.page)
	if f.page = c.values(f.page); len(f.page) > math.MaxInt32 {
		return fmt.Errorf("column %s has %d bytes in %d rows; a page holds %d", chunk.Descr().Name(), len(f.page), rows, math.MaxInt32)
	}
	page := file.NewDataPageV2(memory.NewBufferBytes(f.page), int32(rows), int32(nulls), int32(rows), encoding, int32(levels), 0, int32(len(f.page)), false)
	if _, err := f.pages.WriteDataPage(page); err != nil {
		return err
	}
	return f.pages.Close(folded, false)
}

func (f *rowFile) finish() error {
	if err := f.begin(); err != nil {
		return err
	}
	meta, err := f.meta.Finish()
	if err != nil {
		return err
	}
	n, err := meta.WriteTo(f.out, nil)
	if err != nil {
		return err
	}
	if _, err := f.out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), parquetMagic...)); err != nil {
		return err
	}
	return f.out.Flush()
}
