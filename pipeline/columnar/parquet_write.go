package columnar

import (
	"bufio"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// parquetGroup is the number of rows of a row group; fixed, so that the same rows give the same bytes.
const parquetGroup = 1 << 17

// parquetBatch is the number of values that are encoded at once; between batches the library looks whether a page is full.
const parquetBatch = 1 << 15

// ParquetWriter writes grants as a Parquet file. The same grants in the same order give the same bytes, whatever
// engine the grants come from: DuckDB's own files differ between its versions.
type ParquetWriter struct {
	out     *bufio.Writer
	parquet *pqarrow.FileWriter
	batch   *grantBatcher
}

// NewParquetWriter starts a Parquet file of the schema (schemas.GrantArrow, or some of its columns) on w, which Close
// does not close.
func NewParquetWriter(w io.Writer, schema *arrow.Schema) (*ParquetWriter, error) {
	p := &ParquetWriter{out: bufio.NewWriterSize(w, 1<<20)}
	// In pages of the first version the library copies all levels of the page for each run of them that it begins: a
	// third of the time of writing where some grants expire and some do not.
	props := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithMaxRowGroupLength(parquetGroup),
		parquet.WithBatchSize(parquetBatch), parquet.WithDataPageVersion(parquet.DataPageV2),
	}
	for _, name := range []string{"grant_id", "source_id"} {
		props = append(props, parquet.WithDictionaryFor(name, false)) // hardly a value comes twice
	}
	var err error
	// The writer would close what it writes to; the buffer has nothing to close.
	if p.parquet, err = pqarrow.NewFileWriter(schema, p.out, parquet.NewWriterProperties(props...),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema())); err != nil {
		return nil, err
	}
	p.batch, err = newGrantBatcher(schema, parquetGroup, p.parquet.Write)
	return p, err
}

// Append writes one grant. The grant may be used again afterwards.
func (p *ParquetWriter) Append(g *Grant) error { return p.batch.append(g) }

// Close writes what is left and the footer.
func (p *ParquetWriter) Close() error {
	if err := p.batch.close(); err != nil {
		return err
	}
	if err := p.parquet.Close(); err != nil {
		return err
	}
	return p.out.Flush()
}
