package load

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"accrue/schemas"
)

// sampleFiles adds the sample's files of a dataset and form as seeds.
func sampleFiles(f *testing.F, pattern string, add func(text []byte)) {
	files, err := filepath.Glob("../../fixtures/sample/exports/*/" + pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds %s: %v", pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(text)
	}
}

// splitCSV cuts a text into records; bad ones are nil.
func splitCSV(t *testing.T, in io.Reader, most int64) ([][]string, error) {
	c := &csvReader{w: newWindow(in, "f.csv", most)}
	if err := c.w.skipMark(); err != nil {
		return nil, err
	}
	var out [][]string
	for {
		if err := c.split(); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		if len(c.text) == 0 || int64(len(c.text)) > most {
			t.Errorf("record %d is said to be %q", len(out)+1, c.text)
		}
		if c.spoilt != "" {
			out = append(out, nil)
			continue
		}
		cells := make([]string, len(c.parts))
		for i, p := range c.parts {
			cells[i] = string(p)
		}
		out = append(out, cells)
	}
}

// wantPlace checks that a text is refused with its place in it.
func wantPlace(t *testing.T, err error, text []byte) {
	t.Helper()
	var fault *FileError
	if !errors.As(err, &fault) {
		t.Fatalf("refused with %v", err)
	}
	if lines := int64(bytes.Count(text, []byte{'\n'})) + 1; fault.Line < 1 || fault.Line > lines || fault.Column < 0 || fault.What == "" {
		t.Errorf("refused at line %d of %d, column %d: %s", fault.Line, lines, fault.Column, fault.What)
	}
}

// FuzzCSV: any text is cut into records, or refused with its place, as encoding/csv does; however it comes in, and
// as far as the longest record allows. Its rows are those that the same text as NDJSON would have.
func FuzzCSV(f *testing.F) {
	sampleFiles(f, "transactions.csv", func(text []byte) { f.Add(text, uint16(0)) })
	for _, text := range []string{"a,b\n\"c\"\"\r\n\",d\r\n", "\xEF\xBB\xBFa\r\r\n\n\r\n\"\"", "a\"b,c\n\"a\"b\n", "a\n\"b,c\n", "\xFF\xFEa", "a,\"b\"\r", ",,,\xC6,,\x8D"} {
		f.Add([]byte(text), uint16(5))
	}
	f.Fuzz(func(t *testing.T, text []byte, limit uint16) {
		got, err := splitCSV(t, bytes.NewReader(text), DefaultMaxLine)
		if err != nil {
			wantPlace(t, err, text)
		}
		slow, serr := splitCSV(t, iotest.OneByteReader(bytes.NewReader(text)), DefaultMaxLine)
		if d := cmp.Diff(got, slow); d != "" || fmt.Sprint(err) != fmt.Sprint(serr) {
			t.Errorf("byte by byte: %v, else %v\n%s", serr, err, d)
		}
		likeOthers(t, text, got, err)
		some, lerr := splitCSV(t, bytes.NewReader(text), int64(limit))
		if len(some) > len(got) || !slices.EqualFunc(some, got[:len(some)], slices.Equal) || lerr == nil && len(some) != len(got) {
			t.Errorf("records of at most %d bytes: %q of %q, %v", limit, some, got, lerr)
		}
		if lerr != nil {
			wantPlace(t, lerr, text)
		}
		text = append([]byte("transaction_id,member_id,occurred_at,amount,tax,status\n"), text...)
		sameAsNDJSON(t, schemas.Transactions, text)
	})
}

// likeOthers holds records against those of encoding/csv. It takes a line break in a field for LF, and says of no more
// than one record that it is bad.
func likeOthers(t *testing.T, text []byte, got [][]string, err error) {
	if bytes.HasPrefix(text, []byte("\xFF\xFE")) || bytes.HasPrefix(text, []byte("\xFE\xFF")) {
		return
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))))
	r.FieldsPerRecord = -1
	want, werr := r.ReadAll()
	bad := slices.ContainsFunc(got, func(r []string) bool { return r == nil })
	if (werr == nil) != (err == nil && !bad) {
		t.Fatalf("encoding/csv says %v, and here it is %v with the records %q", werr, err, got)
	}
	if werr != nil {
		return
	}
	lf := make([][]string, len(got))
	for i, record := range got {
		for _, cell := range record {
			lf[i] = append(lf[i], strings.ReplaceAll(cell, "\r\n", "\n"))
		}
	}
	if d := cmp.Diff(want, lf, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("(-encoding/csv +here)\n%s", d)
	}
}

