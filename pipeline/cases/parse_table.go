package cases

import (
	"errors"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
	"accrue/pipeline/yamlpos"
)

// table reads a table of what is expected. It is wrong if it can never come out: a column that no answer has, a rule
// that no program has.
func (p *caseParser) table(n *yamlpos.Node, known []string, names expected) *Table {
	if n == nil {
		return nil
	}
	t := p.text(n)
	if t.Text == "" {
		return &Table{Line: n.Pos.Line}
	}
	table, err := ReadTable(t.Text, t.Line)
	if err != nil {
		p.tableFault(n, err)
		return &Table{}
	}
	offset := t.Line - 1 // the table counts lines of the file, places in the block count from 1
	for i, column := range table.Columns {
		if !slices.Contains(known, column) {
			p.Fault(p.placeIn(n, table.HeaderLine-offset, table.HeaderAt[i]), yamlpos.Meant(column, known),
				"unknown column %s", yamlpos.Quote(column))
		}
	}
	for _, row := range table.Rows {
		if len(row.Cells) != len(table.Columns) {
			p.Fault(p.placeIn(n, row.Line-offset, 1), "write a comma for every cell that is empty",
				"%s under %s", counted(len(row.Cells), "cell"), counted(len(table.Columns), "column"))
			continue
		}
		for i, cell := range row.Cells {
			if message, hint := names.fault(table.Columns[i], cell); message != "" {
				p.Fault(p.placeIn(n, row.Line-offset, row.At[i]), hint, "%s", message)
			}
		}
	}
	return table
}

// expected is what the cells of a table can name. Without families nothing is known of rules and rewards.
type expected struct {
	families []*program.Family
	rules    []string // of which the case speaks; nil: of all
}

// fault says why an expected cell can never come out; empty where it can.
func (e expected) fault(column, cell string) (message, hint string) {
	if column == "amount" {
		if _, err := decimal.NewFromString(cell); err != nil {
			return "amount must be a number, not " + yamlpos.Quote(cell), "write digits, and a point before decimal places: 12.50"
		}
		return "", ""
	}
	var known []string
	for _, f := range e.families {
		known = append(known, namesIn(f, column)...)
	}
	switch {
	case known == nil:
	case !slices.Contains(known, cell) && (column != "rule" || !slices.Contains(known, strings.TrimSuffix(cell, ".referee"))):
		return "no program has the " + column + " " + yamlpos.Quote(cell), yamlpos.Meant(cell, known)
	case column == "rule" && e.rules != nil && !slices.Contains(e.rules, cell):
		return "the case does not speak of the rule " + yamlpos.Quote(cell), "name it under rules too, or leave rules out"
	}
	return "", ""
}

// namesIn are the values that a column can have for a program; nil where they are not names of the program's file.
func namesIn(f *program.Family, column string) []string {
	var out []string
	switch column {
	case "program":
		return []string{f.ID}
	case "rule":
		return f.RuleIDs()
	case "reward":
		for _, v := range f.Versions {
			for _, r := range v.Rewards {
				out = append(out, r.ID)
			}
		}
	}
	return out
}

// tableFault reports a text that is no CSV.
func (p *caseParser) tableFault(n *yamlpos.Node, err error) {
	var bad *TableError
	if !errors.As(err, &bad) {
		p.Fault(n.Pos, "", "%v", err)
		return
	}
	line := bad.Line
	if first := p.placeIn(n, 1, 1).Line; line >= first && n.Text != "" {
		line -= first - 1
	}
	p.Fault(p.placeIn(n, max(line, 1), bad.Column), "write CSV: a header, then a line for each row", "%s", bad.What)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return decimal.NewFromInt(int64(n)).String() + " " + noun + "s"
}
