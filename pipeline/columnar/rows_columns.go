package columnar

import (
	"github.com/apache/arrow/go/v15/arrow/bitutil"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// rowColumn gathers the values of one column of a row group.
type rowColumn interface {
	// null adds an absent value for the row.
	null(row int)
	// count is the number of rows that came.
	count() int
	// levels appends each row's definition level: 1 where it has a value.
	levels(dst []int16, rows int) []int16
	// write encodes what was gathered into the column's chunk.
	write(w file.ColumnChunkWriter, levels []int16) error
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

func (a *absent) levels(dst []int16, rows int) []int16 {
	for range rows {
		dst = append(dst, 1)
	}
	for _, row := range *a {
		dst[row] = 0
	}
	return dst
}

type numbers64 struct {
	absent
	values []int64
}

func (c *numbers64) add(v int64) { c.values = append(c.values, v) }

func (c *numbers64) count() int { return len(c.values) + len(c.absent) }

func (c *numbers64) write(w file.ColumnChunkWriter, levels []int16) error {
	_, err := w.(*file.Int64ColumnChunkWriter).WriteBatch(c.values, levels, nil)
	return err
}

func (c *numbers64) reset() { c.values, c.absent = c.values[:0], c.absent[:0] }

type numbers32 struct {
	absent
	values []int32
}

func (c *numbers32) add(v int64) { c.values = append(c.values, int32(v)) }

func (c *numbers32) count() int { return len(c.values) + len(c.absent) }

func (c *numbers32) write(w file.ColumnChunkWriter, levels []int16) error {
	_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(c.values, levels, nil)
	return err
}

func (c *numbers32) reset() { c.values, c.absent = c.values[:0], c.absent[:0] }

// rowTexts are the texts of a column: places in a dictionary or, where too many are different, one behind the other.
type rowTexts struct {
	absent
	dictionary
	many   bool
	all    []byte
	ends   []int // of each text in all
	values []parquet.ByteArray
}

func (c *rowTexts) null(row int) {
	c.absent.null(row)
	if !c.many {
		c.dictionary.values = append(c.dictionary.values, 0)
	}
}

// add takes a text of many; it may change afterwards.
func (c *rowTexts) add(b []byte) {
	c.all = append(c.all, b...)
	c.ends = append(c.ends, len(c.all))
}

// unfold turns what is in the dictionary into texts of many.
func (c *rowTexts) unfold() {
	c.many = true
	absent := c.absent
	for row, n := range c.dictionary.values {
		if len(absent) > 0 && int(absent[0]) == row {
			absent = absent[1:]
			continue
		}
		c.add([]byte(c.words[n]))
	}
	c.dictionary.reset()
}

func (c *rowTexts) count() int {
	if c.many {
		return len(c.ends) + len(c.absent)
	}
	return len(c.dictionary.values)
}

func (c *rowTexts) write(w file.ColumnChunkWriter, levels []int16) error {
	if !c.many {
		return c.encode(w, levels, c.valid())
	}
	from := 0
	for _, to := range c.ends {
		c.values = append(c.values, c.all[from:to])
		from = to
	}
	_, err := w.(*file.ByteArrayColumnChunkWriter).WriteBatch(c.values, levels, nil)
	return err
}

// valid has a bit for each row, set where there is a value; nil where all have one.
func (c *rowTexts) valid() []byte {
	if len(c.absent) == 0 {
		return nil
	}
	rows := len(c.dictionary.values)
	out := make([]byte, bitutil.BytesForBits(int64(rows)))
	bitutil.SetBitsTo(out, 0, int64(rows), true)
	for _, row := range c.absent {
		bitutil.ClearBit(out, int(row))
	}
	return out
}

func (c *rowTexts) reset() {
	c.dictionary.reset()
	c.absent, c.all, c.ends, c.values = c.absent[:0], c.all[:0], c.ends[:0], c.values[:0]
}
