package columnar

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"

	"accrue/pipeline"
)

// parquetColumn gathers the values of one column of a row group, in the form in which they are encoded.
type parquetColumn interface {
	add(g *Grant)
	// write encodes what was gathered into the column's chunk.
	write(w file.ColumnChunkWriter) error
	// reset forgets what was gathered.
	reset()
}

// manyTexts are those of a column that has many different ones.
type manyTexts struct {
	of     func(*Grant) *string
	values []parquet.ByteArray
}

func (c *manyTexts) add(g *Grant) { c.values = append(c.values, byteArray(*c.of(g))) }

func (c *manyTexts) write(w file.ColumnChunkWriter) error {
	_, err := w.(*file.ByteArrayColumnChunkWriter).WriteBatch(c.values, nil, nil)
	return err
}

func (c *manyTexts) reset() {
	clear(c.values) // or the texts would be held until as many others came
	c.values = c.values[:0]
}

// byteArray returns the bytes of a text, which must not be changed.
func byteArray(s string) parquet.ByteArray {
	if s == "" {
		return parquet.ByteArray{} // to the library's statistics nil is no value
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// words are the texts of a column that has few different ones.
type words struct {
	of func(*Grant) *string
	dictionary
}

func (c *words) add(g *Grant) { c.put(*c.of(g)) }

func (c *words) write(w file.ColumnChunkWriter) error {
	builder := array.NewStringBuilder(memory.DefaultAllocator)
	defer builder.Release()
	different := make([]parquet.ByteArray, len(c.words))
	for i, s := range c.words {
		builder.Append(s)
		different[i] = byteArray(s)
	}
	texts := builder.NewArray()
	defer texts.Release()
	encoder, ok := w.CurrentEncoder().(interface{ PutDictionary(arrow.Array) error })
	if !ok {
		return fmt.Errorf("column %s takes no dictionary", w.Descr().Name())
	}
	if err := encoder.PutDictionary(texts); err != nil {
		return err
	}
	w.PageStatistics().(*metadata.ByteArrayStatistics).Update(different, 0)
	data := array.NewData(arrow.PrimitiveTypes.Int32, len(c.places),
		[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.places))}, nil, 0, 0)
	defer data.Release()
	places := array.NewInt32Data(data)
	defer places.Release()
	return w.WriteDictIndices(places, nil, nil)
}

// dictionary holds texts of which few are different. The library would look up each value in its own dictionary, and
// allocate for it; here a row costs a comparison.
type dictionary struct {
	numbers map[string]int32
	words   []string
	last    int32
	places  []int32 // in words, of each text
}

func newDictionary() dictionary { return dictionary{numbers: map[string]int32{}} }

// put adds a text, which may change afterwards.
func (d *dictionary) put(s string) {
	if len(d.words) == 0 || d.words[d.last] != s {
		n, ok := d.numbers[s]
		if !ok {
			n = int32(len(d.words))
			s = strings.Clone(s)
			d.numbers[s] = n
			d.words = append(d.words, s)
		}
		d.last = n
	}
	d.places = append(d.places, d.last)
}

func (d *dictionary) reset() {
	clear(d.numbers)
	clear(d.words)
	d.words, d.places, d.last = d.words[:0], d.places[:0], 0
}

// integers are the numbers or dates of a column, absent ones left out.
type integers struct {
	of     func(*Grant) (n int32, there bool)
	values []int32
	there  []int16 // definition level of each row; nil for columns that are never null
}

func (c *integers) add(g *Grant) {
	n, there := c.of(g)
	if there {
		c.values = append(c.values, n)
	}
	if c.there != nil {
		level := int16(0)
		if there {
			level = 1
		}
		c.there = append(c.there, level)
	}
}

func (c *integers) write(w file.ColumnChunkWriter) error {
	_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(c.values, c.there, nil)
	return err
}

func (c *integers) reset() { c.values, c.there = c.values[:0], c.there[:0] }

// instants are the microseconds of a column.
type instants struct {
	of     func(*Grant) *int64
	values []int64
}

func (c *instants) add(g *Grant) { c.values = append(c.values, *c.of(g)) }

func (c *instants) write(w file.ColumnChunkWriter) error {
	_, err := w.(*file.Int64ColumnChunkWriter).WriteBatch(c.values, nil, nil)
	return err
}

func (c *instants) reset() { c.values = c.values[:0] }

// amountBytes is the length of a decimal of 19 digits, big-endian and signed.
const amountBytes = 9

// amounts are the decimals of a column.
type amounts struct {
	of     func(*Grant) *pipeline.Amount
	bytes  []byte
	values []parquet.FixedLenByteArray
}

func (c *amounts) add(g *Grant) {
	n := int64(*c.of(g))
	c.bytes = binary.BigEndian.AppendUint64(append(c.bytes, byte(n>>63)), uint64(n))
}

func (c *amounts) write(w file.ColumnChunkWriter) error {
	if n := w.Descr().TypeLength(); n != amountBytes {
		return fmt.Errorf("column %s has decimals of %d bytes, want %d", w.Descr().Name(), n, amountBytes)
	}
	c.values = c.values[:0]
	for at := 0; at < len(c.bytes); at += amountBytes {
		c.values = append(c.values, c.bytes[at:at+amountBytes])
	}
	_, err := w.(*file.FixedLenByteArrayColumnChunkWriter).WriteBatch(c.values, nil, nil)
	return err
}

func (c *amounts) reset() { c.bytes = c.bytes[:0] }

// columnFor returns how a column of a grant is gathered, and refuses a type that it cannot have.
func columnFor(field arrow.Field) (parquetColumn, error) {
	f, ok := grantFields[field.Name]
	if !ok {
		return nil, fmt.Errorf("columnar: a grant has no column %s", field.Name)
	}
	var c parquetColumn
	switch t := field.Type.(type) {
	case *arrow.StringType:
		if f.text != nil && fewWords[field.Name] {
			c = &words{of: f.text, dictionary: newDictionary()}
		} else if f.text != nil {
			c = &manyTexts{of: f.text}
		}
	case *arrow.Int32Type:
		if f.integer != nil {
			c = &integers{of: func(g *Grant) (int32, bool) { return *f.integer(g), true }}
		}
	case *arrow.Date32Type:
		switch {
		case f.date != nil && f.null != nil:
			c = &integers{there: []int16{}, of: func(g *Grant) (int32, bool) { return int32(*f.date(g)), *f.null(g) }}
		case f.date != nil:
			c = &integers{of: func(g *Grant) (int32, bool) { return int32(*f.date(g)), true }}
		}
	case *arrow.TimestampType:
		if f.instant != nil && t.Unit == arrow.Microsecond {
			c = &instants{of: f.instant}
		}
	case *arrow.Decimal128Type:
		if f.amount != nil && t.Scale == pipeline.AmountPlaces {
			c = &amounts{of: f.amount}
		}
	}
	if c == nil || field.Nullable != (f.null != nil) {
		return nil, fmt.Errorf("columnar: column %s of a grant cannot be written as %s", field.Name, field.Type)
	}
	return c, nil
}

// fewWords names the texts of grants that are a rule's, a program's or of a fixed list.
var fewWords = map[string]bool{"program": true, "rule": true, "reward": true, "kind": true, "source_type": true, "reason": true}
