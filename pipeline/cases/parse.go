package cases

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"accrue/pipeline"
)

// Fault is one thing that is wrong with a case file.
type Fault struct {
	File         string
	Line, Column int
	What         string
}

// Faults are all things that are wrong with a case file. As an error it has one line for each.
type Faults []Fault

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.What)
	}
	return strings.Join(lines, "\n")
}

// ParseFile reads a case file from disk.
func ParseFile(path string) ([]Case, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse reads the text of a case file; the name is for messages. The error is of type Faults, all at once.
func Parse(name string, text []byte) ([]Case, error) {
	p := &caseParser{file: name}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var bad yaml.Error
		if errors.As(err, &bad) {
			at := bad.GetToken().Position
			return nil, Faults{{name, at.Line, at.Column, bad.GetMessage()}}
		}
		return nil, Faults{{name, 1, 1, err.Error()}}
	}
	var out []Case
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		p.keys(doc.Body, map[string]func(ast.Node){
			"cases": func(n ast.Node) {
				for _, item := range p.list(n) {
					out = append(out, p.parseCase(item))
				}
			},
		})
	}
	if len(p.faults) > 0 {
		slices.SortStableFunc(p.faults, func(a, b Fault) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, p.faults
	}
	return out, nil
}

type caseParser struct {
	file   string
	faults Faults
}

func (p *caseParser) fault(n ast.Node, format string, args ...any) {
	at := start(n)
	p.faults = append(p.faults, Fault{p.file, at.Line, at.Column, fmt.Sprintf(format, args...)})
}

// start is where a node begins; the token of a mapping is its colon.
func start(n ast.Node) *token.Position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return start(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return start(n.Key)
	}
	return n.GetToken().Position
}

func (p *caseParser) parseCase(n ast.Node) Case {
	c := Case{File: p.file, Line: start(n).Line}
	p.keys(n, map[string]func(ast.Node){
		"name":   func(n ast.Node) { c.Name = p.text(n).Text },
		"covers": func(n ast.Node) { c.Covers = p.texts(n) },
		"program": func(n ast.Node) {
			t := p.text(n)
			t.Name = "program.yaml"
			c.Programs = append(c.Programs, t)
		},
		"programs": func(n ast.Node) {
			p.pairs(n, func(key, value ast.Node) {
				t := p.text(value)
				t.Name = p.text(key).Text
				c.Programs = append(c.Programs, t)
			})
		},
		"deliveries": func(n ast.Node) { c.Deliveries = p.deliveries(n) },
		"run": func(n ast.Node) {
			for _, item := range p.list(n) {
				c.Run = append(c.Run, p.date(item))
			}
		},
		"expect": func(n ast.Node) { c.Expect = p.table(n, EntitlementColumns) },
		"grants": func(n ast.Node) {
			c.Grants = map[pipeline.Date]*Table{}
			p.pairs(n, func(key, value ast.Node) { c.Grants[p.date(key)] = p.table(value, GrantColumns) })
		},
		"rejects": func(n ast.Node) { c.Rejects = p.table(n, RejectColumns) },
	})
	switch {
	case c.Name == "":
		p.fault(n, "the case that begins on line %d has no name", c.Line)
	case len(c.Programs) == 0:
		p.fault(n, "%s: there is no program", c.Name)
	case len(c.Deliveries) == 0:
		p.fault(n, "%s: there are no deliveries", c.Name)
	case c.Expect == nil && c.Grants == nil && c.Rejects == nil:
		p.fault(n, "%s: nothing is expected; for no grants at all, write expect with a header alone", c.Name)
	}
	if len(c.Run) == 0 && len(c.Deliveries) > 0 {
		latest := pipeline.MinDate
		for _, d := range c.Deliveries {
			latest = max(latest, d.Date)
		}
		c.Run = []pipeline.Date{latest}
	}
	return c
}

