package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var all map[string]map[string]any
	if err := dec.Decode(&all); err != nil {
		return nil, controlFault(path, text, dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, controlFault(path, text, dec.InputOffset(), errors.New("something follows the object"))
	}
	c := &control{path: path, datasets: map[string]controlTotal{}}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, &FileError{Path: path, What: fmt.Sprintf(format, args...)})
	}
	for _, name := range sortedNames(all) {
		ds := datasetNamed(name)
		if ds == nil {
			fault("%q is no dataset; there are %s", name, datasetNames())
			continue
		}
		var t controlTotal
		for _, key := range sortedNames(all[name]) {
			v := fmt.Sprint(all[name][key])
			_, hasAmount := ds.Field(fieldAmount)
			switch {
			case key == "rows":
				n, ok := exactNumber(v)
				if !ok || !n.IsInt() || n.Sign() < 0 {
					fault("%s: rows must be a whole number, not %s", name, clip(v, mostDetail))
					continue
				}
				t.rows = n.Num()
			case key == fieldAmount && hasAmount:
				n, ok := exactNumber(v)
				if !ok {
					fault("%s: amount must be a decimal such as \"2150.00\", not %s", name, clip(v, mostDetail))
					continue
				}
				t.amount = n
			case key == fieldAmount:
				fault("%s: rows of %s have no amount", name, name)
			default:
				fault("%s: unknown figure %q; there are rows and amount", name, key)
			}
		}
		c.datasets[name] = t
	}
	return c, errors.Join(faults...)
}

func controlFault(path string, text []byte, at int64, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	what := err.Error()
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
		what = `it must have the form {"transactions": {"rows": 3, "amount": "2150.00"}}`
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		at, what = int64(len(text)), "the JSON ends too early"
	}
	before := text[:min(int(at), len(text))]
	return &FileError{Path: path, Line: int64(bytes.Count(before, []byte{'\n'})) + 1,
		Column: max(1, int64(len(before)-1-bytes.LastIndexByte(before, '\n'))), What: what, Err: err}
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
