package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sort"
	"strings"

	"accrue/schemas"
)

// control is what the sender says that a delivery holds.
type control struct {
	path     string
	datasets map[string]controlTotal
}

// controlTotal is one dataset's figures; nil for those that are not given.
type controlTotal struct {
	rows   *big.Int
	amount *big.Rat
}

// readControl reads a control.json: {"transactions": {"rows": 3, "amount": "2150.00"}, …}. All that is wrong with it
// is told at once.
func readControl(path string) (*control, error) {
	text, err := readExport(path)
	if err != nil {
		return nil, err
	}
	return parseControl(path, text)
}

func parseControl(path string, text []byte) (*control, error) {
	r := &controlReader{path: path, text: bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")),
		control: &control{path: path, datasets: map[string]controlTotal{}}}
	var sound json.RawMessage
	if err := json.Unmarshal(r.text, &sound); err != nil {
		return nil, r.unsound(err)
	}
	r.dec = json.NewDecoder(bytes.NewReader(r.text))
	r.dec.UseNumber()
	r.object(r.dataset)
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	return r.control, nil
}

// controlReader walks through a control.json that is sound JSON, so that every fault has its place, and a name that
// stands there twice is seen.
type controlReader struct {
	path    string
	text    []byte
	dec     *json.Decoder
	at      int // where the token that was read last begins
	control *control
	faults  []error
}

// fault notes what is wrong with the token that was read last.
func (r *controlReader) fault(format string, args ...any) {
	r.faults = append(r.faults, r.faultAt(r.at, fmt.Sprintf(format, args...), nil))
}

// faultAt is the fault of a byte.
func (r *controlReader) faultAt(at int, what string, err error) error {
	before := r.text[:max(0, min(at, len(r.text)))]
	return &FileError{Path: r.path, Line: int64(bytes.Count(before, []byte{'\n'})) + 1,
		Column: int64(len(before) - bytes.LastIndexByte(before, '\n')), What: what, Err: err}
}

// unsound is the fault of a text that is no JSON.
func (r *controlReader) unsound(err error) error {
	var syntax *json.SyntaxError
	at, what := 0, err.Error()
	if errors.As(err, &syntax) {
		at = int(syntax.Offset) - 1 // it counts the bytes that were read
	}
	if what == "unexpected end of JSON input" {
		at, what = len(r.text)-1, "the JSON ends too early"
	}
	return r.faultAt(at, what, err)
}

// object calls fn for every name of the object that comes next; fn reads the value.
func (r *controlReader) object(fn func(name string)) {
	if t := r.token(); t != json.Delim('{') {
		r.fault(`it must have the form {"transactions": {"rows": 3, "amount": "2150.00"}}`)
		r.skip(t)
		return
	}
	seen := map[string]bool{}
	for r.dec.More() {
		name, _ := r.token().(string)
		if seen[name] {
			r.fault("%q stands here twice", name)
			r.skip(r.token())
			continue
		}
		seen[name] = true
		fn(name)
	}
	r.token()
}

// token reads on; the text is sound.
func (r *controlReader) token() json.Token {
	r.at = int(r.dec.InputOffset())
	t, _ := r.dec.Token()
	r.at += len(r.text[r.at:]) - len(bytes.TrimLeft(r.text[r.at:], " \t\r\n,:"))
	return t
}

// skip steps over the value that begins with the token.
func (r *controlReader) skip(t json.Token) {
	depth := 0
	for {
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return
		}
		t = r.token()
	}
}

// dataset reads the figures of one dataset.
func (r *controlReader) dataset(name string) {
	ds := datasetNamed(name)
	if ds == nil {
		r.fault("%q is no dataset; there are %s", name, datasetNames())
		r.skip(r.token())
		return
	}
	_, hasAmount := ds.Field(fieldAmount)
	var t controlTotal
	r.object(func(key string) {
		switch {
		case key == "rows":
			if n, v, ok := r.number(); !ok || !n.IsInt() || n.Sign() < 0 {
				r.fault("%s: rows must be a whole number, not %s", name, v)
			} else {
				t.rows = n.Num()
			}
			return
		case key == fieldAmount && hasAmount:
			n, v, ok := r.number()
			if !ok {
				r.fault("%s: amount must be a decimal such as \"2150.00\", not %s", name, v)
			}
			t.amount = n
			return
		case key == fieldAmount:
			r.fault("%s: rows of %s have no amount", name, name)
		default:
			r.fault("%s: unknown figure %q; there are rows and amount", name, key)
		}
		r.skip(r.token())
	})
	r.control.datasets[name] = t
}

// number reads a number, or a text that is one, and returns what stands there for messages.
func (r *controlReader) number() (n *big.Rat, text string, ok bool) {
	t := r.token()
	switch t.(type) {
	case json.Delim:
		defer func(at int) { r.at = at }(r.at)
		r.skip(t)
		return nil, "a list or an object", false
	case string, json.Number:
		n, ok = exactNumber(fmt.Sprint(t))
	}
	return n, clip(fmt.Sprint(t), mostDetail), ok
}

// compare holds the figures against what was read.
func (c *control) compare(read map[string]*datasetRead) error {
	var out []string
	for _, name := range sortedNames(c.datasets) {
		t, got := c.datasets[name], read[name]
		if got == nil {
			got = &datasetRead{}
		}
		if rows := big.NewInt(got.rows); t.rows != nil && t.rows.Cmp(rows) != 0 {
			out = append(out, fmt.Sprintf("%s: %s rows by control.json, %s read, difference %s",
				name, t.rows, rows, new(big.Int).Sub(rows, t.rows)))
		}
		if amount := got.total.exact(); t.amount != nil && t.amount.Cmp(amount) != 0 {
			out = append(out, fmt.Sprintf("%s: amount %s by control.json, %s read, difference %s",
				name, formatExact(t.amount), formatExact(amount), formatExact(new(big.Rat).Sub(amount, t.amount))))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &ControlError{Path: c.path, Differences: out}
}

// datasetRead is what was read of one dataset of a delivery, rejected rows included.
type datasetRead struct {
	rows  int64
	total total
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

func datasetNamed(name string) *schemas.Dataset {
	for _, d := range schemas.Datasets {
		if d.Name == name {
			return d
		}
	}
	return nil
}

func datasetNames() string {
	names := make([]string, len(schemas.Datasets))
	for i, d := range schemas.Datasets {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}
