package program

import (
	"regexp"

	"accrue/pipeline/yamlpos"
)

// Opener reads a file that a program file names, and returns its path for messages.
type Opener func(name string) (path string, text []byte, err error)

// Parse reads one program file. The file name is for messages. It returns either the program or all faults of the
// file. Files that it names are not read, which is a fault.
func Parse(file string, text []byte) (*Program, Faults) { return ParseWith(file, text, nil) }

// ParseWith is Parse for a program file that may name others.
func ParseWith(file string, text []byte, open Opener) (*Program, Faults) {
	doc, faults := yamlpos.Parse(file, text)
	if len(faults) > 0 {
		return nil, faults
	}
	r := &reader{
		Checker: yamlpos.NewChecker(doc),
		p:       &Program{File: file, SHA256: newFile(file, text).SHA256, Source: string(text), doc: doc, DefaultTier: -1},
		open:    open,
	}
	r.frame(r.Map(doc.Root, ""))
	if faults := r.Faults(); len(faults) > 0 {
		return nil, faults
	}
	r.p.all = withReferees(r.p.Rules)
	r.p.warn()
	return r.p, nil
}

// reader reads one file into p. What it could not read it leaves out of p and reports; nothing that follows only
// from an earlier fault is reported.
type reader struct {
	*yamlpos.Checker
	p    *Program
	open Opener // nil where no other file can be read
	// tiers and rewards by id. Where one of them has no id that can be read, nobody can say which ids are unknown.
	tiers         map[string]int
	tiersUnsure   bool
	rewards       map[string]*Reward
	rewardsUnsure bool
	// rules are all rules that have an id, faulty ones too.
	rules map[string]ruleHead
}

// frame reads the file's top level. Tiers and rewards come before what names them.
func (r *reader) frame(m *yamlpos.Map) {
	r.identity(m)
	r.calendar(m)
	r.ladder(m)
	r.spend(m)
	r.readRewards(m)
	limits, rules := m.Get("limits"), m.Need("rules", "a program needs at least one rule")
	m.Close()
	r.programLimits(limits)
	r.readRules(rules)
}

func (r *reader) identity(m *yamlpos.Map) {
	p := r.p
	p.ID = r.id(m.Need("program", "write the program's id: program: my-program"))
	version, _ := r.Int(m.Need("version", "write version: 1, and count on with every change"), 1, maxVersion)
	p.Version = int(version)
	p.EffectiveFrom = r.date(m.Need("effective_from", "write the first business date of this version"), 0)
	p.Name = r.optionalText(m.Get("name"))
}

func (r *reader) optionalText(n *yamlpos.Node) string {
	s, _ := r.Text(n)
	return s
}

// maxVersion keeps versions within an INTEGER column.
const maxVersion = 1_000_000_000

// maxID is the most bytes of an id: ids go into grant ids and into paths.
const maxID = 64

var idForm = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// tierID reads the id of a tier, which is a value of the members export: any text. It goes into no path.
func (r *reader) tierID(n *yamlpos.Node) string {
	s, ok := r.Text(n)
	switch {
	case !ok:
		return ""
	case len(s) > maxID:
		r.Fault(n.Pos, "name it as the members export does", "%s has %d bytes; at most %d", n.Name, len(s), maxID)
		return ""
	}
	return s
}

// id reads the id of a program, rule or reward; "" where it is missing or faulty.
func (r *reader) id(n *yamlpos.Node) string {
	s, ok := r.Text(n)
	if !ok || !r.isID(n.Pos, n.Name, s) {
		return ""
	}
	return s
}

// isID reports a text that is no id.
func (r *reader) isID(pos Pos, name, s string) bool {
	switch {
	case len(s) > maxID:
		r.Fault(pos, "it goes into grant ids and paths: keep it short", "%s has %d bytes; at most %d", name, len(s), maxID)
	case !idForm.MatchString(s) || s == "." || s == "..":
		r.Fault(pos, "use letters, digits, _ . and -", "%s cannot be %s", name, yamlpos.Quote(s))
	default:
		return true
	}
	return false
}
