package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"accrue/pipeline/columnar"
	"accrue/schemas"
)

// columnsReader reads a file that holds its rows in columns: Arrow, and Parquet that is not read by DuckDB. Values
// come as text and are checked as those of text files are.
type columnsReader struct {
	src     *columnar.Source
	path    string
	most    int64
	fields  []int // field of each chosen column
	names   []string
	nFields int
	extra   []string
	batch   *columnar.Batch
	row     int
	no      int64
	bufs    [][]byte
	cells   [][]byte
}

// typeFault says why a column's type cannot hold the field's values, "" where it can.
func typeFault(f schemas.Field, c columnar.SourceColumn) string {
	fits := false
	wanted := "text"
	switch f.Kind {
	case schemas.KindMoney, schemas.KindSigned, schemas.KindQuantity:
		fits = c.Class == columnar.ClassInteger || c.Class == columnar.ClassDecimal
		wanted = "DECIMAL, an integer or text"
	case schemas.KindTimestamp:
		fits = c.Class == columnar.ClassInstant || c.Class == columnar.ClassWall
		wanted = "TIMESTAMP or text"
	case schemas.KindDay:
		fits = c.Class == columnar.ClassInstant || c.Class == columnar.ClassWall || c.Class == columnar.ClassDate
		wanted = "DATE, TIMESTAMP or text"
	case schemas.KindDate:
		fits = c.Class == columnar.ClassDate
		wanted = "DATE or text"
	case schemas.KindID:
		fits = c.Class == columnar.ClassInteger || c.Class == columnar.ClassDecimal && c.Scale == 0
		wanted = "text or an integer"
	case schemas.KindText:
		fits = c.Class == columnar.ClassInteger || c.Class == columnar.ClassDecimal || c.Class == columnar.ClassBool
		wanted = "text, an integer or DECIMAL"
	}
	if fits || c.Class == columnar.ClassText || c.Class == columnar.ClassNull {
		return ""
	}
	if c.Class == columnar.ClassFloat {
		return fmt.Sprintf("the column %s has type %s, a binary float, which cannot hold %s exactly; it must be %s",
			f.Name, c.Type, exactly(f.Kind), wanted)
	}
	return fmt.Sprintf("the column %s has type %s; it must be %s", f.Name, c.Type, wanted)
}

func exactly(k schemas.Kind) string {
	switch k {
	case schemas.KindMoney, schemas.KindSigned, schemas.KindQuantity:
		return "decimal amounts"
	case schemas.KindID:
		return "ids"
	}
	return "texts"
}

// chooseColumns matches the columns of a source with the dataset and checks their types.
func chooseColumns(path string, ds *schemas.Dataset, src *columnar.Source) (fields []int, extra []string, err error) {
	cols := src.Columns()
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	fields, extra, fault := matchColumns(ds, names)
	if fault != "" {
		return nil, nil, &FileError{Path: path, What: fault}
	}
	known := ds.Fields()
	var faults []error
	for i, f := range fields {
		if f < 0 {
			continue
		}
		if fault := typeFault(known[f], cols[i]); fault != "" {
			faults = append(faults, &FileError{Path: path, What: fault})
		}
	}
	return fields, extra, errors.Join(faults...)
}

func newColumns(src *columnar.Source, path string, ds *schemas.Dataset, most int64) (*columnsReader, error) {
	places, extra, err := chooseColumns(path, ds, src)
	if err != nil {
		return nil, err
	}
	c := &columnsReader{src: src, path: path, most: most, extra: extra, nFields: len(ds.Fields())}
	var chosen []int
	for i, f := range places {
		if f >= 0 {
			chosen = append(chosen, i)
			c.fields = append(c.fields, f)
			c.names = append(c.names, src.Columns()[i].Name)
		}
	}
	c.bufs, c.cells = make([][]byte, len(chosen)), make([][]byte, len(chosen))
	for i := range c.bufs {
		c.bufs[i] = make([]byte, 0, len("2006-01-02T15:04:05.000000000Z"))
	}
	if err := src.Select(chosen); err != nil {
		return nil, c.fault(err)
	}
	return c, nil
}

func (c *columnsReader) fault(err error) error {
	return &FileError{Path: c.path, What: fmt.Sprintf("cannot be read behind row %d: %v", c.no, err), Err: err}
}

func (c *columnsReader) next(r *record) (err error) {
	for c.batch == nil || c.row == c.batch.Rows {
		if c.batch, err = c.src.Next(); errors.Is(err, io.EOF) {
			return io.EOF
		} else if err != nil {
			return c.fault(err)
		}
		c.row = 0
	}
	if r.cells == nil {
		r.cells = make([][]byte, c.nFields)
	}
	clear(r.cells)
	c.no++
	r.no, r.bad = c.no, ""
	if err := c.batch.Row(c.row, c.bufs, c.cells); err != nil {
		return c.fault(err)
	}
	size := int64(0)
	for i, f := range c.fields {
		r.cells[f] = c.cells[i]
		size += int64(len(c.cells[i]))
	}
	c.row++
	if size > c.most {
		return &FileError{Path: c.path, What: fmt.Sprintf("row %d is longer than %d bytes (max_line)", c.no, c.most)}
	}
	return nil
}

// raw is the row as a JSON object of its known columns, in the file's order.
func (c *columnsReader) raw() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range c.names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(jsonText(name) + ":")
		if c.cells[i] == nil {
			b.WriteString("null")
		} else {
			b.WriteString(jsonText(string(c.cells[i])))
		}
	}
	b.WriteByte('}')
	return b.String()
}

// jsonText quotes a text for JSON.
func jsonText(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		return `""` // Marshal of a string does not fail
	}
	return string(out)
}

func (c *columnsReader) unknown() []string { return c.extra }
func (c *columnsReader) missing() []string { return nil }
