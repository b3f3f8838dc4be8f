package emit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"accrue/pipeline"
	"accrue/pipeline/columnar"
	"accrue/schemas"
)

// planned is a grant file that is to be written.
type planned struct {
	name   string
	format Format
	rows   int64
}

// plan says which files hold the rows, all formats in full.
func plan(formats []Format, rows, perFile int64) []planned {
	var out []planned
	for _, f := range formats {
		if perFile <= 0 || rows <= perFile {
			out = append(out, planned{"grants." + string(f), f, rows})
			continue
		}
		for part, left := 1, rows; left > 0; part, left = part+1, left-perFile {
			out = append(out, planned{fmt.Sprintf("grants-%04d.%s", part, f), f, min(left, perFile)})
		}
	}
	return out
}

// written is a grant file on its way to the disk, and what went into it.
type written struct {
	planned
	path   string
	file   File
	hash   hash.Hash
	bytes  int64
	closed bool
}

// Write takes bytes in order: into the digest first, then into the file.
func (w *written) Write(p []byte) (int, error) {
	w.hash.Write(p)
	n, err := w.file.Write(p)
	w.bytes += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("writing %s: %w", w.path, err)
	}
	return n, nil
}

func (w *written) sync() error {
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("flushing %s to disk: %w", w.path, err)
	}
	w.closed = true
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", w.path, err)
	}
	return nil
}

// sink takes grants in one format.
type sink interface {
	Append(g *pipeline.Grant) error
	Close() error
}

// textSink writes lines.
type textSink struct {
	w      io.Writer
	buf    []byte
	scales map[string]int
	line   func(b []byte, g *pipeline.Grant, places int) []byte
}

func (t *textSink) Append(g *pipeline.Grant) error {
	if t.buf = t.line(t.buf, g, t.scales[g.Reward]); len(t.buf) < chunkSize {
		return nil
	}
	return t.Close()
}

