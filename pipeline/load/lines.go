package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// window is a stretch of a stream that grows to the longest record and no further. buf[start:end] is what has been
// read and not yet used.
type window struct {
	in         io.Reader
	path       string
	most       int // bytes of the longest record
	buf        []byte
	start, end int
	eof        bool
	line       int64 // number of the line at start, from 1
}

func newWindow(in io.Reader, path string, most int64) *window {
	return &window{in: in, path: path, most: int(most), buf: make([]byte, 1<<18), line: 1}
}

// more reads on. It gives io.EOF when there is nothing more, and a *FileError when the record at start is longer
// than it may be.
func (w *window) more() error {
	if w.eof {
		return io.EOF
	}
	if w.end-w.start > w.most {
		return w.tooLong()
	}
	if w.start > 0 && w.end == len(w.buf) {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start = 0
	}
	if w.end == len(w.buf) {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n, err := w.in.Read(w.buf[w.end:])
	w.end += n
	if errors.Is(err, io.EOF) {
		w.eof = true
		return nil
	}
	var fault *FileError
	if errors.As(err, &fault) && fault.Line == 0 {
		fault.Line = w.line + int64(bytes.Count(w.buf[w.start:w.end], []byte{'\n'}))
	}
	return err
}

func (w *window) tooLong() error {
	return &FileError{Path: w.path, Line: w.line, What: fmt.Sprintf(
		"the record that begins here is longer than %d bytes (max_line)", w.most)}
}

// rest is what has been read and not yet used.
func (w *window) rest() []byte { return w.buf[w.start:w.end] }

// lineEnd returns the place of the next line feed behind from, counted from start, and reads on until there is one.
// Without one it returns where the file ends.
func (w *window) lineEnd(from int) (int, error) {
	for {
		if i := bytes.IndexByte(w.rest()[from:], '\n'); i >= 0 {
			if from+i > w.most {
				return 0, w.tooLong()
			}
			return from + i, nil
		}
		from = len(w.rest())
		switch err := w.more(); {
		case errors.Is(err, io.EOF):
			if from > w.most {
				return 0, w.tooLong()
			}
			return from, nil
		case err != nil:
			return 0, err
		}
	}
}

// use steps over n bytes and the line feed behind them.
func (w *window) use(n int) {
	w.line += int64(bytes.Count(w.rest()[:n], []byte{'\n'}))
	w.start += n
	if w.start < w.end {
		w.start++
		w.line++
	}
}

// skipBlank steps over empty lines as far as they have been read.
func (w *window) skipBlank() {
	for w.start < w.end && w.buf[w.start] == '\n' {
		w.start++
		w.line++
	}
}

// skipMark steps over a byte order mark, and refuses those of other encodings.
func (w *window) skipMark() error {
	for len(w.rest()) < 3 {
		if err := w.more(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	head := w.rest()
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		w.start += 3
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return &FileError{Path: w.path, Line: 1, What: "is written in UTF-16; accrue reads UTF-8"}
	}
	return nil
}

// trimCR drops the carriage return of a line that ends in CRLF.
func trimCR(line []byte) []byte { return bytes.TrimSuffix(line, []byte{'\r'}) }
