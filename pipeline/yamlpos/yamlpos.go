// Package yamlpos reads the YAML files that people write for accrue, so that every fault in them can be shown with
// its line, its column, the line itself and a hint, all faults of a file at once.
//
// Parse turns the text into a tree of Nodes whose scalars are texts: `0.10` stays "0.10" and `10:00` stays "10:00",
// because a YAML decoder that reads a number as a float has already lost it. A Checker then walks the tree: it
// takes keys out of mappings, reads values, and collects what is wrong.
//
// Only the plain part of YAML is read: mappings, lists and scalars in one document. Anchors, aliases, merge keys,
// tags and directives are refused, so that each value stands at one place, which a fault can show.
package yamlpos

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a file. Line and column count from 1, columns in characters.
type Pos struct {
	File         string
	Line, Column int
}

// String returns file:line:column.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Fault is one thing that is wrong in a file.
type Fault struct {
	Pos     Pos
	Rule    string // the rule that it is in; "" outside of rules
	Message string // what is wrong
	Hint    string // what to do about it; "" where there is nothing to say
	Source  string // the text of the line, a long one cut to the part around the place; "" where there is none
	Caret   int    // the column of the place in Source
}

// Error returns the fault's first line: `file:line:column: rule: what is wrong`.
func (f Fault) Error() string {
	if f.Rule == "" {
		return f.Pos.String() + ": " + f.Message
	}
	return f.Pos.String() + ": " + f.Rule + ": " + f.Message
}

// Text returns the fault as people read it: the first line, the source line, a caret under the place, the hint.
func (f Fault) Text() string {
	var b strings.Builder
	b.WriteString(f.Error())
	b.WriteByte('\n')
	if f.Source != "" {
		gutter := "  " + strconv.Itoa(f.Pos.Line) + " | "
		b.WriteString(gutter + f.Source + "\n")
		b.WriteString(strings.Repeat(" ", len(gutter)-2) + "| " + pad(f.Source, f.Caret) + "^\n")
	}
	if f.Hint != "" {
		b.WriteString("  hint: " + f.Hint + "\n")
	}
	return b.String()
}

// maxShown is the number of characters of a source line that are shown.
const maxShown = 120

// window cuts a long line to the part around the column, and gives the column in what is left.
func window(line []rune, column int) (string, int) {
	if len(line) <= maxShown {
		return string(line), column
	}
	from := min(max(column-maxShown/2, 0), len(line)-maxShown)
	cut := string(line[from : from+maxShown])
	if from+maxShown < len(line) {
		cut += "…"
	}
	if from == 0 {
		return cut, column
	}
	return "…" + cut, column - from + 1
}

// Quote puts a text of a file in quotes, a long one cut.
func Quote(s string) string { return strconv.Quote(short(s)) }

// short cuts a long text.
func short(s string) string {
	const most = 60
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// pad returns what stands before the caret: a blank for every character of the line, tabs kept.
func pad(line string, column int) string {
	var b strings.Builder
	n := 1
	for _, r := range line {
		if n >= column {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	b.WriteString(strings.Repeat(" ", max(column-n, 0)))
	return b.String()
}

// Faults are all faults of one or several files, in the order of their places.
type Faults []Fault

// Error returns all faults as Text, an empty line between them.
func (fs Faults) Error() string {
	texts := make([]string, len(fs))
	for i, f := range fs {
		texts[i] = f.Text()
	}
	return strings.Join(texts, "\n")
}

// Sort brings the faults into the order of file, line and column. What is said twice about one place is dropped.
func (fs *Faults) Sort() {
	slices.SortStableFunc(*fs, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column), strings.Compare(a.Message, b.Message))
	})
	*fs = slices.Compact(*fs)
}
