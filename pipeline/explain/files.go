package explain

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/columnar"
	"accrue/schemas"
)

// RowWriter writes rows of decisions, in the columns of schemas.DecisionFields.
type RowWriter interface {
	Append(row []any) error
	Close() error // does not close what it writes to
}

// Formats are the endings of the files that decisions can be written as.
var Formats = []string{".parquet", ".csv", ".ndjson", ".arrow"}

// NewRowWriter starts a file on w; the ending of its name says of which form.
func NewRowWriter(w io.Writer, name string) (RowWriter, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".parquet":
		return columnar.NewParquetTable(w, schemas.DecisionArrow())
	case ".arrow":
		return columnar.NewArrowTable(w, schemas.DecisionArrow())
	case ".csv":
		c := &csvRows{out: bufio.NewWriterSize(w, 1<<20)}
		c.w = csv.NewWriter(c.out)
		return c, c.header()
	case ".ndjson":
		return &jsonRows{out: bufio.NewWriterSize(w, 1<<20)}, nil
	}
	return nil, fmt.Errorf("%s ends in none of %s", name, strings.Join(Formats, ", "))
}

// csvRows writes RFC 4180 with LF and a header; what is absent is an empty cell.
type csvRows struct {
	out   *bufio.Writer
	w     *csv.Writer
	cells []string
}

func (c *csvRows) header() error {
	var names []string
	for _, f := range schemas.DecisionFields() {
		names = append(names, f.Name)
	}
	c.cells = make([]string, len(names))
	return c.w.Write(names)
}

// Append writes one row.
func (c *csvRows) Append(row []any) error {
	for i, v := range row {
		c.cells[i] = textOf(v)
	}
	return c.w.Write(c.cells)
}

// Close writes what is left.
func (c *csvRows) Close() error {
	c.w.Flush()
	if err := c.w.Error(); err != nil {
		return err
	}
	return c.out.Flush()
}

// jsonRows writes an object per line; decimals are texts, so that no reader makes binary floats of them.
type jsonRows struct {
	out  *bufio.Writer
	line []byte
}

// Append writes one row.
func (j *jsonRows) Append(row []any) error {
	j.line = append(j.line[:0], '{')
	for i, f := range schemas.DecisionFields() {
		if i > 0 {
			j.line = append(j.line, ',')
		}
		var value any = textOf(row[i])
		switch v := row[i].(type) {
		case nil:
			value = nil
		case int64:
			value = v
		}
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		j.line = append(strconv.AppendQuote(j.line, f.Name), ':')
		j.line = append(j.line, text...)
	}
	_, err := j.out.Write(append(j.line, '}', '\n'))
	return err
}

// Close writes what is left.
func (j *jsonRows) Close() error { return j.out.Flush() }

// textOf writes a value as CSV has it: instants as grants have them, decimals without zeros at their end.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case pipeline.Date:
		return v.String()
	case *big.Int:
		return decimal.NewFromBigInt(v, -pipeline.AmountPlaces).String()
	case int64:
		return strconv.FormatInt(v, 10)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	}
	return ""
}
