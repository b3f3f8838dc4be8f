package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What a page may unpack to: so much whatever its size, or so many times its size, and never more than the last.
const (
	pageFreely    = 64 << 20
	pageExpansion = 1000
	pageMost      = 1 << 30
)

// mostFooter bounds the description of a file, and mostHeader that of a page, in bytes.
const (
	mostFooter = 256 << 20
	mostHeader = 16 << 20
)

// mostFixed is the length of values of a fixed length at most; decimals have 32 bytes.
const mostFixed = 4096

// chunkLayout is what the description says of a column in a row group.
type chunkLayout struct {
	values, size, data, dictionary int64
	elsewhere                      bool // in another file
}

type groupLayout struct {
	rows   int64
	chunks []chunkLayout
}

// parquetLayout is what the description says of a file's sizes and places.
type parquetLayout struct {
	rows     int64
	repeated []bool // of each leaf: whether a row may have several values
	groups   []groupLayout
}

// checkParquet refuses a Parquet file whose description or page headers lie about sizes, counts or places. The readers
// allocate what they are told, and running out of memory cannot be caught. Nothing of the data itself is read.
func checkParquet(f io.ReaderAt, size int64) (err error) {
	defer guard(&err)
	const mark = "PAR1"
	tail := make([]byte, 8)
	if size < int64(2*len(mark)+4) {
		return &DamagedError{What: "too short for a Parquet file"}
	}
	if _, err := f.ReadAt(tail, size-8); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if string(tail[4:]) != mark || length > size-12 || length > mostFooter {
		return &DamagedError{What: "a Parquet file ends with its description and " + mark + ", and this one does not"}
	}
	footer := make([]byte, length)
	end := size - 8 - length
	if _, err := f.ReadAt(footer, end); err != nil {
		return err
	}
	layout := readLayout(&compact{b: footer})
	sum := int64(0)
	for _, g := range layout.groups {
		sum += g.rows
		if len(g.chunks) != len(layout.repeated) {
			return &DamagedError{What: fmt.Sprintf("a row group has %d columns, and the file %d", len(g.chunks), len(layout.repeated))}
		}
		for i, c := range g.chunks {
			if err := checkChunk(f, end, c, g.rows, layout.repeated[i]); err != nil {
				return fmt.Errorf("column %d: %w", i+1, err)
			}
		}
	}
	if sum != layout.rows {
		return &DamagedError{What: "its row groups do not add up to its rows"}
	}
	return nil
}

// readLayout reads the description (FileMetaData of parquet.thrift).
func readLayout(c *compact) *parquetLayout {
	l := &parquetLayout{}
	c.fields(func(id int64, typ byte) {
		switch id {
		case 2:
			l.repeated = readLeaves(c)
		case 3:
			l.rows = c.size(typ)
		case 4:
			c.list(func(byte) { l.groups = append(l.groups, readGroup(c)) })
		default:
			c.skip(typ, mostNested)
		}
	})
	return l
}

// readLeaves reads the schema, a tree written as a list, each element before its children.
func readLeaves(c *compact) []bool {
	type element struct {
		children int64
		repeated bool
	}
	var all []element
	c.list(func(byte) {
		var e element
		c.fields(func(id int64, typ byte) {
			switch id {
			case 2:
				if n := c.size(typ); n > mostFixed {
					panic(&DamagedError{What: "its values of a fixed length are too long"})
				}
			case 3:
				e.repeated = c.size(typ) == 2
			case 5:
				e.children = c.size(typ)
			default:
				c.skip(typ, mostNested)
			}
		})
		all = append(all, e)
	})
	var leaves []bool
	at := 0
	var walk func(repeated bool, depth int)
	walk = func(repeated bool, depth int) {
		if at >= len(all) || depth == 0 {
			panic(&DamagedError{What: "its description of the columns cannot be followed"})
		}
		e := all[at]
		at++
		repeated = repeated || e.repeated
		if e.children == 0 && at > 1 {
			leaves = append(leaves, repeated)
		}
		for range e.children {
			walk(repeated, depth-1)
		}
	}
	if walk(false, mostNested); at != len(all) {
		panic(&DamagedError{What: "its description of the columns cannot be followed"})
	}
	return leaves
}

func readGroup(c *compact) groupLayout {
	var g groupLayout
	c.fields(func(id int64, typ byte) {
		switch id {
		case 1:
			c.list(func(byte) { g.chunks = append(g.chunks, readChunk(c)) })
		case 3:
			g.rows = c.size(typ)
		default:
			c.skip(typ, mostNested)
		}
	})
	return g
}