func (p *caseParser) deliveries(n ast.Node) []Delivery {
	var out []Delivery
	p.pairs(n, func(key, value ast.Node) {
		d := Delivery{Date: p.date(key)}
		p.pairs(value, func(key, value ast.Node) {
			t := p.text(value)
			t.Name = p.text(key).Text
			if DatasetOf(t.Name) == "" {
				p.fault(key, "%q is no dataset: known are %s", t.Name, strings.Join(Datasets, ", "))
			}
			d.Files = append(d.Files, t)
		})
		out = append(out, d)
	})
	return out
}

// DatasetOf returns the dataset that a file's name begins with, empty if it begins with none.
func DatasetOf(name string) string {
	for _, d := range Datasets {
		if strings.HasPrefix(name, d) {
			return d
		}
	}
	return ""
}

// keys calls one function per key of a mapping, in file order.
func (p *caseParser) keys(n ast.Node, known map[string]func(ast.Node)) {
	seen := map[string]bool{}
	p.pairs(n, func(key, value ast.Node) {
		name := p.text(key).Text
		read := known[name]
		switch {
		case read == nil:
			p.fault(key, "unknown key %q%s", name, hint(name, known))
		case seen[name]:
			p.fault(key, "%q comes twice", name)
		default:
			seen[name] = true
			read(value)
		}
	})
}

// hint names the known key that begins as the unknown one does.
func hint(name string, known map[string]func(ast.Node)) string {
	var near []string
	for k := range known {
		if name != "" && (strings.HasPrefix(k, name) || strings.HasPrefix(name, k) || k[0] == name[0]) {
			near = append(near, k)
		}
	}
	if len(near) == 0 {
		return ""
	}
	slices.Sort(near)
	return " (did you mean " + strings.Join(near, " or ") + "?)"
}

func (p *caseParser) pairs(n ast.Node, read func(key, value ast.Node)) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			read(v.Key, v.Value)
		}
	case *ast.MappingValueNode:
		read(n.Key, n.Value)
	case *ast.NullNode:
	default:
		p.fault(n, "here belong keys with values")
	}
}

func (p *caseParser) list(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode:
		return nil
	}
	p.fault(n, "here belongs a list")
	return nil
}

func (p *caseParser) texts(n ast.Node) []string {
	var out []string
	for _, item := range p.list(n) {
		out = append(out, p.text(item).Text)
	}
	return out
}

// text returns a scalar as written, and the line on which it begins.
func (p *caseParser) text(n ast.Node) Text {
	at := n.GetToken().Position.Line
	switch n := n.(type) {
	case *ast.StringNode:
		return Text{Text: n.Value, Line: at}
	case *ast.LiteralNode:
		return Text{Text: n.Value.Value, Line: n.Start.Position.Line + 1}
	case *ast.NullNode:
		return Text{Line: at}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return Text{Text: n.GetToken().Value, Line: at}
	}
	p.fault(n, "here belongs a text")
	return Text{Line: at}
}

func (p *caseParser) date(n ast.Node) pipeline.Date {
	d, err := pipeline.ParseDate(p.text(n).Text)
	if err != nil {
		p.fault(n, "%v", err)
	}
	return d
}

func (p *caseParser) table(n ast.Node, known []string) *Table {
	t := p.text(n)
	if t.Text == "" {
		return &Table{Line: t.Line}
	}
	table, err := ReadTable(t.Text, t.Line)
	if err != nil {
		bad := err.(*TableError)
		p.faults = append(p.faults, Fault{p.file, bad.Line, 1, bad.What})
		return &Table{}
	}
	for _, column := range table.Columns {
		if !slices.Contains(known, column) {
			p.faults = append(p.faults, Fault{p.file, t.Line, 1,
				fmt.Sprintf("unknown column %q: known are %s", column, strings.Join(known, ", "))})
		}
	}
	for _, row := range table.Rows {
		if len(row.Cells) != len(table.Columns) {
			p.faults = append(p.faults, Fault{p.file, row.Line, 1,
				fmt.Sprintf("%d cells under %d columns", len(row.Cells), len(table.Columns))})
		}
	}
	return table
}
