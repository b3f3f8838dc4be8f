package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"accrue/pipeline/inside"
)

// Bounds are what a file may ask for. Zero values are the defaults.
type Bounds struct {
	Expansion int64 // how many times its size a packed file may unpack to, beyond freely; 0: DefaultExpansion
	Rows      int64 // of one file; 0: DefaultRows
}

// Defaults of Bounds. Exports in CSV pack to a tenth or a thirtieth of their size; what packs a thousandfold holds
// the same byte again and again.
const (
	DefaultExpansion = 200
	DefaultRows      = 2_000_000_000
)

// freely is what any packed file may unpack to, in bytes: a small file of equal rows packs very well.
const freely = 64 << 20

// mostColumns is how many columns a file may have, and mostNesting how deep a line of NDJSON may be nested. No export
// comes near them.
const (
	mostColumns = 1000
	mostNesting = 100
)

// guard watches over the reading of a file: it ends with its context, and does not go beyond the bounds. Nil watches
// over nothing.
type guard struct {
	ctx    context.Context
	bounds Bounds
}

func newGuard(ctx context.Context, b Bounds) *guard {
	if b.Expansion == 0 {
		b.Expansion = DefaultExpansion
	}
	if b.Rows == 0 {
		b.Rows = DefaultRows
	}
	return &guard{ctx: ctx, bounds: b}
}

func (g *guard) stopped() error {
	if g == nil {
		return nil
	}
	return g.ctx.Err()
}

// rows refuses a file with too many rows.
func (g *guard) rows(file File, n int64) error {
	if g == nil || n <= g.bounds.Rows {
		return nil
	}
	return &FileError{Path: file.Path, What: fmt.Sprintf("holds more than %d rows (max_rows)", g.bounds.Rows)}
}

// unpacked refuses a packed file of which too much comes out.
func (g *guard) unpacked(file File, n int64) error {
	if g == nil || file.Packing == Plain || n <= freely || n/g.bounds.Expansion <= file.Bytes {
		return nil
	}
	return &FileError{Path: file.Path, What: fmt.Sprintf("unpacks to more than %d times its size of %d bytes (max_expansion)",
		g.bounds.Expansion, file.Bytes)}
}

// watched is a reader that a guard can stop.
type watched struct {
	in io.Reader
	g  *guard
}

func (w watched) Read(p []byte) (int, error) {
	if err := w.g.stopped(); err != nil {
		return 0, err
	}
	return w.in.Read(p)
}

// openExport opens a file of a delivery for reading. What has become a link, or anything but a file, since it was listed
// is refused.
func openExport(path string) (*os.File, error) {
	f, err := inside.Open(path)
	var other *inside.NotFileError
	if errors.As(err, &other) {
		return nil, notAFile(path, other.What)
	}
	return f, err
}

// mostControl is the size of the largest control.json, in bytes.
const mostControl = 1 << 20

// readExport reads a small file of a delivery.
func readExport(path string) ([]byte, error) {
	f, err := openExport(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, mostControl+1))
	if err == nil && len(text) > mostControl {
		err = &FileError{Path: path, What: fmt.Sprintf("is longer than %d bytes", mostControl)}
	}
	return text, err
}

// entryInfo describes an entry of a folder of exports: a file or a folder. Links, devices, FIFOs and sockets are
// refused, as what they lead to is not the delivery's.
func entryInfo(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, notAFile(path, inside.Name(info.Mode()))
	}
	return info, nil
}

func notAFile(path, what string) error {
	return &FileError{Path: path, What: "is " + what + "; exports are files"}
}
