package cases

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
)

// Difference is where two tables differ: what a case expects and what an engine answered, or what two engines
// answered.
type Difference struct {
	What    string // entitlements, grants posted on 2026-11-20, rejects
	Line    int    // of the case file, where the table begins
	Columns []string
	Rows    []RowDifference // those that are missing first, then those that differ, then those that are too many
}

// RowDifference is one row that is not the same on both sides. Rows that stand for the same thing (the same member,
// rule and source) are put side by side.
type RowDifference struct {
	Line int      // of the case file; 0 for a row that it does not have
	Want []string // by column; nil where there is none
	Got  []string // by column; nil where there is none
}

// sameThing are the columns that say what a row is about; the others say something about it.
var sameThing = []string{
	"program", "member_id", "rule", "reward", "source_type", "source_id", "grant_id", "dataset", "delivery", "row",
}

// Differences says what an engine answered otherwise than the case expects. A rejected row that the case says nothing
// about is a difference too: what was given has not been read as it was meant.
func (c *Case) Differences(o Outcome) []Difference {
	var out []Difference
	if c.Expect != nil {
		out = append(out, compare("entitlements", orNothing(c.Expect, EntitlementColumns[2:8]), c.ofItsRules(o.Entitlements))...)
	}
	if c.Grants != nil && o.Grants != nil {
		dates := map[pipeline.Date]bool{}
		for d := range c.Grants {
			dates[d] = true
		}
		for d := range o.Grants {
			dates[d] = true
		}
		for _, d := range slices.Sorted(maps.Keys(dates)) {
			want := c.Grants[d]
			if want == nil {
				want = &Table{Line: c.Line}
			}
			want = orNothing(want, []string{"member_id", "rule", "source_id", "amount", "kind", "reason"})
			out = append(out, compare("grants posted on "+d.String(), want, c.ofItsRules(o.Grants[d]))...)
		}
	}
	rejects := c.Rejects
	if rejects == nil {
		rejects = &Table{Line: c.Line}
	}
	return append(out, compare("rejects", orNothing(rejects, RejectColumns), o.Rejects)...)
}

// ofItsRules leaves the rows of the rules that the case speaks of.
func (c *Case) ofItsRules(records []Record) []Record {
	if c.Rules == nil {
		return records
	}
	return slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return !slices.Contains(c.Rules, r["rule"]) })
}

// orNothing gives a table without a header, which expects nothing, the columns that a difference is shown with.
func orNothing(t *Table, columns []string) *Table {
	if len(t.Columns) > 0 {
		return t
	}
	return &Table{Columns: columns, Line: t.Line}
}

// compare holds a table against an answer, as sets in which a row may stand several times, over the table's columns.
func compare(what string, want *Table, got []Record) []Difference {
	wanted := make([]sideRow, len(want.Rows))
	for i, row := range want.Rows {
		wanted[i] = newSideRow(want.Columns, want.record(row), row.Line)
	}
	rows := differing(want.Columns, wanted, sideRows(want.Columns, got))
	if len(rows) == 0 {
		return nil
	}
	return []Difference{{What: what, Line: want.Line, Columns: want.Columns, Rows: rows}}
}

// sideRow is a row of one of the sides.
type sideRow struct {
	key   string // all cells, numbers by value
	cells []string
	line  int
}

func newSideRow(columns []string, r Record, line int) sideRow {
	cells := make([]string, len(columns))
	for i, name := range columns {
		cells[i] = r[name]
	}
	return sideRow{key: rowKey(columns, r), cells: cells, line: line}
}

func sideRows(columns []string, records []Record) []sideRow {
	out := make([]sideRow, len(records))
	for i, r := range records {
		out[i] = newSideRow(columns, r, 0)
	}
	return out
}

