package columnar

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/decimal256"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"
)

func big10(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// oddColumns are types and values that exports come in, and the texts that they must be.
var oddColumns = []struct {
	name  string
	typ   arrow.DataType
	fill  func(array.Builder)
	class Class
	want  []string // two values, then null
}{
	{"text", arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).AppendValues([]string{"", " é"}, nil) }, ClassText, []string{"", " é", "-"}},
	{"large", arrow.BinaryTypes.LargeString, func(b array.Builder) { b.(*array.LargeStringBuilder).AppendValues([]string{"a", "b"}, nil) }, ClassText, []string{"a", "b", "-"}},
	{"bytes", arrow.BinaryTypes.Binary, func(b array.Builder) {
		b.(*array.BinaryBuilder).AppendValues([][]byte{[]byte("x"), {0xff}}, nil)
	}, ClassText, []string{"x", "\xff", "-"}},
	{"dictionary", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, func(b array.Builder) {
		d := b.(*array.BinaryDictionaryBuilder)
		_ = d.AppendString("p")
		_ = d.AppendString("q")
	}, ClassText, []string{"p", "q", "-"}},
	{"int8", arrow.PrimitiveTypes.Int8, func(b array.Builder) { b.(*array.Int8Builder).AppendValues([]int8{-128, 127}, nil) }, ClassInteger, []string{"-128", "127", "-"}},
	{"uint64", arrow.PrimitiveTypes.Uint64, func(b array.Builder) { b.(*array.Uint64Builder).AppendValues([]uint64{0, 1<<64 - 1}, nil) }, ClassInteger,
		[]string{"0", "18446744073709551615", "-"}},
	{"decimal", &arrow.Decimal128Type{Precision: 38, Scale: 10}, func(b array.Builder) {
		d := b.(*array.Decimal128Builder)
		d.Append(decimal128.FromI64(-5))
		d.Append(decimal128.FromBigInt(new(big.Int).Sub(big10(38), big.NewInt(1))))
	}, ClassDecimal, []string{"-0.0000000005", "9999999999999999999999999999.9999999999", "-"}},
	{"whole", &arrow.Decimal128Type{Precision: 20, Scale: 0}, func(b array.Builder) {
		d := b.(*array.Decimal128Builder)
		d.Append(decimal128.FromI64(0))
		d.Append(decimal128.FromBigInt(big10(19)))
	}, ClassDecimal, []string{"0", "10000000000000000000", "-"}},
	{"wall", &arrow.TimestampType{Unit: arrow.Microsecond}, func(b array.Builder) { b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{0, -1}, nil) }, ClassWall,
		[]string{"1970-01-01T00:00:00.000000", "1969-12-31T23:59:59.999999", "-"}},
	{"instant", &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "Asia/Kolkata"}, func(b array.Builder) {
		b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{1_000, 1}, nil)
	}, ClassInstant, []string{"1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000000001Z", "-"}},
	{"date", arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).AppendValues([]arrow.Date32{-1, 20777}, nil) }, ClassDate,
		[]string{"1969-12-31", "2026-11-20", "-"}},
	{"bool", arrow.FixedWidthTypes.Boolean, func(b array.Builder) { b.(*array.BooleanBuilder).AppendValues([]bool{true, false}, nil) }, ClassBool, []string{"true", "false", "-"}},
}

