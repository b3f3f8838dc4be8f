package columnar

import (
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// describe says what a type is.
func describe(name string, t arrow.DataType) SourceColumn {
	c := SourceColumn{Name: name, Class: ClassOther, Type: strings.ToUpper(t.String())}
	switch t := t.(type) {
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType, *arrow.BinaryType, *arrow.LargeBinaryType:
		c.Class = ClassText
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		c.Class = ClassInteger
	case *arrow.Float16Type:
		c.Class = ClassFloat
	case *arrow.Float32Type:
		c.Class, c.Type = ClassFloat, "FLOAT"
	case *arrow.Float64Type:
		c.Class, c.Type = ClassFloat, "DOUBLE"
	case arrow.DecimalType:
		c.Class, c.Precision, c.Scale = ClassDecimal, t.GetPrecision(), t.GetScale()
	case *arrow.TimestampType:
		c.Class, c.Type = ClassWall, "TIMESTAMP"
		if t.TimeZone != "" {
			c.Class, c.Type = ClassInstant, "TIMESTAMP WITH TIME ZONE"
		}
	case *arrow.Date32Type, *arrow.Date64Type:
		c.Class, c.Type = ClassDate, "DATE"
	case *arrow.BooleanType:
		c.Class = ClassBool
	case *arrow.NullType:
		c.Class = ClassNull
	case *arrow.DictionaryType:
		inner := describe(name, t.ValueType)
		c.Class, c.Precision, c.Scale, c.Type = inner.Class, inner.Precision, inner.Scale, inner.Type
	}
	return c
}

// reorder returns a record of the columns at the places.
func reorder(rec arrow.Record, place []int) arrow.Record {
	fields, cols := make([]arrow.Field, len(place)), make([]arrow.Array, len(place))
	for i, p := range place {
		fields[i], cols[i] = rec.Schema().Field(p), rec.Column(p)
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), cols, rec.NumRows())
}

// Batch is a number of rows whose values can be had as text.
type Batch struct {
	Rows  int
	texts []textFunc
}

// textFunc returns the value of row i as text. Texts are the batch's own memory; others are appended to dst.
type textFunc func(dst []byte, i int) []byte

func newBatch(rec arrow.Record) *Batch {
	b := &Batch{Rows: int(rec.NumRows()), texts: make([]textFunc, rec.NumCols())}
	for i := range b.texts {
		a := rec.Column(i)
		text := textOf(a)
		b.texts[i] = func(dst []byte, row int) []byte {
			if a.IsNull(row) {
				return nil
			}
			return text(dst, row)
		}
	}
	return b
}

// Row puts the values of a row into cells, one for each column in the order of Select, as text, nil where absent:
// numbers as decimal digits, timestamps as YYYY-MM-DDTHH:MM:SS.ffffff with Z where they are instants (and three more
// digits where there are nanoseconds), dates as YYYY-MM-DD. Cells may use the memory of bufs or of the batch. Only a
// damaged file gives an error.
func (b *Batch) Row(row int, bufs, cells [][]byte) (err error) {
	defer guard(&err)
	for i, text := range b.texts {
		cells[i] = text(bufs[i][:0], row)
	}
	return nil
}

func bytesOf(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

func signed[T int8 | int16 | int32 | int64](value func(int) T) textFunc {
	return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(value(i)), 10) }
}

func unsigned[T uint8 | uint16 | uint32 | uint64](value func(int) T) textFunc {
	return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(value(i)), 10) }
}

func textOf(a arrow.Array) textFunc {
	switch a := a.(type) {
	case *array.String:
		return func(_ []byte, i int) []byte { return bytesOf(a.Value(i)) }
	case *array.LargeString:
		return func(_ []byte, i int) []byte { return bytesOf(a.Value(i)) }
	case *array.StringView:
		return func(_ []byte, i int) []byte { return bytesOf(a.Value(i)) }
	case *array.Binary:
		return func(_ []byte, i int) []byte { return append([]byte{}, a.Value(i)...) }
	case *array.LargeBinary:
		return func(_ []byte, i int) []byte { return append([]byte{}, a.Value(i)...) }
	case *array.Int8:
		return signed(a.Value)
	case *array.Int16:
		return signed(a.Value)
	case *array.Int32:
		return signed(a.Value)
	case *array.Int64:
		return signed(a.Value)
	case *array.Uint8:
		return unsigned(a.Value)
	case *array.Uint16:
		return unsigned(a.Value)
	case *array.Uint32:
		return unsigned(a.Value)
	case *array.Uint64:
		return unsigned(a.Value)
	case *array.Boolean:
		return func(dst []byte, i int) []byte { return strconv.AppendBool(dst, a.Value(i)) }
	case *array.Null:
		return func([]byte, int) []byte { return nil }
	case *array.Dictionary:
		values, inner := a.Dictionary(), textOf(a.Dictionary())
		return func(dst []byte, i int) []byte {
			at := a.GetValueIndex(i)
			if values.IsNull(at) {
				return nil
			}
			return inner(dst, at)
		}
	}
	return textOfExact(a)
}

// textOfExact is for types of more than one part.
func textOfExact(a arrow.Array) textFunc {
	switch a := a.(type) {
	case *array.Decimal128:
		scale := int(a.DataType().(*arrow.Decimal128Type).Scale)
		return func(dst []byte, i int) []byte {
			n := a.Value(i)
			if v := int64(n.LowBits()); n.HighBits() == v>>63 {
				return appendDecimal(dst, strconv.FormatInt(v, 10), scale)
			}
			return appendDecimal(dst, n.BigInt().String(), scale)
		}
	case *array.Decimal256:
		scale := int(a.DataType().(*arrow.Decimal256Type).Scale)
		return func(dst []byte, i int) []byte { return appendDecimal(dst, a.Value(i).BigInt().String(), scale) }
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		return func(dst []byte, i int) []byte {
			return appendTimestamp(dst, a.Value(i).ToTime(t.Unit), t.TimeZone != "")
		}
	case *array.Date32:
		return func(dst []byte, i int) []byte { return a.Value(i).ToTime().AppendFormat(dst, "2006-01-02") }
	case *array.Date64:
		return func(dst []byte, i int) []byte {
			t := a.Value(i).ToTime()
			if t.Truncate(24*time.Hour) != t {
				return appendTimestamp(dst, t, false)
			}
			return t.AppendFormat(dst, "2006-01-02")
		}
	}
	panic("columnar: no text for " + a.DataType().String())
}

// appendDecimal writes a whole number, as text, shifted by the scale.
func appendDecimal(dst []byte, digits string, scale int) []byte {
	if scale <= 0 {
		if digits == "0" {
			return append(dst, '0')
		}
		return append(append(dst, digits...), strings.Repeat("0", -scale)...)
	}
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	if n := scale + 1 - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	at := len(digits) - scale
	return append(append(append(dst, digits[:at]...), '.'), digits[at:]...)
}

func appendTimestamp(dst []byte, t time.Time, instant bool) []byte {
	layout := "2006-01-02T15:04:05.000000"
	if t.Nanosecond()%nanosPerMicro != 0 {
		layout += "000"
	}
	dst = t.UTC().AppendFormat(dst, layout)
	if instant {
		dst = append(dst, 'Z')
	}
	return dst
}

// TimestampText writes a timestamp as Batch.Row does.
func TimestampText(t time.Time, instant bool) []byte { return appendTimestamp(nil, t, instant) }
