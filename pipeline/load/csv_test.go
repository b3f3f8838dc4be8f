package load

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"accrue/schemas"
)

// readStores reads a file of stores: rows as their cells parted by `|`, bad ones as `!` and the reason.
func readStores(t testing.TB, in io.Reader, most int64) ([]string, error) {
	r, err := newCSV(in, "stores.csv", schemas.Stores, most)
	if err != nil {
		return nil, err
	}
	var out []string
	var rec record
	for {
		if err := r.next(&rec); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		if rec.no != int64(len(out)+1) {
			t.Errorf("row %d has number %d", len(out)+1, rec.no)
		}
		if rec.bad != "" {
			out = append(out, "!"+rec.bad+": "+r.raw())
			continue
		}
		out = append(out, string(bytes.Join(rec.cells, []byte{'|'})))
	}
}

func TestCSV(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"plain":               {"store_id,time_zone,region\na,b,c\n", []string{"a|b|c"}},
		"any order, unknown":  {"x,region,store_id\n1,c,a\n", []string{"a||c"}},
		"no last line end":    {"store_id\na\nb", []string{"a||", "b||"}},
		"mark and CRLF":       {"\xEF\xBB\xBFstore_id,region\r\na,b\r\n\"c\",\"d\"\r\n", []string{"a||b", "c||d"}},
		"blank lines":         {"\nstore_id,region\n\na,b\n\r\n\nc,d\n\n", []string{"a||b", "c||d"}},
		"quotes":              {"store_id,region\n\"a,1\",\"b\"\"c\"\n\"\",\"\"\"\"\n", []string{"a,1||b\"c", "||\""}},
		"lines in a field":    {"store_id,region\n\"a\nb\r\n\",c\n", []string{"a\nb\r\n||c"}},
		"blanks are kept":     {"store_id,region\n a , \n", []string{" a || "}},
		"too few fields":      {"store_id,region\na\nb,c\n", []string{"!1 fields, the header has 2: a", "b||c"}},
		"too many fields":     {"store_id,region\na,b,c\n", []string{"!3 fields, the header has 2: a,b,c"}},
		"quote inside":        {"store_id,region\na\"b,c\nd,e\n", []string{"!a quote inside a field that does not begin with one: a\"b,c", "d||e"}},
		"text behind a quote": {"store_id,region\n\"a\" ,c\nd,e\n", []string{"!text behind a closing quote: \"a\" ,c", "d||e"}},
		"quoted header":       {"\"store_id\",\"region\"\na,b\n", []string{"a||b"}},
		"quote at the end":    {"store_id,region\na,\"b\"", []string{"a||b"}},
		"header alone":        {"store_id\n", nil},
	} {
		for way, in := range map[string]io.Reader{"at once": strings.NewReader(c.text), "byte by byte": iotest.OneByteReader(strings.NewReader(c.text))} {
			got, err := readStores(t, in, DefaultMaxLine)
			if d := cmp.Diff(c.want, got); d != "" || err != nil {
				t.Errorf("%s, %s: %v (-want +got)\n%s", name, way, err, d)
			}
		}
	}
}

func TestCSVRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "stores.csv: is empty: there is no header",
		"\n\n":                             "stores.csv: is empty: there is no header",
		"s1,Asia/Kolkata,north\n":          "stores.csv:1: the required column of stores is missing: store_id; found: s1, Asia/Kolkata, north; is there no header?",
		"store_id;region\n":                "stores.csv:1: the required column of stores is missing: store_id; found: store_id;region; columns must be parted by commas",
		"Store_ID,region\n":                "stores.csv:1: the required column of stores is missing: store_id; found: Store_ID, region",
		"store_id,store_id\n":              "stores.csv:1: the column store_id stands here twice",
		"store_id\na\nb\n  \"\nc\n\"d":     "stores.csv:6:1: the quote that opens here is never closed",
		"store_id,region\na,b\nc,\"d\ne\n": "stores.csv:3:3: the quote that opens here is never closed",
		"\xFF\xFEs\x00":                    "stores.csv:1: is written in UTF-16; accrue reads UTF-8",
		"store_id\n" + strings.Repeat("x", 101) + "\n":                          "stores.csv:2: the record that begins here is longer than 100 bytes (max_line)",
		"store_id\na\n" + strings.Repeat("x", 1<<20):                            "stores.csv:3: the record that begins here is longer than 100 bytes (max_line)",
		"store_id,region\na,\"b\nc\",\"" + strings.Repeat("x,\n", 1<<18) + "\n": "stores.csv:3:4: the quote that opens here is not closed within 100 bytes (max_line)",
	} {
		_, err := readStores(t, strings.NewReader(text), 100)
		if err == nil || err.Error() != want {
			t.Errorf("%.40q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// Whatever encoding/csv writes is read back, through any size of reads.
func TestCSVReadsWhatOthersWrite(t *testing.T) {
	field := rapid.StringOf(rapid.RuneFrom([]rune("ab,\"\n é;")))
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.SliceOfN(field, 3, 3)).Draw(t, "rows")
		var buf bytes.Buffer
		w := csv.NewWriter(&buf)
		w.UseCRLF = false
		var want []string
		for _, row := range append([][]string{{"store_id", "time_zone", "region"}}, rows...) {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		for _, row := range rows {
			want = append(want, strings.Join(row, "|"))
		}
		w.Flush()
		in := io.Reader(&buf)
		if rapid.Bool().Draw(t, "slow") {
			in = iotest.OneByteReader(in)
		}
		var out []string
		r, err := newCSV(in, "stores.csv", schemas.Stores, DefaultMaxLine)
		var rec record
		for err == nil {
			if err = r.next(&rec); err == nil {
				if rec.bad != "" {
					t.Fatalf("row %d is bad: %s", rec.no, rec.bad)
				}
				out = append(out, string(bytes.Join(rec.cells, []byte{'|'})))
			}
		}
		if d := cmp.Diff(want, out); d != "" || !errors.Is(err, io.EOF) {
			t.Fatalf("%v (-written +read)\n%s", err, d)
		}
	})
}

func TestNDJSON(t *testing.T) {
	text := `{"store_id":"a","region":"b\"c\u00e9\ud83d\ude00","x":{"y":[1,"]}"]}}
 {"region" : null , "store_id" : 12345678901234567.89 }` + "\r\n" + `
{"store_id":1e2,"region":true}
{}
[1]
{"store_id":"a"
{"store_id":"a","store_id":"a"}
{"store_id":["a"]}
{"store_id":"\ud800"}
{"store_id":"` + "\xff" + `"}
{"store_id":"a"} {"store_id":"b"}
nonsense
"a"
{"store_\u0069d":"e", "region":"\\\"}{"}
`
	want := []string{
		"a||b\"cé😀", "12345678901234567.89||", "1e2||true", "||", "!not a JSON object", "!not JSON", "!store_id stands here twice",
		"!store_id is a list or an object", "!store_id holds half a character", "!not UTF-8", "!not JSON", "!not JSON", "!not a JSON object",
		"e||\\\"}{",
	}
	for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
		r, err := newNDJSON(in, "stores.ndjson", schemas.Stores, DefaultMaxLine)
		must(t, err)
		var got []string
		var rec record
		for {
			if err := r.next(&rec); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if rec.bad != "" {
				got = append(got, "!"+rec.bad)
				continue
			}
			got = append(got, string(bytes.Join(rec.cells, []byte{'|'})))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
		if d := cmp.Diff([]string{"x"}, r.unknown()); d != "" {
			t.Errorf("unknown columns (-want +got)\n%s", d)
		}
	}
	r, err := newNDJSON(strings.NewReader("{}\n"+strings.Repeat(" ", 1<<20)), "stores.ndjson", schemas.Stores, 100)
	must(t, err)
	var rec record
	must(t, r.next(&rec))
	if got, want := fmt.Sprint(r.next(&rec)), "stores.ndjson:2: the record that begins here is longer than 100 bytes (max_line)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
