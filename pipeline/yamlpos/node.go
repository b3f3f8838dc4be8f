package yamlpos

import "strings"

// Kind says what a node is.
type Kind int

// Kinds of nodes.
const (
	Text   Kind = iota // a scalar that YAML reads as text, quoted or not
	Number             // an unquoted scalar that YAML reads as a number
	Bool               // true or false
	Null               // nothing, null or ~
	List
	Mapping
)

// String names the kind as messages do.
func (k Kind) String() string {
	return [...]string{"a text", "a number", "true or false", "empty", "a list", "a mapping"}[k]
}

// Node is one value of a file with its place.
type Node struct {
	Kind   Kind
	Pos    Pos
	Name   string // the key that it stands under, a list item: its list's; for messages
	Text   string // of a scalar, as written, without quotes
	Quoted bool   // a scalar in quotes, or a block of text
	Items  []*Node
	// Entries of a mapping in file order; keys are unique.
	Entries []Entry
}

// Entry is one key of a mapping with its value.
type Entry struct {
	Key     string
	KeyPos  Pos
	KeyKind Kind // of the key as a scalar
	Value   *Node
}

// Get returns the value of a key, nil where a mapping does not have it or the node is no mapping.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// Document is a file that was read: its tree and its lines.
type Document struct {
	File string
	Root *Node // a Mapping

	lines []string // without their ends
	// The line that was asked for last: a file of one long line is asked for it again and again.
	cached int
	runes  []rune
	tabbed bool // has a tab
}

// Lines returns a document of a text that is no YAML, so that faults can show its lines.
func Lines(file string, text []byte) *Document {
	lines := strings.Split(string(text), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return &Document{File: file, lines: lines}
}

// Line returns the text of a line, counting from 1; "" where there is none.
func (d *Document) Line(n int) string { return string(d.line(n)) }

func (d *Document) line(n int) []rune {
	if n < 1 || n > len(d.lines) {
		return nil
	}
	if d.cached != n {
		d.cached, d.runes, d.tabbed = n, []rune(d.lines[n-1]), strings.Contains(d.lines[n-1], "\t")
	}
	return d.runes
}

// Fault makes a fault at a place of the document.
func (d *Document) Fault(pos Pos, rule, message, hint string) Fault {
	f := Fault{Pos: pos, Rule: rule, Message: message, Hint: hint}
	f.Source, f.Caret = window(d.line(pos.Line), pos.Column)
	return f
}