// judgement is what the checker makes of the rows of a file.
type judgement struct {
	rows     []string // as stored, columns parted by `|`, or why they are rejected
	rejected int
	total    *big.Rat
}

// judged reads all rows of a file, as transcribe does.
func judged(ds *schemas.Dataset, form Form, text []byte) (*judgement, error) {
	r, err := recordReader(nil), error(nil)
	if form == CSV {
		r, err = newCSV(bytes.NewReader(text), "f", ds, DefaultMaxLine)
	} else {
		r, err = newNDJSON(bytes.NewReader(text), "f", ds, DefaultMaxLine)
	}
	if err != nil {
		return nil, err
	}
	out, c, isText := &judgement{}, newChecker(ds, []string{"INR"}), textColumns(ds)
	for {
		var rec record
		if err := r.next(&rec); errors.Is(err, io.EOF) {
			out.total = c.total.exact()
			return out, nil
		} else if err != nil {
			return nil, err
		}
		if reason, _ := c.check(&rec); reason != "" {
			out.rows = append(out.rows, string(reason))
			out.rejected++
			continue
		}
		row := fmt.Sprint(rec.no)
		for i, v := range c.out {
			switch {
			case v.null:
				row += "|<nil>"
			case isText[i]:
				row += "|" + string(v.text)
			default:
				row += fmt.Sprintf("|%d", v.num)
			}
		}
		out.rows = append(out.rows, row)
	}
}

// sameAsNDJSON reads a CSV file and the same rows as NDJSON, one that cannot be split or is not UTF-8 as one that is
// not JSON: the same rows are accepted, and the same rejected for the same reasons.
func sameAsNDJSON(t *testing.T, ds *schemas.Dataset, text []byte) {
	want, err := judged(ds, CSV, text)
	if err != nil {
		wantPlace(t, err, text)
		return
	}
	r, err := newCSV(bytes.NewReader(text), "f.csv", ds, DefaultMaxLine)
	must(t, err)
	var lines bytes.Buffer
	valid := true
	for {
		var rec record
		if r.next(&rec) != nil {
			break
		}
		values := map[string]string{}
		for i := range rec.cells {
			values[ds.Fields()[i].Name] = string(rec.cells[i])
		}
		line, err := json.Marshal(values)
		must(t, err)
		if isText := utf8.Valid(bytes.Join(rec.cells, []byte(","))); rec.bad != "" || !isText {
			valid, line = valid && isText, []byte("!")
		}
		if len(line) > DefaultMaxLine {
			return
		}
		lines.Write(append(line, '\n'))
	}
	got, err := judged(ds, NDJSON, lines.Bytes())
	must(t, err)
	if d := cmp.Diff(want.rows, got.rows); d != "" {
		t.Errorf("(-CSV +NDJSON)\n%s", d)
	}
	if valid && want.total.Cmp(got.total) != 0 { // amounts of rows that are not UTF-8 count in CSV
		t.Errorf("the amounts of CSV add up to %s, of NDJSON to %s", want.total, got.total)
	}
}

var (
	escaped   = regexp.MustCompile(`\\\\`)
	pair      = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
	half      = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
	tooNested = strings.Repeat("[", mostNesting+1)
)

// cellsOf is what encoding/json says that a line of stores holds; nil where it is no row.
func cellsOf(line []byte) map[string]string {
	out, seen := map[string]string{}, map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(line))
	if t, _ := d.Token(); t != json.Delim('{') {
		return nil
	}
	for d.More() {
		from := d.InputOffset()
		t, _ := d.Token()
		name, _ := t.(string)
		var raw json.RawMessage
		if half.Match(pair.ReplaceAll(escaped.ReplaceAll(line[from:d.InputOffset()], nil), nil)) || d.Decode(&raw) != nil {
			return nil
		}
		if _, known := schemas.Stores.Field(name); !known {
			continue
		}
		var text string
		switch {
		case seen[name], raw[0] == '{', raw[0] == '[', half.Match(pair.ReplaceAll(escaped.ReplaceAll(raw, nil), nil)):
			return nil
		case raw[0] == '"':
			_ = json.Unmarshal(raw, &text)
		case raw[0] != 'n':
			text = string(raw)
		}
		seen[name] = true
		out[name] = text
	}
	return out
}

