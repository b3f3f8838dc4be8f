package yamlpos

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// node turns the parser's tree into ours. The depth was bounded before.
func (p *reading) node(n ast.Node, name string) *Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		return p.mapping(n, name)
	case *ast.MappingValueNode:
		out := &Node{Kind: Mapping, Name: name, Pos: p.pos(n.Key.GetToken())}
		p.entry(out, n, map[string]Pos{})
		return out
	case *ast.SequenceNode:
		out := &Node{Kind: List, Name: name, Pos: p.pos(n.Start)}
		for _, v := range n.Values {
			out.Items = append(out.Items, p.node(v, name))
		}
		return out
	}
	return p.scalar(n, name)
}

func (p *reading) mapping(n *ast.MappingNode, name string) *Node {
	out := &Node{Kind: Mapping, Name: name, Pos: p.pos(n.Start)}
	if !n.IsFlowStyle && len(n.Values) > 0 {
		out.Pos = p.pos(n.Values[0].Key.GetToken()) // Start is the first colon there
	}
	seen := map[string]Pos{}
	for _, v := range n.Values {
		p.entry(out, v, seen)
	}
	return out
}

func (p *reading) entry(m *Node, v *ast.MappingValueNode, seen map[string]Pos) {
	key := p.scalar(v.Key, "key")
	value := p.node(v.Value, short(key.Text))
	if value.Kind == Null && !p.written(value) {
		value.Pos = key.Pos // the parser puts what is not there after the colon, or on the next line
	}
	if first, ok := seen[key.Text]; ok {
		p.fault(key.Pos.Line, key.Pos.Column, fmt.Sprintf("the key %s is there twice", Quote(key.Text)),
			fmt.Sprintf("the first one is on line %d; keep one of them", first.Line))
		return
	}
	seen[key.Text] = key.Pos
	m.Entries = append(m.Entries, Entry{Key: key.Text, KeyPos: key.Pos, KeyKind: key.Kind, Value: value})
}

// written reports whether a null is there to be seen.
func (p *reading) written(n *Node) bool {
	rest := p.doc.line(n.Pos.Line)[n.Pos.Column-1:]
	return len(rest) >= len(n.Text) && string(rest[:len(n.Text)]) == n.Text
}

func (p *reading) scalar(n ast.Node, name string) *Node {
	out := &Node{Kind: Text, Name: name, Pos: Pos{File: p.doc.File, Line: 1, Column: 1}}
	if n == nil {
		out.Kind = Null
		return out
	}
	tk := n.GetToken()
	out.Pos = p.pos(tk)
	p.used[tk] = true
	out.Text = tk.Value
	switch n := n.(type) {
	case *ast.StringNode:
		out.Quoted = tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		out.Text, out.Quoted = n.Value.Value, true
		p.used[n.Value.GetToken()] = true
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.Kind = Number
	case *ast.BoolNode:
		out.Kind = Bool
	case *ast.NullNode:
		out.Kind = Null
	default:
		p.fault(out.Pos.Line, out.Pos.Column, "this part of YAML is not read", "write a text, a number, a list or a mapping")
	}
	return out
}
