package yamlpos

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Checker reads a document and collects what is wrong with it. Its readers return ok = false where they found a
// fault or the node is nil, and have reported it.
type Checker struct {
	Doc    *Document
	rule   string
	faults Faults
}

// NewChecker starts on a document.
func NewChecker(doc *Document) *Checker { return &Checker{Doc: doc} }

// In says which rule the faults from here on are in; "" for none.
func (c *Checker) In(rule string) { c.rule = rule }

// Fault reports a fault.
func (c *Checker) Fault(pos Pos, hint, format string, args ...any) {
	c.faults = append(c.faults, c.Doc.Fault(pos, c.rule, fmt.Sprintf(format, args...), hint))
}

// FaultIn reports a fault in another file that the document names.
func (c *Checker) FaultIn(doc *Document, pos Pos, hint, format string, args ...any) {
	c.InDocument(doc, func() { c.Fault(pos, hint, format, args...) })
}

// InDocument lets fn read values of another file that the document names: faults show its lines.
func (c *Checker) InDocument(doc *Document, fn func()) {
	outer := c.Doc
	c.Doc = doc
	fn()
	c.Doc = outer
}

// Faults returns what was found, sorted.
func (c *Checker) Faults() Faults {
	c.faults.Sort()
	return c.faults
}

// Count returns the number of faults so far.
func (c *Checker) Count() int { return len(c.faults) }

// Wrong reports that a node is not what is wanted (`a date`), and says what it is.
func (c *Checker) Wrong(n *Node, want, hint string) {
	switch n.Kind {
	case Null:
		c.Fault(n.Pos, hint, "%s has no value", n.Name)
	case List, Mapping:
		c.Fault(n.Pos, hint, "%s must be %s, not %s", n.Name, want, n.Kind)
	default:
		c.Fault(n.Pos, hint, "%s must be %s, not %s", n.Name, want, Quote(n.Text))
	}
}

// Text reads a text that is not empty. A number counts as the text that it is written as, so that ids need no
// quotes.
func (c *Checker) Text(n *Node) (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.Kind {
	case Text, Number:
		if n.Text == "" {
			c.Fault(n.Pos, "write a text, or leave it out", "%s is empty", n.Name)
			return "", false
		}
		return n.Text, true
	case Bool:
		c.Wrong(n, "a text", fmt.Sprintf("put it in quotes: %q", n.Text))
		return "", false
	}
	c.Wrong(n, "a text", "write one text")
	return "", false
}

// OneOf reads a text that is one of a few words.
func (c *Checker) OneOf(n *Node, words ...string) (string, bool) {
	s, ok := c.Text(n)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, s) {
		c.Fault(n.Pos, Meant(s, words), "%s cannot be %s", n.Name, Quote(s))
		return "", false
	}
	return s, true
}

// Bool reads true or false.
func (c *Checker) Bool(n *Node) (value, ok bool) {
	if n == nil {
		return false, false
	}
	if n.Kind != Bool {
		c.Wrong(n, "true or false", "write true or false, without quotes")
		return false, false
	}
	return strings.EqualFold(n.Text, "true"), true
}

// Int reads a whole number within bounds, both inclusive.
func (c *Checker) Int(n *Node, least, most int64) (int64, bool) {
	if n == nil {
		return 0, false
	}
	if n.Kind != Number || !isWhole(n.Text) {
		c.Wrong(n, "a whole number", wholeHint(n))
		return 0, false
	}
	v, err := strconv.ParseInt(n.Text, 10, 64)
	if err == nil && v >= least && v <= most {
		return v, true
	}
	hint := fmt.Sprintf("%d to %d are possible", least, most)
	if err == nil && v < least || strings.HasPrefix(n.Text, "-") {
		c.Fault(n.Pos, hint, "%s must be at least %d", n.Name, least)
	} else {
		c.Fault(n.Pos, hint, "%s must be at most %d", n.Name, most)
	}
	return 0, false
}

func wholeHint(n *Node) string {
	if n.Quoted && isWhole(n.Text) {
		return "write it without quotes"
	}
	return "write digits only"
}

// isWhole reports -?digits without a leading zero, which some readers take for an octal number.
func isWhole(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// List reads a list, which may be empty.
func (c *Checker) List(n *Node) ([]*Node, bool) {
	if n == nil {
		return nil, false
	}
	if n.Kind != List {
		hint := "write a list: [a, b]"
		if n.Kind == Text || n.Kind == Number {
			hint = fmt.Sprintf("write a list: [%s]", short(n.Text))
		}
		c.Wrong(n, "a list", hint)
		return nil, false
	}
	return n.Items, true
}

// Items reads a list that is not empty.
func (c *Checker) Items(n *Node, hint string) ([]*Node, bool) {
	items, ok := c.List(n)
	if ok && len(items) == 0 {
		c.Fault(n.Pos, hint, "%s is an empty list", n.Name)
		return nil, false
	}
	return items, ok
}

// Texts reads a list of texts that is not empty and has none of them twice.
func (c *Checker) Texts(n *Node) ([]string, bool) {
	items, ok := c.Items(n, "an empty list fits nothing; leave the key out to fit everything")
	nodes, good := c.Distinct(items)
	var out []string
	for _, it := range nodes {
		out = append(out, it.Text)
	}
	return out, ok && good
}

// Distinct checks that the items of a list are texts and none is there twice, and returns those that are good.
func (c *Checker) Distinct(items []*Node) ([]*Node, bool) {
	ok := true
	seen := map[string]bool{}
	var out []*Node
	for _, it := range items {
		s, good := c.Text(it)
		switch {
		case !good:
			ok = false
		case seen[s]:
			c.Fault(it.Pos, "name it once", "%s names %s twice", it.Name, Quote(s))
			ok = false
		default:
			seen[s] = true
			out = append(out, it)
		}
	}
	return out, ok
}