func readChunk(c *compact) chunkLayout {
	var k chunkLayout
	c.fields(func(id int64, typ byte) {
		switch id {
		case 1:
			k.elsewhere = true
			c.skip(typ, mostNested)
		case 3:
			c.fields(func(id int64, typ byte) {
				into := map[int64]*int64{5: &k.values, 7: &k.size, 9: &k.data, 11: &k.dictionary}[id]
				if into == nil {
					c.skip(typ, mostNested)
					return
				}
				*into = c.size(typ)
			})
		default:
			c.skip(typ, mostNested)
		}
	})
	return k
}

// checkChunk walks through the pages of a column chunk, which lie before the end.
func checkChunk(f io.ReaderAt, end int64, c chunkLayout, rows int64, repeated bool) error {
	at := c.data
	if c.dictionary > 0 {
		at = min(at, c.dictionary)
	}
	switch {
	case c.elsewhere:
		return &DamagedError{What: "its values are in another file"}
	case at < 4 || c.size > end-at:
		return &DamagedError{What: "its values are not in the file"}
	case !repeated && c.values != rows:
		return &DamagedError{What: fmt.Sprintf("it has %d values for %d rows", c.values, rows)}
	}
	for left := c.values; left > 0; {
		p, err := readPage(f, at, end)
		if err != nil {
			return err
		}
		if left -= p.values; left < 0 {
			return &DamagedError{What: "its pages hold more values than it has"}
		}
		at += p.head + p.size
	}
	return nil
}

// pageLayout is what a page's header says.
type pageLayout struct {
	head, size, unpacked int64
	values               int64 // of a page of data, else 0
	listed               int64 // of a dictionary
	levels               int64 // bytes of levels (version 2)
	nulls, rows          int64
}

// readPage reads the header of the page at the place.
func readPage(f io.ReaderAt, at, end int64) (pageLayout, error) {
	for room := int64(1 << 10); ; room *= 16 {
		buf := make([]byte, min(room, end-at))
		if len(buf) == 0 {
			return pageLayout{}, errShort
		}
		if _, err := f.ReadAt(buf, at); err != nil && !errors.Is(err, io.EOF) {
			return pageLayout{}, err
		}
		p, err := parsePage(buf)
		if errors.Is(err, errShort) && int64(len(buf)) == room && room < mostHeader {
			continue
		}
		if err == nil {
			err = p.check(end - at)
		}
		return p, err
	}
}

func parsePage(buf []byte) (p pageLayout, err error) {
	defer func() {
		if r := recover(); r != nil {
			damaged, ok := r.(*DamagedError)
			if !ok {
				panic(r)
			}
			err = damaged
		}
	}()
	c := &compact{b: buf}
	inner := func(into map[int64]*int64) {
		c.fields(func(id int64, typ byte) {
			if v := into[id]; v != nil {
				*v = c.size(typ)
				return
			}
			c.skip(typ, mostNested)
		})
	}
	var defined, repeated int64
	c.fields(func(id int64, typ byte) {
		switch id {
		case 2:
			p.unpacked = c.size(typ)
		case 3:
			p.size = c.size(typ)
		case 5:
			inner(map[int64]*int64{1: &p.values})
		case 7:
			inner(map[int64]*int64{1: &p.listed})
		case 8:
			inner(map[int64]*int64{1: &p.values, 2: &p.nulls, 3: &p.rows, 5: &defined, 6: &repeated})
		default:
			c.skip(typ, mostNested)
		}
	})
	p.head, p.levels = int64(c.at), defined+repeated
	return p, nil
}

// check holds a page's figures against each other and against the room that there is.
func (p *pageLayout) check(room int64) error {
	switch {
	case p.size > room-p.head:
		return &DamagedError{What: "a page is longer than the file"}
	case p.unpacked > pageMost, p.unpacked > pageFreely && p.unpacked/pageExpansion > p.size:
		return &DamagedError{What: fmt.Sprintf("a page of %d bytes is said to unpack to %d", p.size, p.unpacked)}
	case p.levels > min(p.size, p.unpacked), p.nulls > p.values, p.rows > p.values:
		return &DamagedError{What: "the figures of a page do not fit each other"}
	case p.listed > p.unpacked: // each takes a byte or more
		return &DamagedError{What: fmt.Sprintf("a dictionary of %d bytes is said to have %d values", p.unpacked, p.listed)}
	}
	return nil
}
