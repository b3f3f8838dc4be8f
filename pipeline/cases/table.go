package cases

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is a CSV text that was read.
type Table struct {
	Columns []string
	Rows    []TableRow
	Text    string // as written
	Line    int    // of the case file, on which the text begins

	HeaderLine int   // of the case file
	HeaderAt   []int // the column of the text at which each name begins
}

// TableRow is one record. Cells are as many as the record has, which may differ from the columns; Line is its line in
// the case file.
type TableRow struct {
	Cells []string
	Line  int
	At    []int // the column of the text at which each cell begins
}

// ReadTable reads CSV text with a header, by RFC 4180. A byte order mark is dropped and blank lines are skipped. Records
// keep their own number of cells.
func ReadTable(text string, line int) (*Table, error) {
	t := &Table{Text: text, Line: line}
	text = strings.TrimPrefix(text, "\ufeff")
	r, lines := csv.NewReader(strings.NewReader(text)), strings.Split(text, "\n")
	r.FieldsPerRecord = -1
	for {
		cells, err := r.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if t.Columns == nil {
				return nil, &TableError{Line: line, Column: 1, What: "there is no header"}
			}
			return t, nil
		case errors.As(err, &bad):
			what := "a quote inside a cell: put the cell in quotes and write two for one"
			if errors.Is(bad.Err, csv.ErrQuote) {
				what = "a quote that does not close where the cell ends"
			}
			return nil, &TableError{Line: line + bad.StartLine - 1, Column: 1, What: what}
		case err != nil:
			return nil, &TableError{Line: line, Column: 1, What: err.Error()}
		}
		at, _ := r.FieldPos(0)
		places := make([]int, len(cells))
		for i := range cells {
			n, column := r.FieldPos(i) // in bytes
			places[i] = utf8.RuneCountInString(lines[n-1][:column-1]) + 1
		}
		if t.Columns == nil {
			for i, name := range cells {
				if slices.Contains(cells[:i], name) {
					return nil, &TableError{Line: line + at - 1, Column: places[i], What: fmt.Sprintf("the column %q comes twice", name)}
				}
			}
			t.Columns, t.HeaderLine, t.HeaderAt = cells, line+at-1, places
			continue
		}
		t.Rows = append(t.Rows, TableRow{Cells: cells, Line: line + at - 1, At: places})
	}
}

// TableError is a text that is no CSV, with the line of the case file and the column of the text.
type TableError struct {
	Line, Column int
	What         string
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
