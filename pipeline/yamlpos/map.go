package yamlpos

import "slices"

// Map is a mapping whose keys are taken out one by one, so that those that nobody took are known at the end.
type Map struct {
	c     *Checker
	node  *Node
	taken []string
}

// Map starts reading a mapping; empty ones are refused. For nil and for other kinds of nodes it returns nil, which
// has no keys.
func (c *Checker) Map(n *Node, hint string) *Map {
	m := c.MapOrEmpty(n, hint)
	if m != nil && len(n.Entries) == 0 {
		c.Fault(n.Pos, "leave it out, or say something", "%s is empty", n.Name)
		return nil
	}
	return m
}

// MapOrEmpty is Map for a mapping that may be empty.
func (c *Checker) MapOrEmpty(n *Node, hint string) *Map {
	if n == nil {
		return nil
	}
	if n.Kind != Mapping {
		c.Wrong(n, "a mapping", hint)
		return nil
	}
	return &Map{c: c, node: n}
}

// Get takes a key. It returns nil where the key is not there, or has no value, which is a fault.
func (m *Map) Get(key string) *Node {
	if m == nil {
		return nil
	}
	m.taken = append(m.taken, key)
	n := m.node.Get(key)
	if n != nil && n.Kind == Null {
		m.c.Fault(n.Pos, "write a value, or leave the key out", "%s has no value", key)
		return nil
	}
	return n
}

// Pos is where the mapping begins.
func (m *Map) Pos() Pos { return m.node.Pos }

// Has reports whether the key is written, with a value or without, and does not take it.
func (m *Map) Has(key string) bool { return m != nil && m.node.Get(key) != nil }

// Need is Get for a key that must be there.
func (m *Map) Need(key, hint string) *Node {
	if m == nil {
		return nil
	}
	if m.node.Get(key) == nil {
		m.taken = append(m.taken, key)
		m.c.Fault(m.node.Pos, hint, "%s is missing", key)
		return nil
	}
	return m.Get(key)
}

// Rest returns the entries that were not taken.
func (m *Map) Rest() []Entry {
	if m == nil {
		return nil
	}
	var rest []Entry
	for _, e := range m.node.Entries {
		if !slices.Contains(m.taken, e.Key) {
			rest = append(rest, e)
		}
	}
	return rest
}

// Taken returns the keys that were asked for, whether they are there or not: those that the mapping may have.
func (m *Map) Taken() []string {
	if m == nil {
		return nil
	}
	return m.taken
}

// Close reports the keys that nobody took.
func (m *Map) Close() {
	for _, e := range m.Rest() {
		m.c.Fault(e.KeyPos, Meant(e.Key, m.taken), "unknown key %s", Quote(e.Key))
	}
}