// FuzzNDJSON: a line is a row, with the cells that encoding/json finds in it, or a bad one.
func FuzzNDJSON(f *testing.F) {
	for _, text := range []string{
		`{"store_id":"a","region":"b\"c\u00e9\ud83d\ude00","x":{"y":[1,"]"]}}`, "\xEF\xBB\xBF{\"store_id\" : 12345678901234567.89 }\r\n\n {\"store_id\":1e2,\"region\":true}",
		`{"store_id":"\ud800"}` + "\n" + `{"store_\u0069d":"e", "region":"\\\"}{"}`, `{"store_id":"a","store_id":null}`, `{"store_id":["a"]}`, `{"x":` + tooNested,
		"{\"store_id\":\"a\"}\n\v{\"store_id\":\"b\"}\f\n\u00a0{\"store_id\":\"c\"}\n\u2028\n{\"store_id\":\"d\"}\u0085",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := bytes.Split(bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")), []byte{'\n'})
		lines = slices.DeleteFunc(lines, func(l []byte) bool { return len(bytes.Trim(l, " \t\r")) == 0 })
		r, err := newNDJSON(bytes.NewReader(text), "f.ndjson", schemas.Stores, DefaultMaxLine)
		if err != nil {
			wantPlace(t, err, text)
			return
		}
		var rec record
		for i, line := range lines {
			if err := r.next(&rec); err != nil {
				wantPlace(t, err, text)
				return
			}
			var want map[string]string
			if utf8.Valid(line) && json.Valid(line) && bytes.Count(line, []byte{'{'})+bytes.Count(line, []byte{'['}) <= mostNesting {
				want = cellsOf(line)
			} else if json.Valid(line) && utf8.Valid(line) && rec.bad == "" {
				continue // how deep it is nested is the reader's own business
			}
			if rec.no != int64(i+1) || (want == nil) != (rec.bad != "") {
				t.Fatalf("row %d, %q is said to be row %d and bad because %q; encoding/json finds %q", i+1, line, rec.no, rec.bad, want)
			}
			for j, field := range schemas.Stores.Fields() {
				if want != nil && want[field.Name] != string(rec.cells[j]) {
					t.Errorf("row %d: %s is %q, and encoding/json says %q", i+1, field.Name, rec.cells[j], want[field.Name])
				}
			}
		}
		if err := r.next(&rec); !errors.Is(err, io.EOF) {
			t.Errorf("after %d rows there is another one (%v)", len(lines), err)
		}
	})
}

// FuzzControl: a control.json is refused, each fault with its place, or holds figures that are read again as they are
// written.
func FuzzControl(f *testing.F) {
	for _, text := range []string{
		`{"transactions": {"rows": 3, "amount": "2150.00"}, "items": {"rows": 4}}`, "\xEF\xBB\xBF{\n\"items\": []}", `{"items": {"rows": 1}`, "null",
		`{"item": {"rows": [{}]}, "stores": {"amount": "1"}, "returns": {"row": 1, "rows": -1, "amount": "1e5", "rows": 00}}`, `{"returns": {"amount": -0.1, "rows": "007"}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseControl("control.json", text)
		if err != nil {
			faults := []error{err}
			if all, ok := err.(interface{ Unwrap() []error }); ok {
				faults = all.Unwrap()
			}
			for _, fault := range faults {
				wantPlace(t, fault, text)
			}
			return
		}
		again := map[string]map[string]any{}
		read := map[string]*datasetRead{}
		for name, total := range c.datasets {
			again[name], read[name] = map[string]any{}, &datasetRead{}
			if total.rows != nil {
				if !total.rows.IsInt64() || total.rows.Int64() == math.MaxInt64 {
					return
				}
				again[name]["rows"] = total.rows.String()
				read[name].rows = total.rows.Int64()
			}
			if total.amount != nil {
				again[name]["amount"] = formatExact(total.amount)
				read[name].total.odd = total.amount
			}
		}
		written, err := json.Marshal(again)
		must(t, err)
		d, err := parseControl("control.json", written)
		if err != nil {
			t.Fatalf("%s became %s: %v", text, written, err)
		}
		if err := d.compare(read); err != nil {
			t.Errorf("%s became %s: %v", text, written, err)
		}
		for _, r := range read {
			r.rows++
		}
		if err := d.compare(read); err == nil && slices.ContainsFunc(sortedNames(d.datasets), func(n string) bool { return d.datasets[n].rows != nil }) {
			t.Errorf("%s holds of one row more", written)
		}
	})
}
