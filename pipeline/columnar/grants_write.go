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

// ArrowWriter writes grants as an Arrow IPC file. The same grants in the same order give the same bytes.
type ArrowWriter struct {
	out     *bufio.Writer
	ipc     *ipc.FileWriter
	builder *array.RecordBuilder
	setters []grantSetter
	rows    int
}

// NewArrowWriter starts an Arrow file of the schema (schemas.GrantArrow, or some of its columns) on w, which Close
// does not close.
func NewArrowWriter(w io.Writer, schema *arrow.Schema) (*ArrowWriter, error) {
	a := &ArrowWriter{
		out:     bufio.NewWriterSize(w, 1<<20),
		builder: array.NewRecordBuilder(memory.DefaultAllocator, schema),
	}
	for i, f := range schema.Fields() {
		set, err := setterFor(f.Name, a.builder.Field(i))
		if err != nil {
			return nil, err
		}
		a.setters = append(a.setters, set)
	}
	var err error
	a.ipc, err = ipc.NewFileWriter(&counter{w: a.out}, ipc.WithSchema(schema))
	return a, err
}

// Append writes one grant. The grant may be used again afterwards.
func (a *ArrowWriter) Append(g *Grant) error {
	for _, set := range a.setters {
		set(g)
	}
	if a.rows++; a.rows < grantBatch {
		return nil
	}
	return a.flush()
}

func (a *ArrowWriter) flush() error {
	a.rows = 0
	rec := a.builder.NewRecord()
	defer rec.Release()
	return a.ipc.Write(rec)
}

// Close writes what is left and the footer.
func (a *ArrowWriter) Close() error {
	defer a.builder.Release()
	if a.rows > 0 {
		if err := a.flush(); err != nil {
			return err
		}
	}
	if err := a.ipc.Close(); err != nil {
		return err
	}
	return a.out.Flush()
}
