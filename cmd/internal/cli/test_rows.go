package cli

import (
	"fmt"
	"io"
	"slices"

	"accrue/pipeline/cases"
)

// sides name the two sides of a difference: rows that only one of them has, and cells in which they differ.
type sides struct{ onlyWant, onlyGot, both, want, got string }

var (
	caseSides   = sides{"missing", "extra", "differs", "expected", "got"}
	engineSides = sides{"only the passes", "only the reference", "differs", "passes", "reference"}
)

// writeDifference shows the rows of a difference as a table, rows about the same thing as one.
func writeDifference(w io.Writer, p paint, d cases.Difference, s sides) {
	cols := []column{words("")}
	for _, name := range d.Columns {
		cols = append(cols, words(name))
	}
	rows := make([][]string, len(d.Rows))
	for i, r := range d.Rows {
		state := p.red(s.both)
		switch {
		case r.Got == nil:
			state = p.red(s.onlyWant)
		case r.Want == nil:
			state = p.red(s.onlyGot)
		}
		row := []string{state}
		for k := range d.Columns {
			row = append(row, cellOf(r, k, s))
		}
		if r.Line > 0 {
			row = append(row, fmt.Sprintf("line %d", r.Line))
		} else {
			row = append(row, "")
		}
		rows[i] = row
	}
	writeTable(w, p, "    ", append(cols, words("")), rows)
}

// cellOf shows one cell of both sides, once where they say the same.
func cellOf(r cases.RowDifference, k int, s sides) string {
	switch {
	case r.Got == nil:
		return shown(r.Want[k])
	case r.Want == nil:
		return shown(r.Got[k])
	case cases.SameCell(r.Want[k], r.Got[k]):
		return shown(r.Got[k])
	}
	return fmt.Sprintf("%s %s, %s %s", s.want, orNothing(r.Want[k]), s.got, orNothing(r.Got[k]))
}

// shown shows a text that may hold what a table cannot.
func shown(s string) string {
	if q := fmt.Sprintf("%q", s); q[1:len(q)-1] != s {
		return q
	}
	return s
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return shown(s)
}

// essential leaves those columns of a difference that tell which row it is, and those in which rows differ.
func essential(d cases.Difference) cases.Difference {
	var keep []int
	for k, name := range d.Columns {
		differs := slices.ContainsFunc(d.Rows, func(r cases.RowDifference) bool {
			return r.Want != nil && r.Got != nil && !cases.SameCell(r.Want[k], r.Got[k])
		})
		if differs || slices.Contains([]string{"member_id", "rule", "source_id", "amount", "dataset", "delivery", "row", "reason"}, name) {
			keep = append(keep, k)
		}
	}
	pick := func(cells []string) []string {
		if cells == nil {
			return nil
		}
		out := make([]string, len(keep))
		for i, k := range keep {
			out[i] = cells[k]
		}
		return out
	}
	out := cases.Difference{What: d.What, Line: d.Line, Columns: pick(d.Columns)}
	for _, r := range d.Rows {
		out.Rows = append(out.Rows, cases.RowDifference{Line: r.Line, Want: pick(r.Want), Got: pick(r.Got)})
	}
	return out
}

func sameDifference(a, b cases.Difference) bool {
	return a.What == b.What && slices.EqualFunc(a.Rows, b.Rows, func(x, y cases.RowDifference) bool {
		return x.Line == y.Line && slices.EqualFunc(x.Want, y.Want, cases.SameCell) && slices.EqualFunc(x.Got, y.Got, cases.SameCell)
	})
}
