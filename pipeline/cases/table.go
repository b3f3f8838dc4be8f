package cases

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table is a CSV text that was read.
type Table struct {
	Columns []string
	Rows    []TableRow
	Text    string // as written
	Line    int    // of the case file, on which the text begins
}

// TableRow is one record. Cells are as many as the record has, which may differ from the columns; Line is its line in
// the case file.
type TableRow struct {
	Cells []string
	Line  int
}

// ReadTable reads CSV text with a header, by RFC 4180. A byte order mark is dropped and blank lines are skipped. Records
// keep their own number of cells.
func ReadTable(text string, line int) (*Table, error) {
	t := &Table{Text: text, Line: line}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.FieldsPerRecord = -1
	for {
		cells, err := r.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if t.Columns == nil {
				return nil, &TableError{Line: line, What: "there is no header"}
			}
			return t, nil
		case errors.As(err, &bad):
			return nil, &TableError{Line: line + bad.Line - 1, What: bad.Err.Error()}
		case err != nil:
			return nil, &TableError{Line: line, What: err.Error()}
		}
		at, _ := r.FieldPos(0)
		if t.Columns == nil {
			for i, name := range cells {
				if slices.Contains(cells[:i], name) {
					return nil, &TableError{Line: line + at - 1, What: fmt.Sprintf("column %q comes twice", name)}
				}
			}
			t.Columns = cells
			continue
		}
		t.Rows = append(t.Rows, TableRow{Cells: cells, Line: line + at - 1})
	}
}

// TableError is a text that is no CSV, with the line of the case file.
type TableError struct {
	Line int
	What string
}

func (e *TableError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// record returns a row by column name.
func (t *Table) record(row TableRow) Record {
	out := Record{}
	for i, name := range t.Columns {
		if i < len(row.Cells) {
			out[name] = row.Cells[i]
		}
	}
	return out
}
