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
	filling *grantGroup
	empty   chan *grantGroup // to be filled
	beside  *beside[*grantGroup]
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
	p := &ParquetWriter{empty: make(chan *grantGroup, groupsInUse)}
	for range groupsInUse {
		g, err := newGrantGroup(schema)
		if err != nil {
			return nil, err
		}
		p.empty <- g
	}
	p.filling = <-p.empty
	// The writer would close what it writes to; the buffer has nothing to close.
	out := bufio.NewWriterSize(w, 1<<20)
	pw := file.NewParquetWriter(out, root.Root(), file.WithWriterProps(props), file.WithWriteMetadata(meta))
	p.beside = encodeBeside(
		func(g *grantGroup) error { return g.write(pw.AppendRowGroup()) },
		func(g *grantGroup) {
			g.reset()
			p.empty <- g
		},
		pw.Close, out.Flush)
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
		p.beside.write(p.filling)
		p.filling = <-p.empty
	}
	return nil
}

// Close writes what is left and the footer, and returns the first error of the whole file.
func (p *ParquetWriter) Close() error {
	if p.filling.rows > 0 {
		p.beside.write(p.filling)
	}
	return p.beside.close()
}

func (g *grantGroup) write(w file.SerialRowGroupWriter) error {
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

// reset forgets the rows.
func (g *grantGroup) reset() {
	g.rows = 0
	for _, c := range g.columns {
		c.reset()
	}
}

// beside encodes batches while its caller makes the next one.
type beside[T any] struct {
	batches chan T
	done    chan error
}

// encodeBeside starts it: every batch is written, until one fails, and freed, and at the end the file is finished step
// by step. Its close must be called.
func encodeBeside[T any](write func(T) error, free func(T), finish ...func() error) *beside[T] {
	b := &beside[T]{batches: make(chan T, 1), done: make(chan error, 1)}
	go func() {
		var failed error
		for batch := range b.batches { // after an error it only drains
			if failed == nil {
				failed = write(batch)
			}
			free(batch)
		}
		for _, step := range finish {
			if failed == nil {
				failed = step()
			}
		}
		b.done <- failed
	}()
	return b
}

// write takes a batch over.
func (b *beside[T]) write(batch T) { b.batches <- batch }

// close ends the file and returns its first error.
func (b *beside[T]) close() error {
	close(b.batches)
	return <-b.done
}
