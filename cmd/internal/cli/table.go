package cli

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// column is one column of a table: its heading and whether it holds numbers.
type column struct {
	name   string
	number bool
}

func words(name string) column   { return column{name: name} }
func numbers(name string) column { return column{name: name, number: true} }

// writeTable writes rows as a plain table: two blanks between columns, numbers to the right, no frame. Indent goes
// before each line.
func writeTable(w io.Writer, p paint, indent string, cols []column, rows [][]string) {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	head := make(table.Row, len(cols))
	configs := make([]table.ColumnConfig, len(cols))
	for i, c := range cols {
		head[i] = p.bold(c.name)
		configs[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignLeft, AlignHeader: text.AlignLeft}
		if c.number {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	if slices.ContainsFunc(cols, func(c column) bool { return c.name != "" }) {
		t.AppendHeader(head)
	}
	t.SetColumnConfigs(configs)
	for _, r := range rows {
		row := make(table.Row, len(r))
		for i, c := range r {
			row[i] = strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(c)
		}
		t.AppendRow(row)
	}
	if len(rows) == 0 {
		return
	}
	for _, line := range strings.Split(t.Render(), "\n") {
		_, _ = io.WriteString(w, strings.TrimRight(indent+line, " ")+"\n")
	}
}

// writeRows writes rows without heading.
func writeRows(w io.Writer, indent string, isNumber []bool, rows [][]string) {
	cols := make([]column, len(isNumber))
	for i, n := range isNumber {
		cols[i].number = n
	}
	writeTable(w, paint{}, indent, cols, rows)
}

// writeJSON writes a value as indented JSON.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// count writes a number of rows with blanks between thousands.
func count(n int64) string { return thousands(strconv.FormatInt(n, 10)) }

// thousands puts blanks between the thousands of a decimal.
func thousands(number string) string {
	whole, frac, hasFrac := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + " " + whole[i:]
	}
	if hasFrac {
		whole += "." + frac
	}
	return sign + whole
}

// plural writes "1 row", "2 rows".
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
