package cases

import (
	"regexp"

	"accrue/pipeline/program"
	"accrue/pipeline/yamlpos"
)

var projectProgram = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

const noProject = "write program: | and the program below it, or run the cases of a project"

// programs reads which programs a case runs: texts of its own, or those of the project, by name or all. It returns
// them as they were read; what is wrong with a text is shown at its place in the case file.
func (p *caseParser) programs(c *Case, m *yamlpos.Map, at yamlpos.Pos) []*program.Family {
	one, several := m.Get("program"), m.Get("programs")
	before := p.Count()
	switch {
	case one != nil && several != nil:
		p.Fault(several.Pos, "keep one of them", "there are both program and programs")
	case one != nil && projectProgram.MatchString(one.Text):
		p.named(c, []*yamlpos.Node{one})
	case one != nil:
		t := p.text(one)
		t.Name = "program.yaml"
		c.Programs = []Text{t}
		return p.families(c, map[string]*yamlpos.Node{t.Name: one}, before)
	case several != nil && several.Kind == yamlpos.List:
		items, _ := p.Items(several, "leave it out to run all programs of the project")
		nodes, _ := p.Distinct(items)
		p.named(c, nodes)
	case several != nil:
		const hint = "name programs of the project, programs: [jcb], or write a text for each file: jcb.yaml: |"
		if m := p.Map(several, hint); m == nil {
			return nil
		}
		nodes := map[string]*yamlpos.Node{}
		for _, e := range several.Entries {
			t := p.text(e.Value)
			t.Name = e.Key
			nodes[e.Key] = e.Value
			c.Programs = append(c.Programs, t)
		}
		return p.families(c, nodes, before)
	case m.Has("program") || m.Has("programs"): // without a value, which was said
	case len(p.project) == 0:
		p.Fault(at, noProject, "there is no program")
	default:
		c.Families = p.project
	}
	return c.Families
}

// named takes programs of the project.
func (p *caseParser) named(c *Case, nodes []*yamlpos.Node) {
	for _, n := range nodes {
		var known []string
		found := false
		for _, f := range p.project {
			known = append(known, f.ID)
			if f.ID == n.Text {
				c.Families, found = append(c.Families, f), true
			}
		}
		switch {
		case found:
		case len(known) == 0:
			p.Fault(n.Pos, noProject, "there is no project whose program %s could be", yamlpos.Quote(n.Text))
		default:
			p.Fault(n.Pos, yamlpos.Meant(n.Text, known), "the project has no program %s", yamlpos.Quote(n.Text))
		}
	}
}

// families reads the texts of a case. Faults are shown where the text stands in the case file.
func (p *caseParser) families(c *Case, nodes map[string]*yamlpos.Node, before int) []*program.Family {
	report := func(faults program.Faults) {
		for _, f := range faults {
			n := nodes[f.Pos.File]
			if f.Rule != "" {
				f.Message = f.Rule + ": " + f.Message
			}
			p.Fault(p.placeIn(n, f.Pos.Line, f.Pos.Column), f.Hint, "%s", f.Message)
		}
	}
	var versions []*program.Program
	for _, t := range c.Programs {
		if t.Beside() {
			continue
		}
		v, faults := program.ParseWith(t.Name, []byte(t.Text), c.open)
		report(faults)
		if v != nil {
			versions = append(versions, v)
		}
	}
	families, faults := program.Families(versions)
	report(faults)
	if p.Count() > before {
		return nil
	}
	return families
}
