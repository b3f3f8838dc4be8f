package yamlpos

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// checkTokens refuses what is not read before the parser sees it: the parser recurses into nesting, follows
// aliases, and stops at its first error.
func (p *reading) checkTokens(tokens token.Tokens) {
	if len(tokens) > maxTokens {
		p.fault(1, 1, fmt.Sprintf("the file has more than %d words and signs", maxTokens), "is it the right file?")
		return
	}
	var d depth
	content, ended := false, false
	for _, tk := range tokens {
		switch tk.Type {
		case token.CommentType:
			continue
		case token.DocumentHeaderType, token.DocumentEndType:
			ended = ended || content
			continue
		}
		if ended {
			p.refuse(tk, "a second document starts here", "one file holds one document: put the rest into a file of its own")
			return
		}
		if what, hint := unread(tk); what != "" {
			if p.refuse(tk, what, hint); len(p.faults) == maxUnread {
				return
			}
		}
		content = content || tk.Type != token.DirectiveType
		if d.step(tk) > maxDepth {
			p.refuse(tk, fmt.Sprintf("nested more than %d deep", maxDepth), "is it the right file?")
			return
		}
	}
}

// maxUnread is how many parts that are not read are reported: such a file was written for something else.
const maxUnread = 50

func (p *reading) refuse(tk *token.Token, message, hint string) {
	pos := p.pos(tk)
	p.fault(pos.Line, pos.Column, message, hint)
}

// unread says what is wrong with a token of the part of YAML that is not read; "" for all others.
func unread(tk *token.Token) (message, hint string) {
	switch tk.Type {
	case token.AnchorType:
		return "anchors (&name) are not read", "write the value out where it is needed; put a text that starts with & in quotes"
	case token.AliasType:
		return "aliases (*name) are not read", "write the value out where it is needed; put a text that starts with * in quotes"
	case token.MergeKeyType:
		return "merge keys (<<) are not read", "write the keys out where they are needed"
	case token.TagType:
		return "tags (!name) are not read", "leave the tag out; a value in quotes is a text"
	case token.DirectiveType:
		return "directives (%NAME) are not read", "leave the line out; put a text that starts with % in quotes"
	case token.MappingKeyType:
		return "keys with ? are not read", "write key: value"
	}
	return "", ""
}

// depth bounds the nesting from above without parsing: every flow bracket, and every column that an open block
// started in, is a level.
type depth struct {
	flow    int
	columns []int
	line    int
}

func (d *depth) step(tk *token.Token) int {
	switch tk.Type {
	case token.MappingStartType, token.SequenceStartType:
		d.flow++
	case token.MappingEndType, token.SequenceEndType:
		d.flow = max(d.flow-1, 0)
	}
	if tk.Position == nil {
		return d.flow + len(d.columns)
	}
	first := tk.Position.Line != d.line
	d.line = tk.Position.Line
	if d.flow == 0 && (first || tk.Type == token.SequenceEntryType || tk.PreviousType() == token.SequenceEntryType) {
		c := tk.Position.Column
		for len(d.columns) > 0 && d.columns[len(d.columns)-1] >= c {
			d.columns = d.columns[:len(d.columns)-1]
		}
		d.columns = append(d.columns, c)
	}
	return d.flow + len(d.columns)
}

// pos returns the place of a token. The lexer counts a tab before a value as nothing, so the place is held against
// the line's text.
func (p *reading) pos(tk *token.Token) Pos {
	pos := Pos{File: p.doc.File, Line: 1, Column: 1}
	if tk == nil || tk.Position == nil {
		return pos
	}
	pos.Line = min(max(tk.Position.Line, 1), max(len(p.doc.lines), 1))
	line := p.doc.line(pos.Line)
	pos.Column = min(max(tk.Position.Column, 1), len(line)+1)
	want := strings.TrimLeft(tk.Origin, " \t\n")
	want, _, _ = strings.Cut(want, "\n")
	first, _ := utf8.DecodeRuneInString(want)
	for shift := 0; shift < maxShift && want != "" && p.doc.tabbed; shift++ {
		if at := pos.Column - 1 + shift; at < len(line) && line[at] == first {
			pos.Column += shift
			break
		}
	}
	return pos
}

// maxShift is how many tabs before a value are made good.
const maxShift = 16
