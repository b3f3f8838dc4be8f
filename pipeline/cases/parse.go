package cases

import (
	"os"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/yamlpos"
	"accrue/schemas"
)

// ParseFile reads a case file from disk. Its cases have programs of their own.
func ParseFile(path string) ([]Case, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse reads the text of a case file whose cases have programs of their own; the name is for messages. The error is
// of type yamlpos.Faults, all at once.
func Parse(name string, text []byte) ([]Case, error) {
	list, faults := ParseFor(name, text, nil)
	if len(faults) > 0 {
		return nil, faults
	}
	return list, nil
}

// ParseFor is Parse for cases that may leave the programs to a project: those that name none use all of its programs.
func ParseFor(name string, text []byte, project []*program.Family) ([]Case, yamlpos.Faults) {
	doc, faults := yamlpos.Parse(name, text)
	if len(faults) > 0 {
		return nil, faults
	}
	p := &caseParser{Checker: yamlpos.NewChecker(doc), project: project, names: map[string]int{}}
	m := p.Map(doc.Root, "")
	items, _ := p.Items(m.Need("cases", "write cases: and below it a list of cases, each with a name"), "write a case: - name: …")
	m.Close()
	var out []Case
	for _, it := range items {
		out = append(out, p.parseCase(it))
	}
	if faults := p.Faults(); len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}

// caseParser reads one case file.
type caseParser struct {
	*yamlpos.Checker
	project []*program.Family
	names   map[string]int // of the cases so far, with their lines
}

func (p *caseParser) parseCase(n *yamlpos.Node) Case {
	c := Case{File: n.Pos.File, Line: n.Pos.Line}
	p.In("")
	m := p.Map(n, "write a case as - name: …, with deliveries and expect below it")
	if m == nil {
		return c
	}
	c.Name = p.name(m)
	p.In(c.Name)
	c.Covers, _ = p.Texts(m.Get("covers"))
	families := p.programs(&c, m, n.Pos)
	c.Rules = p.rules(m.Get("rules"), families)
	c.Deliveries = p.deliveries(m.Need("deliveries", "write deliveries: and below it a date with its files"))
	c.Run = p.runs(m.Get("run"), c.Deliveries)
	if !m.Has("expect") && !m.Has("grants") && !m.Has("rejects") {
		p.Fault(n.Pos, "for no grants at all, write expect with a header alone", "nothing is expected")
	}
	names := expected{families: families, rules: c.Rules}
	c.Expect = p.table(m.Get("expect"), EntitlementColumns, names)
	c.Grants = p.grants(m.Get("grants"), names)
	c.Rejects = p.table(m.Get("rejects"), RejectColumns, expected{})
	m.Close()
	p.In("")
	return c
}

// name reads the name of a case, which no other case of the file has.
func (p *caseParser) name(m *yamlpos.Map) string {
	n := m.Need("name", "say in a few words what is special about the case")
	name, ok := p.Text(n)
	if !ok {
		return ""
	}
	if line, twice := p.names[name]; twice {
		p.Fault(n.Pos, "give each case a name of its own", "the case on line %d has the same name", line)
	}
	p.names[name] = n.Pos.Line
	return name
}

// rules reads the rules that the case speaks of. Without families nothing is known of them.
func (p *caseParser) rules(n *yamlpos.Node, families []*program.Family) []string {
	items, _ := p.Items(n, "leave it out to speak of all rules")
	nodes, _ := p.Distinct(items)
	var out []string
	for _, it := range nodes {
		if message, hint := (expected{families: families}).fault("rule", it.Text); message != "" {
			p.Fault(it.Pos, hint, "%s", message)
		}
		out = append(out, it.Text)
	}
	return out
}

func (p *caseParser) deliveries(n *yamlpos.Node) []Delivery {
	const hint = "write 2026-11-20: and below it the files, transactions: | and rows of CSV"
	if m := p.Map(n, hint); m == nil {
		return nil
	}
	var out []Delivery
	for _, e := range n.Entries {
		d := Delivery{Date: p.date(e.KeyPos, e.Key)}
		if files := p.MapOrEmpty(e.Value, hint); files != nil {
			for _, f := range e.Value.Entries {
				d.Files = append(d.Files, p.file(f))
			}
		}
		out = append(out, d)
	}
	return out
}

// file reads the rows of one file and looks at its header: what cannot be loaded is said here, with its place.
func (p *caseParser) file(e yamlpos.Entry) Text {
	t := p.text(e.Value)
	t.Name = e.Key
	dataset := DatasetOf(e.Key)
	if dataset == "" {
		p.Fault(e.KeyPos, yamlpos.Meant(e.Key, Datasets), "%s is no dataset", yamlpos.Quote(e.Key))
		return t
	}
	table, err := ReadTable(t.Text, 1)
	if err != nil {
		p.tableFault(e.Value, err)
		return t
	}
	for _, d := range schemas.Datasets {
		if d.Name == dataset {
			p.header(e.Value, d, table)
		}
	}
	return t
}

// header holds the columns of a file against the contract. Columns that are not known are ignored when the file is
// loaded; here they are refused where they look like a known one that was mistyped.
func (p *caseParser) header(n *yamlpos.Node, d *schemas.Dataset, table *Table) {
	has := map[string]bool{}
	for _, c := range table.Columns {
		has[c] = true
	}
	var absent []string
	for _, f := range d.Fields() {
		if has[f.Name] {
			continue
		}
		absent = append(absent, f.Name)
		if f.Required {
			p.Fault(p.placeIn(n, table.HeaderLine, 1), "the first line names the columns", "the column %s is missing", f.Name)
		}
	}
	for i, c := range table.Columns {
		if _, known := d.Field(c); known {
			continue
		}
		if near := yamlpos.Nearest(c, absent); near != "" {
			p.Fault(p.placeIn(n, table.HeaderLine, table.HeaderAt[i]), "did you mean "+yamlpos.Quote(near)+"?",
				"%s have no column %s", d.Name, yamlpos.Quote(c))
		}
	}
}

// runs reads the dates of the nightly runs; without any, there is one at the latest delivery's date.
func (p *caseParser) runs(n *yamlpos.Node, deliveries []Delivery) []pipeline.Date {
	var out []pipeline.Date
	items, _ := p.Items(n, "leave it out for one run on the latest delivery's date")
	for _, it := range items {
		if s, ok := p.Text(it); ok {
			out = append(out, p.date(it.Pos, s))
		}
	}
	if n == nil && len(deliveries) > 0 {
		latest := pipeline.MinDate
		for _, d := range deliveries {
			latest = max(latest, d.Date)
		}
		out = []pipeline.Date{latest}
	}
	return out
}

func (p *caseParser) grants(n *yamlpos.Node, names expected) map[pipeline.Date]*Table {
	if m := p.Map(n, "write the date of a run and below it the rows that it posts"); m == nil {
		return nil
	}
	out := map[pipeline.Date]*Table{}
	for _, e := range n.Entries {
		out[p.date(e.KeyPos, e.Key)] = p.table(e.Value, GrantColumns, names)
	}
	return out
}

func (p *caseParser) date(at yamlpos.Pos, text string) pipeline.Date {
	d, err := pipeline.ParseDate(text)
	if err != nil {
		p.Fault(at, "write YYYY-MM-DD, a day that exists", "%s is not a date", yamlpos.Quote(text))
	}
	return d
}

// text returns a scalar as written, and the line on which it begins. Nothing at all is an empty text.
func (p *caseParser) text(n *yamlpos.Node) Text {
	if n == nil || n.Kind == yamlpos.Null {
		return Text{}
	}
	if n.Kind == yamlpos.List || n.Kind == yamlpos.Mapping {
		p.Wrong(n, "a text", "write | and the lines below it, indented")
		return Text{}
	}
	return Text{Text: n.Text, Line: p.placeIn(n, 1, 1).Line}
}

// placeIn turns a place in the text of a scalar into a place in the file. Only a block that keeps its lines has
// places; for other scalars it is where they begin.
func (p *caseParser) placeIn(n *yamlpos.Node, line, column int) yamlpos.Pos {
	at := n.Pos
	head := []rune(p.Doc.Line(at.Line))
	if at.Column > len(head) || head[at.Column-1] != '|' {
		return at
	}
	indent := -1
	for l := at.Line + 1; indent < 0 && l-at.Line <= strings.Count(n.Text, "\n")+1; l++ {
		if text := p.Doc.Line(l); strings.TrimSpace(text) != "" {
			indent = len(text) - len(strings.TrimLeft(text, " "))
		}
	}
	return yamlpos.Pos{File: at.File, Line: at.Line + line, Column: max(indent, 0) + column}
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
