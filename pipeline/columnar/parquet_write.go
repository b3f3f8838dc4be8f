package columnar

import (
	"bufio"
	"errors"
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

// pageVersion is that of the pages of large files. In those of the first version the library copies all levels of the page for each run of
// them that it begins: where some values are absent and some are not, that is most of the time of writing.
const pageVersion = parquet.DataPageV2

// ParquetWriter writes grants as a Parquet file. The same grants in the same order give the same bytes, whatever
// engine the grants come from: DuckDB's own files differ between its versions. Encoding runs beside the caller.
type ParquetWriter struct {
	beside *beside
	batch  *grantBatcher
}

// NewParquetWriter starts a Parquet file of the schema (schemas.GrantArrow, or some of its columns) on w, which Close
// does not close. Close must be called.
func NewParquetWriter(w io.Writer, schema *arrow.Schema) (*ParquetWriter, error) {
	props := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithMaxRowGroupLength(parquetGroup),
		parquet.WithBatchSize(parquetBatch), parquet.WithDataPageVersion(pageVersion),
	}
	for _, name := range []string{"grant_id", "source_id"} {
		props = append(props, parquet.WithDictionaryFor(name, false)) // hardly a value comes twice
	}
	// The writer would close what it writes to; the buffer has nothing to close.
	out := bufio.NewWriterSize(w, 1<<20)
	pw, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(props...),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, err
	}
	p := &ParquetWriter{}
	if p.batch, err = newGrantBatcher(schema, parquetGroup, p.write); err != nil {
		return nil, err
	}
	p.beside = encodeBeside(pw, out)
	return p, nil
}

func (p *ParquetWriter) write(rec arrow.Record) error {
	rec.Retain()
	p.beside.write(rec)
	return nil
}

// Append takes one grant. The grant may be used again afterwards.
func (p *ParquetWriter) Append(g *Grant) error { return p.batch.append(g) }

// Close writes what is left and the footer, and returns the first error of the whole file.
func (p *ParquetWriter) Close() error {
	return errors.Join(p.batch.close(), p.beside.close())
}

// beside encodes record batches as Parquet while its caller makes the next one.
type beside struct {
	batches chan arrow.Record
	done    chan error
}

// encodeBeside starts it. Its close must be called.
func encodeBeside(pw *pqarrow.FileWriter, out *bufio.Writer) *beside {
	b := &beside{batches: make(chan arrow.Record, 1), done: make(chan error, 1)}
	go func() {
		var failed error
		for rec := range b.batches { // after an error it only drains
			if failed == nil {
				failed = pw.Write(rec)
			}
			rec.Release()
		}
		if failed == nil {
			failed = pw.Close()
		}
		if failed == nil {
			failed = out.Flush()
		}
		b.done <- failed
	}()
	return b
}

// write takes a batch over.
func (b *beside) write(rec arrow.Record) { b.batches <- rec }

// close ends the file and returns its first error.
func (b *beside) close() error {
	close(b.batches)
	return <-b.done
}
