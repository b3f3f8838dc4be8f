package yamlpos

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds that keep a hostile or broken file from taking minutes or the stack: no file that a person writes comes
// near them.
const (
	MaxBytes  = 2 << 20
	maxTokens = 200_000
	maxDepth  = 64
)

// Parse reads one file. The file name is only used in places. It returns either a document whose root is a mapping,
// or faults. Repeated keys are faults too.
func Parse(file string, text []byte) (*Document, Faults) {
	p := &reading{doc: &Document{File: file}, used: map[*token.Token]bool{}}
	if len(text) > MaxBytes {
		p.fault(1, 1, fmt.Sprintf("the file has %d bytes; at most %d are read", len(text), MaxBytes), "is it the right file?")
		return nil, p.faults
	}
	clean := p.clean(text)
	if len(p.faults) == 0 {
		p.parse(clean)
	}
	if len(p.faults) > 0 {
		p.faults.Sort()
		return nil, p.faults
	}
	return p.doc, nil
}

// reading is one file being read.
type reading struct {
	doc    *Document
	faults Faults
	used   map[*token.Token]bool // scalars that found their place in the tree
}

func (p *reading) fault(line, column int, message, hint string) {
	pos := Pos{File: p.doc.File, Line: line, Column: column}
	p.faults = append(p.faults, p.doc.Fault(pos, "", message, hint))
}

// clean drops a byte order mark, makes all line ends LF, splits the lines, and refuses what is no text.
func (p *reading) clean(text []byte) string {
	s := strings.TrimPrefix(string(text), "\ufeff")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	p.doc.lines = strings.Split(strings.ToValidUTF8(s, "\ufffd"), "\n")
	line, column := 1, 1
	for i, r := range s {
		switch {
		case r == '\n':
			line, column = line+1, 1
			continue
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			p.fault(line, column, "a byte that is not UTF-8", "save the file as UTF-8")
			return s
		case r < ' ' && r != '\t' || r == 0x7f || r == '\ufeff':
			p.fault(line, column, fmt.Sprintf("a control character (%U)", r), "remove it; it does not show in most editors")
			return s
		}
		column++
	}
	return s
}

func (p *reading) parse(text string) {
	// The parser is other people's code and this is other people's text: a panic is a fault of the file as well.
	defer func() {
		if r := recover(); r != nil {
			p.fault(1, 1, "the file cannot be read as YAML", notYAML)
		}
	}()
	tokens := lexer.Tokenize(text)
	if p.checkTokens(tokens); len(p.faults) > 0 {
		return
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p.syntaxError(err)
		return
	}
	var body ast.Node
	for _, d := range parsed.Docs {
		if d.Body != nil {
			body = d.Body
		}
	}
	if body == nil || body.Type() == ast.NullType {
		p.fault(1, 1, "the file is empty", "write keys and values, `key: value` a line")
		return
	}
	root := p.node(body, "the file")
	if root.Kind != Mapping {
		p.fault(root.Pos.Line, root.Pos.Column, "the file is "+root.Kind.String()+", not a mapping of keys to values", "write keys and values, `key: value` a line")
		return
	}
	p.checkComplete(tokens)
	p.doc.Root = root
}

func (p *reading) syntaxError(err error) {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		p.fault(1, 1, "the file cannot be read as YAML: "+err.Error(), notYAML)
		return
	}
	pos := p.pos(at.GetToken())
	message, hint := explain(at.GetMessage())
	if line := p.doc.line(pos.Line); message == itemAmongKeys && pos.Column <= len(line) && line[pos.Column-1] != '-' {
		message, hint = noKey, noKeyHint
	}
	p.fault(pos.Line, pos.Column, message, hint)
}

// checkComplete holds the tree against the tokens: a scalar of the file that is not in the tree would be something
// that a person wrote and nobody reads.
func (p *reading) checkComplete(tokens token.Tokens) {
	for _, tk := range tokens {
		if isScalar(tk) && !p.used[tk] {
			pos := p.pos(tk)
			p.fault(pos.Line, pos.Column, "this cannot be read as YAML here", "check the indentation around it, or put it in quotes")
		}
	}
}

// notYAML is the hint where nothing better is known.
const notYAML = "check the indentation and the quotes"

func isScalar(tk *token.Token) bool {
	switch tk.Type {
	case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.NullType, token.BoolType,
		token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.FloatType,
		token.InfinityType, token.NanType:
		return true
	}
	return false
}