// Close writes what is left.
func (t *textSink) Close() error {
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

func newSink(f Format, w io.Writer, scales map[string]int) (sink, error) {
	switch f {
	case CSV:
		return &textSink{w: w, scales: scales, line: appendCSV, buf: []byte(csvHeader)}, nil
	case NDJSON:
		return &textSink{w: w, scales: scales, line: appendNDJSON}, nil
	case Parquet:
		return columnar.NewParquetWriter(w, schemas.GrantArrow())
	case Arrow:
		return columnar.NewArrowWriter(w, schemas.GrantArrow())
	}
	return nil, fmt.Errorf("no grant files are written as %q", f)
}

// writer writes all files of a folder in one go over the rows.
type writer struct {
	fs     FS
	scales map[string]int
	files  []*written // as planned, the manifest last
	lines  []*line
}

// batchesInUse are those that wait for a line, the one it reads and the one that is being filled.
const batchesInUse = 4

// batch are grants on their way to all lines.
type batch struct {
	grants  []pipeline.Grant
	readers atomic.Int32 // lines that have not read it yet
}

func newBatch() *batch { return &batch{grants: make([]pipeline.Grant, 0, batchRows)} }

// line is one format's way through its files, in a goroutine of its own.
type line struct {
	writer *writer
	todo   []*written
	sink   sink  // nil between files
	left   int64 // rows that still belong into the open file
	in     chan *batch
	whole  bool // set when in is closed: all rows came
	failed atomic.Bool
	err    error // set where failed
}

func newWriter(fs FS, folder string, scales map[string]int, files []planned) *writer {
	w := &writer{fs: fs, scales: scales}
	for _, p := range files {
		if n := len(w.lines); n == 0 || w.lines[n-1].todo[0].format != p.format {
			w.lines = append(w.lines, &line{writer: w, in: make(chan *batch, batchesInUse-2)})
		}
		f := &written{planned: p, path: filepath.Join(folder, p.name), hash: sha256.New()}
		w.files = append(w.files, f)
		l := w.lines[len(w.lines)-1]
		l.todo = append(l.todo, f)
	}
	return w
}

// create opens a file for writing.
func (w *writer) create(f *written) (err error) {
	if f.file, err = w.fs.Create(f.path); err != nil {
		return fmt.Errorf("creating a file: %w", err)
	}
	return nil
}

// write writes the rows of the feed into all files, if they are what is wanted. It returns what it saw of them.
func (w *writer) write(ctx context.Context, f *feed, want *pipeline.Totals, done func()) (*checker, error) {
	check := newChecker(f.program, f.postedOn, w.scales)
	used := make(chan *batch, batchesInUse)
	var wg sync.WaitGroup
	for _, l := range w.lines {
		if l.todo[0].format != CSV {
			check.withDigest()
		}
		wg.Go(func() { l.run(used) })
	}
	now := newBatch()
	send := func() bool {
		for _, l := range w.lines {
			if l.failed.Load() {
				return false // it says why itself
			}
		}
		now.readers.Store(int32(len(w.lines)))
		for _, l := range w.lines {
			l.in <- now // which all of them only read
		}
		select {
		case now = <-used:
			now.grants = now.grants[:0]
		default:
			now = newBatch()
		}
		return true
	}
	err := f.each(ctx, want.Rows, func(g *pipeline.Grant) error {
		if err := check.add(g); err != nil {
			return err
		}
		done()
		if now.grants = append(now.grants, *g); len(now.grants) == batchRows && !send() {
			return errStop
		}
		return nil
	})
	if err == nil {
		if faults := want.Compare(check.sums()); len(faults) > 0 {
			err = fmt.Errorf("the rows are out of balance with the ledger: %s", faults[0])
		} else {
			send()
		}
	}
	for _, l := range w.lines {
		l.whole = err == nil
		close(l.in)
	}
	wg.Wait()
	var failed error
	for _, l := range w.lines {
		failed = errors.Join(failed, l.err)
	}
	if failed != nil {
		return nil, failed
	}
	return check, err
}

// run writes what comes in, until nothing more does, and puts what all lines have read into used. After a failure it
// goes on taking without writing.
func (l *line) run(used chan<- *batch) {
	l.fail(l.next())
	for b := range l.in {
		for i := range b.grants {
			if l.err != nil {
				break
			}
			l.fail(l.add(&b.grants[i]))
		}
		if b.readers.Add(-1) == 0 {
			select {
			case used <- b:
			default:
			}
		}
	}
	if l.err == nil && l.whole {
		l.fail(l.end())
	}
	_ = l.full() // after a failure, which is the one to tell: what encodes beside it ends
}

func (l *line) fail(err error) {
	if err != nil && l.err == nil {
		l.err = err
		l.failed.Store(true)
	}
}

func (l *line) add(g *pipeline.Grant) error {
	if l.left == 0 && len(l.todo) == 0 {
		return nil // one row too many: the totals tell it with both figures
	}
	if l.left == 0 {
		if err := l.next(); err != nil {
			return err
		}
	}
	l.left--
	return l.sink.Append(g)
}

// next closes the file that is full and opens the one after it.
func (l *line) next() error {
	if err := l.full(); err != nil {
		return err
	}
	f := l.todo[0]
	l.todo = l.todo[1:]
	if err := l.writer.create(f); err != nil {
		return err
	}
	sink, err := newSink(f.format, f, l.writer.scales)
	if err != nil {
		return err
	}
	l.left, l.sink = f.rows, sink
	return nil
}

// full ends what was appended to the open file.
func (l *line) full() error {
	s := l.sink
	if l.sink = nil; s == nil {
		return nil
	}
	return s.Close()
}

func (l *line) end() error {
	if l.left > 0 || len(l.todo) > 0 {
		return errors.New("there are fewer grants than were counted")
	}
	return l.full()
}

// close closes what is open, for a writer that failed.
func (w *writer) close() {
	for _, f := range w.files {
		if f.file != nil && !f.closed {
			_ = f.file.Close() // the failure that led here is the one to tell
		}
	}
}
