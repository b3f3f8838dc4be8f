package columnar

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/bitutil"
)

// rowColumn gathers the values of one column of a row group as they stand in its page.
type rowColumn interface {
	// null adds an absent value for the row.
	null(row int)
	// count is the number of values, and of rows without one.
	count() (values, nulls int)
	// levels appends the page's definition levels.
	levels(page []byte, rows int) []byte
	// values appends the page's values.
	values(page []byte) []byte
	// reset forgets what was gathered.
	reset()
}

// rowNumbers is a column of numbers or dates.
type rowNumbers interface {
	rowColumn
	add(v int64)
}

// absent are the rows without value of a column, in order. Most columns have none, or nothing else.
type absent []int32

func (a *absent) null(row int) { *a = append(*a, int32(row)) }

// levels appends, in the hybrid of run lengths and packed bits, 1 for rows with a value and 0 for those without.
func (a *absent) levels(page []byte, rows int) []byte {
	switch len(*a) {
	case 0:
		return append(appendRun(page, rows), 1)
	case rows:
		return append(appendRun(page, rows), 0)
	}
	page = appendPacked(page, rows)
	from := len(page)
	page = append(page, make([]byte, bitutil.BytesForBits(int64(rows)))...)
	bitutil.SetBitsTo(page[from:], 0, int64(rows), true)
	for _, row := range *a {
		bitutil.ClearBit(page[from:], int(row))
	}
	return page
}

// appendRun begins n times the same value, which follows.
func appendRun(page []byte, n int) []byte { return binary.AppendUvarint(page, uint64(n)<<1) }

// appendPacked begins n values, which follow in their bits, filled up to a multiple of eight values.
func appendPacked(page []byte, n int) []byte { return binary.AppendUvarint(page, uint64(n+7)>>3<<1|1) }

// numbers are values as wide as they are in the page.
type numbers[T int32 | int64] struct {
	absent
	all []T
}

func (c *numbers[T]) add(v int64) { c.all = append(c.all, T(v)) }

func (c *numbers[T]) count() (values, nulls int) { return len(c.all), len(c.absent) }

func (c *numbers[T]) values(page []byte) []byte { return append(page, arrow.GetBytes(c.all)...) }

func (c *numbers[T]) reset() { c.all, c.absent = c.all[:0], c.absent[:0] }

// rowTexts are the texts of a column: places in a dictionary or, where too many are different, one behind the other.
type rowTexts struct {
	absent
	dictionary
	many bool
	all  []byte // each with its length in front
	n    int    // texts in all
}

// add takes a text of many, which may change afterwards.
func (c *rowTexts) add(b []byte) {
	c.all = append(binary.LittleEndian.AppendUint32(c.all, uint32(len(b))), b...)
	c.n++
}

// unfold turns what is in the dictionary into texts of many.
func (c *rowTexts) unfold() {
	c.many = true
	for _, n := range c.places {
		c.add([]byte(c.words[n]))
	}
	c.dictionary.reset()
}

func (c *rowTexts) count() (values, nulls int) { return c.n + len(c.places), len(c.absent) }

// narrow is the width in bits of places in a small dictionary; those in others take twice that. Whole bytes need no packing.
const narrow = 8

func (c *rowTexts) values(page []byte) []byte {
	switch n := len(c.places); {
	case c.many:
		return append(page, c.all...)
	case n == 0:
		return page
	case len(c.words) == 1:
		return append(appendRun(append(page, narrow), n), 0)
	case len(c.words) <= 1<<narrow:
		page = appendPacked(append(page, narrow), n)
		for _, place := range c.places {
			page = append(page, byte(place))
		}
		return append(page, make([]byte, -n&7)...)
	default:
		page = appendPacked(append(page, 2*narrow), n)
		for _, place := range c.places {
			page = binary.LittleEndian.AppendUint16(page, uint16(place))
		}
		return append(page, make([]byte, 2*(-n&7))...)
	}
}

// dictionaryPage appends the texts of the dictionary.
func (c *rowTexts) dictionaryPage(page []byte) []byte {
	for _, s := range c.words {
		page = append(binary.LittleEndian.AppendUint32(page, uint32(len(s))), s...)
	}
	return page
}

func (c *rowTexts) reset() {
	c.dictionary.reset()
	c.absent, c.all, c.n = c.absent[:0], c.all[:0], 0
}
