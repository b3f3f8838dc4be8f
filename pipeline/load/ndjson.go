package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"

	"accrue/schemas"
)

// jsonReader reads one JSON object per line. Numbers keep the text that they are written with; null is absent; true
// and false are texts. A line that is no object, that names a column twice, or that holds a list or an object for a
// column, is a bad row. Blank lines are skipped.
type jsonReader struct {
	w      *window
	ds     *schemas.Dataset
	fields []schemas.Field
	places map[string]int
	seen   []int64 // by field, the last row that named it
	extra  map[string]bool
	no     int64
	line   []byte
}

// mostUnknown is how many unknown names of one file are remembered.
const mostUnknown = 100

func newNDJSON(in io.Reader, path string, ds *schemas.Dataset, most int64) (*jsonReader, error) {
	j := &jsonReader{w: newWindow(in, path, most), ds: ds, fields: ds.Fields(), places: map[string]int{},
		extra: map[string]bool{}}
	j.seen = make([]int64, len(j.fields))
	for i, f := range j.fields {
		j.places[f.Name] = i
	}
	return j, j.w.skipMark()
}

func (j *jsonReader) next(r *record) error {
	for {
		j.w.skipBlank()
		end, err := j.w.lineEnd(0)
		if err != nil {
			return err
		}
		j.line = trimCR(j.w.rest()[:end])
		if end == 0 && j.w.eof && len(j.w.rest()) == 0 {
			return io.EOF
		}
		j.w.use(end)
		if len(bytes.TrimLeft(j.line, " \t\r")) > 0 {
			break
		}
	}
	j.no++
	if r.cells == nil {
		r.cells = make([][]byte, len(j.fields))
	}
	clear(r.cells)
	r.no = j.no
	if r.bad = j.object(r.cells); r.bad != "" {
		r.cells = nil
	}
	return nil
}

func (j *jsonReader) raw() string { return string(j.line) }

func (j *jsonReader) unknown() []string {
	out := make([]string, 0, len(j.extra))
	for name := range j.extra {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// missing lists required columns that no row of a file with rows has named.
func (j *jsonReader) missing() []string {
	var out []string
	for i, f := range j.fields {
		if f.Required && j.seen[i] == 0 && j.no > 0 {
			out = append(out, f.Name)
		}
	}
	return out
}

// object reads the line's values into the cells and says why it cannot. encoding/json has said that the line is
// sound before it is walked through.
func (j *jsonReader) object(cells [][]byte) (bad string) {
	text := bytes.Trim(j.line, " \t\r") // JSON knows no other blanks
	switch {
	case !utf8.Valid(text):
		return "not UTF-8"
	case tooDeep(text):
		return fmt.Sprintf("nested deeper than %d", mostNesting)
	case !json.Valid(text):
		return "not JSON"
	case text[0] != '{':
		return "not a JSON object"
	}
	for at := 1; ; {
		at = skipTo(text, at, '"')
		if at < 0 {
			return "" // the end of the object
		}
		end := stringEnd(text, at)
		name, ok := unquote(text[at:end])
		if !ok {
			return "a name is not UTF-8"
		}
		at = valueStart(text, end)
		end = valueEnd(text, at)
		if bad := j.value(string(name), text[at:end], cells); bad != "" {
			return bad
		}
		at = end
	}
}

// tooDeep reports whether brackets outside of strings are nested deeper than they may be.
func tooDeep(text []byte) bool {
	if bytes.Count(text, []byte{'{'})+bytes.Count(text, []byte{'['}) <= mostNesting {
		return false
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > mostNesting {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// value puts one value into its cell.
func (j *jsonReader) value(name string, text []byte, cells [][]byte) (bad string) {
	f, ok := j.places[name]
	if !ok {
		if len(j.extra) < mostUnknown {
			j.extra[name] = true
		}
		return ""
	}
	if j.seen[f] == j.no {
		return name + " stands here twice"
	}
	j.seen[f] = j.no
	switch text[0] {
	case '{', '[':
		return fmt.Sprintf("%s is a list or an object", name)
	case 'n':
		return ""
	case '"':
		cell, ok := unquote(text)
		if !ok {
			return name + " holds half a character"
		}
		cells[f] = cell
		return ""
	}
	cells[f] = text
	return ""
}

// skipTo returns the place of the next byte c behind commas and blanks, -1 where something else comes first.
func skipTo(text []byte, at int, c byte) int {
	for ; at < len(text); at++ {
		switch text[at] {
		case c:
			return at
		case ' ', '\t', '\r', '\n', ',':
		default:
			return -1
		}
	}
	return -1
}

// stringEnd returns the place behind the string that begins at the place.
func stringEnd(text []byte, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// valueStart returns the place of the value behind a name.
func valueStart(text []byte, at int) int {
	for text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n' || text[at] == ':' {
		at++
	}
	return at
}

// valueEnd returns the place behind the value that begins at the place.
func valueEnd(text []byte, at int) int {
	depth := 0
	for {
		switch text[at] {
		case '"':
			at = stringEnd(text, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at // of the object around it
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return at
			}
		}
		at++
	}
}

// unquote returns what a JSON string says. Half of a pair of surrogates is no character: encoding/json would put
// another one in its place, and two ids would become one.
func unquote(quoted []byte) (text []byte, ok bool) {
	text = quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return text, true
	}
	if !pairedSurrogates(text) {
		return nil, false
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return nil, false
	}
	return []byte(s), true
}

// pairedSurrogates reports whether every \uD800 to \uDBFF is followed by one of \uDC00 to \uDFFF, and none of those
// stands alone.
func pairedSurrogates(text []byte) bool {
	high := false
	for i := 0; i < len(text); i++ {
		unit := 0
		if text[i] == '\\' {
			if i++; text[i] == 'u' {
				if _, err := fmt.Sscanf(string(text[i+1:i+5]), "%04x", &unit); err != nil {
					return false
				}
				i += 4
			}
		}
		isHigh, isLow := unit >= 0xD800 && unit < 0xDC00, unit >= 0xDC00 && unit < 0xE000
		if high != isLow {
			return false
		}
		high = isHigh
	}
	return !high
}