// differing takes away what is the same on both sides and pairs of the rest what is about the same thing.
func differing(columns []string, want, got []sideRow) []RowDifference {
	same := func(r sideRow) string { return r.key }
	want, got, _ = match(want, got, same)
	about := func(r sideRow) string {
		var parts []string
		for i, name := range columns {
			if slices.Contains(sameThing, name) {
				parts = append(parts, r.cells[i])
			}
		}
		return strings.Join(parts, "\x00")
	}
	want, got, pairs := match(want, got, about)
	var out []RowDifference
	for _, r := range want {
		out = append(out, RowDifference{Line: r.line, Want: r.cells})
	}
	for _, p := range pairs {
		out = append(out, RowDifference{Line: p[0].line, Want: p[0].cells, Got: p[1].cells})
	}
	for _, r := range got {
		out = append(out, RowDifference{Got: r.cells})
	}
	return out
}

// match pairs rows with the same key, each once, and returns those that are left over, those of the second side in the
// order of their cells.
func match(a, b []sideRow, key func(sideRow) string) (restA, restB []sideRow, pairs [][2]sideRow) {
	byKey := map[string][]sideRow{}
	b = slices.Clone(b)
	slices.SortStableFunc(b, func(x, y sideRow) int { return cmp.Compare(x.key, y.key) })
	for _, r := range b {
		byKey[key(r)] = append(byKey[key(r)], r)
	}
	used := map[string]int{}
	for _, r := range a {
		k := key(r)
		if used[k] < len(byKey[k]) {
			pairs = append(pairs, [2]sideRow{r, byKey[k][used[k]]})
			used[k]++
			continue
		}
		restA = append(restA, r)
	}
	for _, r := range b {
		if k := key(r); used[k] > 0 {
			used[k]--
			continue
		}
		restB = append(restB, r)
	}
	return restA, restB, pairs
}

// Diff says what an engine answered otherwise than the case expects, one line per difference; empty if nothing.
func (c *Case) Diff(o Outcome) string {
	var out []string
	for _, d := range c.Differences(o) {
		var extra []string
		for _, r := range d.Rows {
			if r.Want != nil {
				out = append(out, fmt.Sprintf("%s: %s: missing      %s", c.Place(r.Line), d.What, strings.Join(r.Want, ",")))
			}
			if r.Got != nil {
				extra = append(extra, fmt.Sprintf("%s: %s: not expected %s", c.Place(d.Line), d.What, strings.Join(r.Got, ",")))
			}
		}
		out = append(append(out, extra...), fmt.Sprintf("%s: %s: the columns are %s", c.Place(d.Line), d.What, strings.Join(d.Columns, ",")))
	}
	return strings.Join(out, "\n")
}

// Place is file:line, or the case's name where it is in no file.
func (c *Case) Place(line int) string {
	if c.File == "" {
		return c.Name
	}
	return c.File + ":" + strconv.Itoa(line)
}

// SameCell reports whether two cells say the same: numbers by value.
func SameCell(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := decimal.NewFromString(a)
	y, errY := decimal.NewFromString(b)
	return errX == nil && errY == nil && x.Equal(y)
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

// Between says how the answers of two engines differ, entitlements and rejects by all their columns. Want is the first
// one's side.
func Between(a, b Outcome) []Difference {
	var out []Difference
	for _, part := range []struct {
		what    string
		columns []string
		a, b    []Record
	}{
		{"entitlements", EntitlementColumns, a.Entitlements, b.Entitlements},
		{"rejects", RejectColumns, a.Rejects, b.Rejects},
	} {
		if rows := differing(part.columns, sideRows(part.columns, part.a), sideRows(part.columns, part.b)); len(rows) > 0 {
			out = append(out, Difference{What: part.what, Columns: part.columns, Rows: rows})
		}
	}
	return out
}

// Compare is Between as text, empty if the engines agree. The names are those of the engines.
func Compare(nameA string, a Outcome, nameB string, b Outcome) string {
	var out []string
	for _, d := range Between(a, b) {
		one := strings.TrimSuffix(d.What, "s")
		var left, right []string
		for _, r := range d.Rows {
			if r.Want != nil {
				left = append(left, fmt.Sprintf("%s only by %s: %s", one, nameA, strings.Join(r.Want, ",")))
			}
			if r.Got != nil {
				right = append(right, fmt.Sprintf("%s only by %s: %s", one, nameB, strings.Join(r.Got, ",")))
			}
		}
		out = append(append(append(out, left...), right...), one+" columns: "+strings.Join(d.Columns, ","))
	}
	return strings.Join(out, "\n")
}