func oddRecord() arrow.Record {
	var fields []arrow.Field
	for _, c := range oddColumns {
		fields = append(fields, arrow.Field{Name: c.name, Type: c.typ, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i, c := range oddColumns {
		c.fill(b.Field(i))
		b.Field(i).AppendNull()
	}
	return b.NewRecord()
}

func writeFile(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func arrowFile(t *testing.T, rec arrow.Record, batches int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := ipc.NewFileWriter(&counter{w: &buf}, ipc.WithSchema(rec.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	for range batches {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func arrowStream(t *testing.T, rec arrow.Record, batches int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()))
	for range batches {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func parquetFile(t *testing.T, rec arrow.Record, batches int) []byte {
	t.Helper()
	return parquetFileWith(t, rec, batches, "")
}

// parquetFileWith is a Parquet file whose description holds an Arrow schema, "" for none.
func parquetFileWith(t *testing.T, rec arrow.Record, batches int, schema string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(rec.Schema(), &buf, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err == nil && schema != "" {
		err = w.AppendKeyValueMetadata("ARROW:schema", base64.StdEncoding.EncodeToString([]byte(schema)))
	}
	if err != nil {
		t.Fatal(err)
	}
	for range batches {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// texts reads the whole source, the columns in turned order, and returns the rows as text by column.
func texts(s *Source) (map[string][]string, error) {
	var turned []int
	for i := len(s.Columns()) - 1; i >= 0; i-- {
		turned = append(turned, i)
	}
	if err := s.Select(turned); err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		bufs, cells := make([][]byte, len(turned)), make([][]byte, len(turned))
		for row := 0; row < b.Rows; row++ {
			if err := b.Row(row, bufs, cells); err != nil {
				return out, err
			}
			for i, c := range turned {
				text := "-"
				if cells[i] != nil {
					text = string(cells[i])
				}
				out[s.Columns()[c].Name] = append(out[s.Columns()[c].Name], text)
			}
		}
	}
}

func TestSourcesGiveTexts(t *testing.T) {
	const batches = 3
	rec := oddRecord()
	want := map[string][]string{}
	for _, c := range oddColumns {
		for range batches {
			want[c.name] = append(want[c.name], c.want...)
		}
	}
	for name, open := range map[string]func() (*Source, error){
		"file":    func() (*Source, error) { return OpenArrow(writeFile(t, "x", arrowFile(t, rec, batches))) },
		"stream":  func() (*Source, error) { return OpenArrow(writeFile(t, "x", arrowStream(t, rec, batches))) },
		"parquet": func() (*Source, error) { return OpenParquet(writeFile(t, "x", parquetFile(t, rec, batches))) },
	} {
		s, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var classes, wanted []Class
		for i, c := range s.Columns() {
			classes, wanted = append(classes, c.Class), append(wanted, oddColumns[i].class)
		}
		got, err := texts(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "parquet" { // this writer says "in UTC" of timestamps without zone, and only of those
			for _, column := range []string{"wall", "instant"} {
				got[column] = want[column]
			}
			classes = wanted
		}
		if d := cmp.Diff(wanted, classes); d != "" {
			t.Errorf("%s: classes (-want +got)\n%s", name, d)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecimal256(t *testing.T) {
	b := array.NewDecimal256Builder(memory.DefaultAllocator, &arrow.Decimal256Type{Precision: 50, Scale: 2})
	b.Append(decimal256.FromBigInt(new(big.Int).Neg(big10(45))))
	if got, want := string(textOf(b.NewArray())(nil, 0)), "-1"+strings.Repeat("0", 43)+".00"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestClasses(t *testing.T) {
	for typ, want := range map[arrow.DataType]Class{
		arrow.PrimitiveTypes.Float32: ClassFloat, arrow.PrimitiveTypes.Float64: ClassFloat, arrow.FixedWidthTypes.Float16: ClassFloat,
		arrow.Null: ClassNull, arrow.ListOf(arrow.BinaryTypes.String): ClassOther, arrow.FixedWidthTypes.Time32ms: ClassOther,
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.PrimitiveTypes.Float64}: ClassFloat,
		arrow.FixedWidthTypes.Date64: ClassDate,
	} {
		if got := describe("x", typ).Class; got != want {
			t.Errorf("%s is %s, want %s", typ, got, want)
		}
	}
}

// What an Arrow schema in the description of a Parquet file says is not believed: read by pqarrow, one with a single bit
// changed takes hundreds of gigabytes.
func TestArrowSchemaOfAParquetFileIsNotBelieved(t *testing.T) {
	rec := oddRecord()
	read := func(schema string) map[string][]string {
		s, err := OpenParquet(writeFile(t, "x", parquetFileWith(t, rec, 1, schema)))
		if err != nil {
			t.Fatalf("with the schema %q: %v", schema, err)
		}
		got, err := texts(s)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatalf("with the schema %q: %v", schema, err)
		}
		return got
	}
	want := read("")
	var honest bytes.Buffer
	if err := ipc.NewWriter(&honest, ipc.WithSchema(rec.Schema())).Close(); err != nil {
		t.Fatal(err)
	}
	lies := []string{honest.String(), "no schema", strings.Repeat("\xFF", 1000)}
	for at := 0; at < honest.Len(); at += 13 {
		lie := bytes.Clone(honest.Bytes())
		lie[at] ^= 0x40
		lies = append(lies, string(lie))
	}
	for _, lie := range lies {
		if d := cmp.Diff(want, read(lie)); d != "" {
			t.Fatalf("with the schema %q (-without +with)\n%s", lie, d)
		}
	}
}

// A file that is cut anywhere is refused: no row is lost in silence. One with a bit turned over may read as other
// values, but never ends the process.
func TestDamagedSources(t *testing.T) {
	rec := oddRecord()
	for name, c := range map[string]struct {
		whole []byte
		open  func(string) (*Source, error)
	}{
		"file": {arrowFile(t, rec, 2), OpenArrow}, "stream": {arrowStream(t, rec, 2), OpenArrow},
		"parquet": {parquetFile(t, rec, 2), OpenParquet},
	} {
		path := writeFile(t, "x", nil)
		read := func(b []byte) error {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := c.open(path)
			if err != nil {
				return err
			}
			_, err = texts(s)
			return errors.Join(err, s.Close())
		}
		for n := 0; n < len(c.whole); n += 211 {
			if err := read(c.whole[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes read as a whole file", name, n, len(c.whole))
			}
		}
		for at := 0; at < len(c.whole); at += 67 {
			bad := bytes.Clone(c.whole)
			bad[at] ^= 0x40
			_ = read(bad)
		}
	}
}
