package columnar

import (
	"bufio"
	"encoding/base64"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/flight"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
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
	out     *bufio.Writer
	file    *file.Writer
	filling *grantGroup
	full    chan *grantGroup // to be encoded
	empty   chan *grantGroup // encoded, to be filled again
	done    chan error
}

// grantGroup is a row group that is being gathered or encoded.
type grantGroup struct {
	columns []parquetColumn
	rows    int
}

func newGrantGroup(schema *arrow.Schema) (*grantGroup, error) {
	g := &grantGroup{}
	for _, f := range schema.Fields() {
		c, err := columnFor(f)
		if err != nil {
			return nil, err
		}
		g.columns = append(g.columns, c)
	}
	return g, nil
}

// NewParquetWriter starts a Parquet file of the schema (schemas.GrantArrow, or some of its columns) on w, which Close
// does not close. Close must be called.
func NewParquetWriter(w io.Writer, schema *arrow.Schema) (*ParquetWriter, error) {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithMaxRowGroupLength(parquetGroup),
		parquet.WithBatchSize(parquetBatch), parquet.WithDataPageVersion(pageVersion),
	}
	for _, name := range []string{"grant_id", "source_id"} {
		options = append(options, parquet.WithDictionaryFor(name, false)) // hardly a value comes twice
	}
	props := parquet.NewWriterProperties(options...)
	root, err := pqarrow.ToParquet(schema, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, err
	}
	// The columns' kinds and descriptions stand in the Arrow schema only.
	meta := metadata.NewKeyValueMetadata()
	if err := meta.Append("ARROW:schema", base64.StdEncoding.EncodeToString(flight.SerializeSchema(schema, memory.DefaultAllocator))); err != nil {
		return nil, err
	}
	// The writer would close what it writes to; the buffer has nothing to close.
	p := &ParquetWriter{
		out: bufio.NewWriterSize(w, 1<<20), full: make(chan *grantGroup, 1), empty: make(chan *grantGroup, groupsInUse),
		done: make(chan error, 1),
	}
	for range groupsInUse {
		g, err := newGrantGroup(schema)
		if err != nil {
			return nil, err
		}
		p.empty <- g
	}
	p.file = file.NewParquetWriter(p.out, root.Root(), file.WithWriterProps(props), file.WithWriteMetadata(meta))
	p.filling = <-p.empty
	go p.encode()
	return p, nil
}

// groupsInUse are the one that is being filled, the one that waits and the one that is being encoded.
const groupsInUse = 3

// Append takes one grant. The grant may be used again afterwards, its texts may not be changed.
func (p *ParquetWriter) Append(g *Grant) error {
	for _, c := range p.filling.columns {
		c.add(g)
	}
	if p.filling.rows++; p.filling.rows == parquetGroup {
		p.full <- p.filling
		p.filling = <-p.empty
	}
	return nil
}

// Close writes what is left and the footer, and returns the first error of the whole file.
func (p *ParquetWriter) Close() error {
	if p.filling.rows > 0 {
		p.full <- p.filling
	}
	close(p.full)
	return <-p.done
}

// encode writes the row groups and the end of the file.
func (p *ParquetWriter) encode() {
	var failed error
	for g := range p.full { // after an error it only drains
		if failed == nil {
			failed = g.write(p.file.AppendRowGroup())
		}
		p.empty <- g
	}
	if failed == nil {
		failed = p.file.Close()
	}
	if failed == nil {
		failed = p.out.Flush()
	}
	p.done <- failed
}

func (g *grantGroup) write(w file.SerialRowGroupWriter) error {
	g.rows = 0
	for _, c := range g.columns {
		chunk, err := w.NextColumn()
		if err != nil {
			return err
		}
		if err := c.write(chunk); err != nil {
			return err
		}
		if err := chunk.Close(); err != nil {
			return err
		}
	}
	return w.Close()
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
