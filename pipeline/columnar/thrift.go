package columnar

import (
	"encoding/binary"
	"math"
)

// compact reads what Thrift's compact protocol has written: the descriptions in Parquet files. It takes nothing that is
// longer than what is there, and gives up with a panic that guard turns into an error.
type compact struct {
	b  []byte
	at int
}

// errShort says that the bytes end inside a value.
var errShort = &DamagedError{What: "a description ends too early"}

// Types of the compact protocol.
const (
	compactTrue   = 1
	compactFalse  = 2
	compactByte   = 3
	compactI16    = 4
	compactI64    = 6
	compactDouble = 7
	compactBinary = 8
	compactList   = 9
	compactSet    = 10
	compactMap    = 11
	compactStruct = 12
)

// mostNested is how deep descriptions are nested at most.
const mostNested = 64

func (c *compact) next() byte {
	if c.at >= len(c.b) {
		panic(errShort)
	}
	c.at++
	return c.b[c.at-1]
}

func (c *compact) uvarint() uint64 {
	v, n := binary.Uvarint(c.b[c.at:])
	if n == 0 {
		panic(errShort)
	}
	if n < 0 {
		panic(&DamagedError{What: "a number in a description is too long"})
	}
	c.at += n
	return v
}

func (c *compact) int() int64 {
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1) //nolint:gosec // zigzag, as the protocol has it
}

func (c *compact) skipBytes(n uint64) {
	if n > uint64(len(c.b)-c.at) {
		panic(errShort)
	}
	c.at += int(n) //nolint:gosec // not more than there are
}

// fields calls fn for every field of a struct with its number and type; fn reads the value, or skips it.
func (c *compact) fields(fn func(id int64, typ byte)) {
	id := int64(0)
	for {
		head := c.next()
		if head == 0 {
			return
		}
		if delta := head >> 4; delta > 0 {
			id += int64(delta)
		} else {
			id = c.int()
		}
		fn(id, head&15)
	}
}

// list reads the head of a list and calls fn for each of its parts. Every part takes a byte or more.
func (c *compact) list(fn func(typ byte)) {
	head := c.next()
	n := uint64(head >> 4)
	if n == 15 {
		n = c.uvarint()
	}
	if n > uint64(len(c.b)-c.at) {
		panic(errShort)
	}
	for range n {
		fn(head & 15)
	}
}

// skip steps over a value.
func (c *compact) skip(typ byte, depth int) {
	if depth == 0 {
		panic(&DamagedError{What: "its description is nested too deep"})
	}
	switch typ {
	case compactTrue, compactFalse: // of a field: the type is the value
	case compactByte:
		c.next()
	case compactI16, compactI16 + 1, compactI64:
		c.uvarint()
	case compactDouble:
		c.skipBytes(8)
	case compactBinary:
		c.skipBytes(c.uvarint())
	case compactList, compactSet:
		c.list(func(typ byte) {
			if typ == compactTrue || typ == compactFalse {
				c.next()
				return
			}
			c.skip(typ, depth-1)
		})
	case compactStruct:
		c.fields(func(_ int64, typ byte) { c.skip(typ, depth-1) })
	default: // maps are in no description
		panic(&DamagedError{What: "a description has a value of an unknown type"})
	}
}

// size reads a number that counts or measures something, or says where it is.
func (c *compact) size(typ byte) int64 {
	if typ < compactI16 || typ > compactI64 {
		panic(&DamagedError{What: "a description has something else in the place of a number"})
	}
	v := c.int()
	if v < 0 || v > math.MaxInt64/4 {
		panic(&DamagedError{What: "a size in its description cannot be"})
	}
	return v
}
