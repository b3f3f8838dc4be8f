package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"accrue/schemas"
)

// csvReader reads RFC 4180: commas, `"` around fields that hold commas, quotes or line ends, `""` for a quote, LF or
// CRLF. Blank lines are skipped. A quote inside a field that does not begin with one, and text behind a closing
// quote, make the row a bad one.
type csvReader struct {
	w       *window
	fields  []int // field of each column, -1 for unknown ones
	nFields int
	extra   []string
	no      int64
	text    []byte   // the last record
	parts   [][]byte // its fields
	spans   []span
	scratch []byte // fields whose doubled quotes were made single
	spoilt  string // why the last record cannot be split; "" if it can
}

// newCSV reads the header.
func newCSV(in io.Reader, path string, ds *schemas.Dataset, most int64) (*csvReader, error) {
	c := &csvReader{w: newWindow(in, path, most), nFields: len(ds.Fields())}
	if err := c.w.skipMark(); err != nil {
		return nil, err
	}
	err := c.split()
	line := max(1, c.w.line-1)
	switch {
	case errors.Is(err, io.EOF):
		return nil, &FileError{Path: path, What: "is empty: there is no header"}
	case err != nil:
		return nil, err
	case c.spoilt != "":
		return nil, &FileError{Path: path, Line: line, What: "the header cannot be read: " + c.spoilt}
	}
	names := make([]string, len(c.parts))
	for i, p := range c.parts {
		names[i] = string(p)
	}
	var fault string
	if c.fields, c.extra, fault = matchColumns(ds, names); fault != "" {
		return nil, &FileError{Path: path, Line: line, What: fault}
	}
	return c, nil
}

func (c *csvReader) next(r *record) error {
	if err := c.split(); err != nil {
		return err
	}
	c.no++
	r.no, r.bad, r.clean = c.no, c.spoilt, utf8.Valid(c.text) && bytes.IndexByte(c.text, 0) < 0
	if r.bad == "" && len(c.parts) != len(c.fields) {
		r.bad = fmt.Sprintf("%d fields, the header has %d", len(c.parts), len(c.fields))
	}
	if r.bad != "" {
		r.cells = nil
		return nil
	}
	if r.cells == nil {
		r.cells = make([][]byte, c.nFields)
	}
	for i, f := range c.fields {
		if f >= 0 {
			r.cells[f] = c.parts[i]
		}
	}
	return nil
}

func (c *csvReader) raw() string       { return string(c.text) }
func (c *csvReader) unknown() []string { return c.extra }
func (c *csvReader) missing() []string { return nil }

// split reads the next record that is not blank into parts.
func (c *csvReader) split() error {
	for {
		c.parts, c.scratch, c.spoilt = c.parts[:0], c.scratch[:0], ""
		c.w.skipBlank()
		end, err := c.w.lineEnd(0)
		if err != nil {
			return err
		}
		line := c.w.rest()[:end]
		if end == 0 && c.w.eof && len(c.w.rest()) == 0 {
			return io.EOF
		}
		if bytes.IndexByte(line, '"') >= 0 {
			return c.splitQuoted()
		}
		c.w.use(end)
		if line = trimCR(line); len(line) == 0 {
			continue
		}
		c.text = line
		for {
			i := bytes.IndexByte(line, ',')
			if i < 0 {
				break
			}
			c.parts = append(c.parts, line[:i])
			line = line[i+1:]
		}
		c.parts = append(c.parts, line)
		return nil
	}
}

// span is a field's place in the window, from its start; doubled says that it holds `""`.
type span struct {
	from, to int
	doubled  bool
}

// splitQuoted reads a record that holds a quote and so may go over several lines. Reading on moves the window, so
// that fields are places until the whole record is there.
func (c *csvReader) splitQuoted() error {
	c.spans = c.spans[:0]
	at := 0
	for {
		s, next, err := c.field(at)
		if err != nil {
			return err
		}
		c.spans = append(c.spans, s)
		if at = next + 1; next == len(c.w.rest()) || c.w.rest()[next] == '\n' {
			break
		}
	}
	end := at - 1 // a line feed, or the end of the file
	rest := c.w.rest()
	for _, s := range c.spans {
		part := rest[s.from:s.to]
		if s.doubled {
			n := len(c.scratch)
			c.scratch = append(c.scratch, bytes.ReplaceAll(part, []byte(`""`), []byte(`"`))...)
			part = c.scratch[n:]
		}
		c.parts = append(c.parts, part)
	}
	c.text = trimCR(rest[:end])
	if end > c.w.most {
		return c.w.tooLong()
	}
	c.w.use(end)
	return nil
}

// field reads the field that begins at the place and returns the place of what ends it: a comma, a line feed or the
// end of the file.
func (c *csvReader) field(at int) (s span, next int, err error) {
	if at < len(c.w.rest()) && c.w.rest()[at] == '"' {
		return c.quoted(at)
	}
	end, err := c.w.lineEnd(at)
	if err != nil {
		return s, 0, err
	}
	text := c.w.rest()[at:end]
	if i := bytes.IndexByte(text, ','); i >= 0 {
		text, end = text[:i], at+i
	} else {
		text = trimCR(text)
	}
	if bytes.IndexByte(text, '"') >= 0 {
		c.spoilt = "a quote inside a field that does not begin with one"
	}
	return span{from: at, to: at + len(text)}, end, nil
}

// quoted reads a field that begins with a quote.
func (c *csvReader) quoted(at int) (s span, next int, err error) {
	s.from = at + 1
	for i := at + 1; ; {
		j := bytes.IndexByte(c.w.rest()[i:], '"')
		if j < 0 {
			i = len(c.w.rest())
			if err := c.w.more(); err != nil {
				return s, 0, c.open(at, err)
			}
			continue
		}
		i += j + 1
		for i == len(c.w.rest()) { // what stands behind the quote decides
			if err := c.w.more(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return s, 0, c.open(at, err)
			}
		}
		if i < len(c.w.rest()) && c.w.rest()[i] == '"' {
			s.doubled = true
			i++
			continue
		}
		s.to = i - 1
		break
	}
	end, err := c.w.lineEnd(s.to + 1)
	if err != nil {
		return s, 0, err
	}
	behind := c.w.rest()[s.to+1 : end]
	if i := bytes.IndexByte(behind, ','); i >= 0 {
		behind, end = behind[:i], s.to+1+i
	} else {
		behind = trimCR(behind)
	}
	if len(behind) > 0 {
		c.spoilt = "text behind a closing quote"
	}
	return s, end, nil
}

// open words the fault of a quote that is not closed before the file or the longest record ends.
func (c *csvReader) open(at int, err error) error {
	var long *FileError
	if !errors.Is(err, io.EOF) && !errors.As(err, &long) {
		return err
	}
	before := c.w.rest()[:at]
	what := "the quote that opens here is never closed"
	if long != nil {
		if long.Err != nil { // a fault of the packing
			return err
		}
		what = fmt.Sprintf("the quote that opens here is not closed within %d bytes (max_line)", c.w.most)
	}
	return &FileError{Path: c.w.path, Line: c.w.line + int64(bytes.Count(before, []byte{'\n'})),
		Column: int64(at - bytes.LastIndexByte(before, '\n')), What: what}
}
