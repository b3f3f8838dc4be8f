package columnar

import (
	"bufio"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// grantBatch is the number of rows of a record batch; fixed, so that the same rows give the same bytes.
const grantBatch = 1 << 16

// grantBatcher gathers grants into batches of grantBatch rows.
type grantBatcher struct {
	builder *array.RecordBuilder
	setters []grantSetter
	rows    int
	write   func(arrow.Record) error
}

func newGrantBatcher(schema *arrow.Schema, write func(arrow.Record) error) (*grantBatcher, error) {
	b := &grantBatcher{builder: array.NewRecordBuilder(memory.DefaultAllocator, schema), write: write}
	for i, f := range schema.Fields() {
		set, err := setterFor(f.Name, b.builder.Field(i))
		if err != nil {
			return nil, err
		}
		b.setters = append(b.setters, set)
	}
	return b, nil
}

func (b *grantBatcher) append(g *Grant) error {
	for _, set := range b.setters {
		set(g)
	}
	if b.rows++; b.rows < grantBatch {
		return nil
	}
	return b.flush()
}

func (b *grantBatcher) flush() error {
	full := b.rows == grantBatch
	b.rows = 0
	rec := b.builder.NewRecord()
	defer rec.Release()
	if full { // the next one may be as large
		b.builder.Reserve(grantBatch)
	}
	return b.write(rec)
}

// close writes what is left.
func (b *grantBatcher) close() error {
	defer b.builder.Release()
	if b.rows == 0 {
		return nil
	}
	return b.flush()
}

// ArrowWriter writes grants as an Arrow IPC file. The same grants in the same order give the same bytes.
type ArrowWriter struct {
	out   *bufio.Writer
	ipc   *ipc.FileWriter
	batch *grantBatcher
}

// NewArrowWriter starts an Arrow file of the schema (schemas.GrantArrow, or some of its columns) on w, which Close
// does not close.
func NewArrowWriter(w io.Writer, schema *arrow.Schema) (*ArrowWriter, error) {
	a := &ArrowWriter{out: bufio.NewWriterSize(w, 1<<20)}
	var err error
	if a.ipc, err = ipc.NewFileWriter(&counter{w: a.out}, ipc.WithSchema(schema)); err != nil {
		return nil, err
	}
	a.batch, err = newGrantBatcher(schema, a.ipc.Write)
	return a, err
}

// Append writes one grant. The grant may be used again afterwards.
func (a *ArrowWriter) Append(g *Grant) error { return a.batch.append(g) }

// Close writes what is left and the footer.
func (a *ArrowWriter) Close() error {
	if err := a.batch.close(); err != nil {
		return err
	}
	if err := a.ipc.Close(); err != nil {
		return err
	}
	return a.out.Flush()
}
