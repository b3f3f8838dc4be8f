package cases

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
)

// Diff says what an engine answered otherwise than the case expects, one line per difference; empty if nothing.
func (c *Case) Diff(o Outcome) string {
	var out []string
	if c.Expect != nil {
		out = append(out, c.compare("entitlements", c.Expect, o.Entitlements)...)
	}
	if c.Grants != nil && o.Grants != nil {
		dates := map[pipeline.Date]bool{}
		for d := range c.Grants {
			dates[d] = true
		}
		for d := range o.Grants {
			dates[d] = true
		}
		for _, d := range sortedDates(dates) {
			want := c.Grants[d]
			if want == nil {
				want = &Table{Columns: []string{"member_id", "rule", "source_id", "amount", "kind", "reason"}, Line: c.Line}
			}
			out = append(out, c.compare("grants posted on "+d.String(), want, o.Grants[d])...)
		}
	}
	if c.Rejects != nil {
		out = append(out, c.compare("rejects", c.Rejects, o.Rejects)...)
	}
	return strings.Join(out, "\n")
}

func sortedDates(set map[pipeline.Date]bool) []pipeline.Date {
	var out []pipeline.Date
	for d := range set {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}

// compare holds a table against an answer, as sets in which a row may stand several times, over the table's columns.
func (c *Case) compare(what string, want *Table, got []Record) []string {
	if len(want.Columns) == 0 { // an empty text: nothing is expected
		want = &Table{Columns: slices.Clone(EntitlementColumns[2:8]), Line: want.Line}
		if what == "rejects" {
			want.Columns = RejectColumns
		}
	}
	left := map[string]int{}
	for _, r := range got {
		left[rowKey(want.Columns, r)]++
	}
	var missing []TableRow
	for _, row := range want.Rows {
		key := rowKey(want.Columns, want.record(row))
		if left[key] > 0 {
			left[key]--
			continue
		}
		missing = append(missing, row)
	}
	var extra []string
	for key, n := range left {
		for range n {
			extra = append(extra, key)
		}
	}
	slices.Sort(extra)
	var out []string
	for _, row := range missing {
		out = append(out, fmt.Sprintf("%s: %s: missing      %s", c.place(row.Line), what, strings.Join(row.Cells, ",")))
	}
	for _, key := range extra {
		out = append(out, fmt.Sprintf("%s: %s: not expected %s", c.place(want.Line), what, strings.ReplaceAll(key, "\x00", ",")))
	}
	if len(out) > 0 {
		out = append(out, fmt.Sprintf("%s: %s: the columns are %s", c.place(want.Line), what, strings.Join(want.Columns, ",")))
	}
	return out
}

// place is file:line, or the case's name where it is in no file.
func (c *Case) place(line int) string {
	if c.File == "" {
		return c.Name
	}
	return c.File + ":" + strconv.Itoa(line)
}

// rowKey makes one text of the columns of a record; numbers are taken by value.
func rowKey(columns []string, r Record) string {
	cells := make([]string, len(columns))
	for i, name := range columns {
		cells[i] = r[name]
		if name == "amount" {
			if d, err := decimal.NewFromString(cells[i]); err == nil {
				cells[i] = d.String()
			}
		}
	}
	return strings.Join(cells, "\x00")
}

// Compare holds the answers of two engines against each other, entitlements and rejects by all their columns; empty if
// they agree. The names are those of the engines.
func Compare(nameA string, a Outcome, nameB string, b Outcome) string {
	var out []string
	for _, part := range []struct {
		what    string
		columns []string
		a, b    []Record
	}{
		{"entitlement", EntitlementColumns, a.Entitlements, b.Entitlements},
		{"reject", RejectColumns, a.Rejects, b.Rejects},
	} {
		count := map[string]int{}
		for _, r := range part.a {
			count[rowKey(part.columns, r)]++
		}
		for _, r := range part.b {
			count[rowKey(part.columns, r)]--
		}
		before := len(out)
		for key, n := range count {
			name := nameA
			if n < 0 {
				name, n = nameB, -n
			}
			for range n {
				out = append(out, fmt.Sprintf("%s only by %s: %s", part.what, name, strings.ReplaceAll(key, "\x00", ",")))
			}
		}
		slices.Sort(out[before:])
		if len(out) > before {
			out = append(out, fmt.Sprintf("%s columns: %s", part.what, strings.Join(part.columns, ",")))
		}
	}
	return strings.Join(out, "\n")
}
