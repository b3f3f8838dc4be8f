// Package columnar is the only importer of Arrow besides the contracts in schemas. It holds what the line reads and
// writes in columns without DuckDB:
//
//   - sources: `.arrow` exports (IPC file and stream form) and Parquet exports whose values are text or of an odd
//     type, batch by batch, every value as text (Source);
//   - rows that were read from text, as a plain Parquet file of stored columns that DuckDB can take in (RowWriter);
//   - grant files: the writers of `.arrow` and Parquet (ArrowWriter, ParquetWriter), and the readers that hold
//     published Parquet and Arrow files against the ledger (ReadGrants, ReadParquetTotals, ReadArrowTotals).
//
// Files come from other systems and may be cut short or damaged. Arrow's readers answer that with a panic in
// places; here it is always an error.
package columnar

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// guard turns a panic of a reader over a damaged file into an error.
func guard(err *error) {
	switch r := recover().(type) {
	case nil:
	case *DamagedError:
		*err = r
	default:
		*err = &DamagedError{What: fmt.Sprint(r), Stack: debug.Stack()}
	}
}

// DamagedError says that a file's structure cannot be followed.
type DamagedError struct {
	What  string
	Stack []byte // where the reader gave up, for those who debug it
}

func (e *DamagedError) Error() string { return "the file is cut short or damaged: " + e.What }

// maxBuffer, in bytes, is more than any one buffer of a sound batch takes.
const maxBuffer = 1 << 30

// bounded is an allocator that gives up on buffers that only a damaged size field can ask for: running out of
// memory could not be caught.
type bounded struct{ memory.GoAllocator }

func (b *bounded) Allocate(size int) []byte {
	if size > maxBuffer {
		panic(fmt.Sprintf("a buffer of %d bytes", size))
	}
	return b.GoAllocator.Allocate(size)
}

func (b *bounded) Reallocate(size int, old []byte) []byte {
	if size > maxBuffer {
		panic(fmt.Sprintf("a buffer of %d bytes", size))
	}
	return b.GoAllocator.Reallocate(size, old)
}

// allocator is where the readers take their memory from.
var allocator memory.Allocator = &bounded{}

// counter is a writer that knows its position, as the writer of Arrow files wants it, without being able to seek.
type counter struct {
	w   io.Writer
	pos int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.pos += int64(n)
	return n, err
}

func (c *counter) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, fmt.Errorf("columnar: seek to %d from %d in a stream", offset, whence)
	}
	return c.pos, nil
}
