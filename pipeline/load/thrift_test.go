package load

import (
	"encoding/binary"
	"fmt"
)

// The descriptions in a Parquet file are in Thrift's compact protocol. Here they are a tree whose numbers can be changed
// one by one, and which can be written again.

// Types of the compact protocol.
const (
	thriftTrue, thriftFalse         = 1, 2
	thriftByte                      = 3
	thriftI16, thriftI32, thriftI64 = 4, 5, 6
	thriftDouble, thriftBinary      = 7, 8
	thriftList, thriftSet           = 9, 10
	thriftStruct                    = 12
)

// thrift is a value: a number, a text, or what is made of others.
type thrift struct {
	typ    byte
	name   string // where it stands: the numbers of the fields above it
	id     int    // of the field
	number int64  // of integers
	bytes  []byte // of texts and doubles
	parts  []*thrift
	elem   byte  // type of a list's parts
	size   int64 // that a list or a text is said to have, where that is a lie; -1 for the truth
}

type thriftReader struct {
	b  []byte
	at int
}

func (r *thriftReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		panic("no varint")
	}
	r.at += n
	return v
}

func (r *thriftReader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// value reads a value of a type.
func (r *thriftReader) value(typ byte, name string) *thrift {
	v := &thrift{typ: typ, name: name, size: -1}
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		v.bytes = r.b[r.at : r.at+1]
		r.at++
	case thriftI16, thriftI32, thriftI64:
		v.number = r.varint()
	case thriftDouble:
		v.bytes = r.b[r.at : r.at+8]
		r.at += 8
	case thriftBinary:
		n := int(r.uvarint())
		v.bytes = r.b[r.at : r.at+n]
		r.at += n
	case thriftList, thriftSet:
		head := r.b[r.at]
		r.at++
		n := int(head >> 4)
		if n == 15 {
			n = int(r.uvarint())
		}
		v.elem = head & 15
		for i := range n {
			v.parts = append(v.parts, r.value(v.elem, fmt.Sprintf("%s[%d]", name, i)))
		}
	case thriftStruct:
		id := 0
		for r.b[r.at] != 0 {
			head := r.b[r.at]
			r.at++
			if head>>4 == 0 {
				id = int(r.varint())
			} else {
				id += int(head >> 4)
			}
			part := r.value(head&15, fmt.Sprintf("%s.%d", name, id))
			part.id = id
			v.parts = append(v.parts, part)
		}
		r.at++
	default:
		panic(fmt.Sprintf("a value of type %d", typ))
	}
	return v
}

// append writes the value.
func (v *thrift) append(b []byte) []byte {
	switch v.typ {
	case thriftI16, thriftI32, thriftI64:
		return binary.AppendUvarint(b, uint64(v.number)<<1^uint64(v.number>>63))
	case thriftByte, thriftDouble:
		return append(b, v.bytes...)
	case thriftBinary:
		return append(binary.AppendUvarint(b, v.said(len(v.bytes))), v.bytes...)
	case thriftList, thriftSet:
		b = binary.AppendUvarint(append(b, 15<<4|v.elem), v.said(len(v.parts)))
		for _, p := range v.parts {
			b = p.append(b)
		}
	case thriftStruct:
		for _, p := range v.parts {
			b = binary.AppendVarint(append(b, p.typ), int64(p.id))
			b = p.append(b)
		}
		return append(b, 0)
	}
	return b
}

func (v *thrift) said(n int) uint64 {
	if v.size >= 0 {
		return uint64(v.size)
	}
	return uint64(n)
}

// each calls fn for the value and everything in it.
func (v *thrift) each(fn func(*thrift)) {
	fn(v)
	for _, p := range v.parts {
		p.each(fn)
	}
}

// field returns the value of a struct's field, nil if it has none.
func (v *thrift) field(id int) *thrift {
	for _, p := range v.parts {
		if p.id == id {
			return p
		}
	}
	return nil
}
