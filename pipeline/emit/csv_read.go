package emit

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"accrue/pipeline"
)

// readCSV returns the grants of a CSV file, which must have exactly the form that is published: the header, LF after
// every record, all cells there, quotes only where they are needed. The Grant is the same one each time; its texts
// may be kept.
func readCSV(r io.Reader) iter.Seq2[*pipeline.Grant, error] {
	return func(yield func(*pipeline.Grant, error) bool) {
		c := &csvReader{in: chunker{r: r}, line: 1}
		if err := c.each(yield); err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

// errStop ends a walk whose rest nobody wants.
var errStop = errors.New("stop")

// csvReader reads records out of chunks of whole ones.
type csvReader struct {
	in   chunker
	line int
	g    pipeline.Grant
}

func (c *csvReader) each(yield func(*pipeline.Grant, error) bool) error {
	header := true
	for {
		chunk, end, err := c.in.next()
		if err != nil {
			return err
		}
		if header && len(chunk) > 0 {
			if chunk, err = cutHeader(chunk); err != nil {
				return err
			}
			header = false
			c.line++
		}
		rest, err := c.records(chunk, yield)
		if err != nil {
			return err
		}
		if end {
			if header || rest != "" {
				return fmt.Errorf("line %d: the file ends inside a record", c.line)
			}
			return nil
		}
		// What is left is the beginning of a record whose quoted cell holds a line break.
		c.in.putBack(rest)
	}
}

func cutHeader(chunk string) (string, error) {
	head, rest, ok := strings.Cut(chunk, "\n")
	if !ok || head+"\n" != csvHeader {
		return "", fmt.Errorf("line 1: the header is not the contract's: %.200q", head)
	}
	return rest, nil
}

// records parses all whole records of a chunk and returns what is left of it.
func (c *csvReader) records(chunk string, yield func(*pipeline.Grant, error) bool) (rest string, err error) {
	record := c.record
	if strings.IndexByte(chunk, '"') < 0 && strings.IndexByte(chunk, '\r') < 0 {
		record = c.plainRecord // nearly always, and much faster
	}
	for chunk != "" {
		left, whole, err := record(chunk)
		if err != nil {
			return "", fmt.Errorf("line %d: %w", c.line, err)
		}
		if !whole {
			return chunk, nil
		}
		c.line += strings.Count(chunk[:len(chunk)-len(left)], "\n")
		if !yield(&c.g, nil) {
			return "", errStop
		}
		chunk = left
	}
	return "", nil
}

// record parses the record at the beginning of s. whole is false where s ends inside it.
func (c *csvReader) record(s string) (rest string, whole bool, err error) {
	for i := range cells {
		value, after, err := cellOf(s)
		if err != nil {
			return "", false, inColumn(i, err)
		}
		if after < 0 {
			return "", false, nil
		}
		if s[after] != '\n' && i == len(cells)-1 || s[after] != ',' && i < len(cells)-1 {
			return "", false, errCells
		}
		if err := setCell(&c.g, &cells[i], value, value == ""); err != nil {
			return "", false, inColumn(i, err)
		}
		s = s[after+1:]
	}
	return s, true, nil
}

// plainRecord parses the record at the beginning of s, which has no quotes anywhere.
func (c *csvReader) plainRecord(s string) (rest string, whole bool, err error) {
	end := strings.IndexByte(s, '\n')
	if end < 0 {
		return "", false, nil
	}
	line, last := s[:end], len(cells)-1
	for i := range last {
		at := strings.IndexByte(line, ',')
		if at < 0 {
			return "", false, errCells
		}
		if err := setCell(&c.g, &cells[i], line[:at], at == 0); err != nil {
			return "", false, inColumn(i, err)
		}
		line = line[at+1:]
	}
	if strings.IndexByte(line, ',') >= 0 {
		return "", false, errCells
	}
	if err := setCell(&c.g, &cells[last], line, line == ""); err != nil {
		return "", false, inColumn(last, err)
	}
	return s[end+1:], true, nil
}

func inColumn(i int, err error) error { return fmt.Errorf("column %s: %w", cells[i].Name, err) }

var errCells = fmt.Errorf("the record does not have %d cells", len(cells))

// setCell parses a value into the grant's column.
func setCell(g *pipeline.Grant, c *cell, value string, absent bool) error {
	if absent && c.Nullable {
		g.ExpiresOn, g.Expires = 0, false // the only column that can be absent
		return nil
	}
	if absent && !c.Empty {
		return errors.New("empty, and every grant has one")
	}
	if err := c.parse(g, value); err != nil {
		return fmt.Errorf("%q is %w", value, err)
	}
	return nil
}

// cellOf returns the value of the cell that s begins with, and where its separator stands: -1 where s ends first.
func cellOf(s string) (value string, after int, err error) {
	if strings.HasPrefix(s, `"`) {
		return quotedCell(s)
	}
	for i := range len(s) {
		switch s[i] {
		case ',', '\n':
			return s[:i], i, nil
		case '"', '\r':
			return "", 0, fmt.Errorf("a %q outside quotes", s[i])
		}
	}
	return "", -1, nil
}

func quotedCell(s string) (value string, after int, err error) {
	doubled := false
	for i := 1; ; i++ {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 || i+n+1 == len(s) {
			return "", -1, nil
		}
		if i += n; s[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		if s[i+1] != ',' && s[i+1] != '\n' {
			return "", 0, fmt.Errorf("a %q after the closing quote", s[i+1])
		}
		value = s[1:i]
		if doubled {
			value = strings.ReplaceAll(value, `""`, `"`)
		}
		if !strings.ContainsAny(value, ",\"\n\r") {
			return "", 0, errors.New("quotes that are not needed")
		}
		return value, i + 1, nil
	}
}
