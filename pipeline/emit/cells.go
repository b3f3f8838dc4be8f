package emit

import (
	"strconv"

	"accrue/pipeline"
	"accrue/schemas"
)

// cell is one column of the text forms: CSV and NDJSON.
type cell struct {
	schemas.GrantField
	key string // `"name":` as NDJSON writes it
	// text writes the value; absent reports that there is none (nil: there always is).
	text   func(b []byte, g *pipeline.Grant, places int) []byte
	absent func(g *pipeline.Grant) bool
	parse  func(g *pipeline.Grant, s string) error
}

// cells are the columns in the order of the contract.
var cells = func() []cell {
	var out []cell
	for _, f := range schemas.GrantFields() {
		c, ok := cellKinds[f.Name]
		if !ok {
			panic("emit: no cell for the column " + f.Name) // a column was added to the contract and not here
		}
		c.GrantField, c.key = f, string(appendJSON(nil, f.Name))+":"
		out = append(out, c)
	}
	return out
}()

func textCell(at func(*pipeline.Grant) *string) cell {
	return cell{
		text:  func(b []byte, g *pipeline.Grant, _ int) []byte { return append(b, *at(g)...) },
		parse: func(g *pipeline.Grant, s string) error { *at(g) = s; return nil },
	}
}

func dateCell(at func(*pipeline.Grant) *pipeline.Date) cell {
	return cell{
		text: func(b []byte, g *pipeline.Grant, _ int) []byte { return appendDate(b, *at(g)) },
		parse: func(g *pipeline.Grant, s string) (err error) {
			*at(g), err = parseDate(s)
			return err
		},
	}
}

var cellKinds = map[string]cell{
	"grant_id": textCell(func(g *pipeline.Grant) *string { return &g.GrantID }),
	"program":  textCell(func(g *pipeline.Grant) *string { return &g.Program }),
	"program_version": {
		text: func(b []byte, g *pipeline.Grant, _ int) []byte {
			return strconv.AppendInt(b, int64(g.ProgramVersion), 10)
		},
		parse: func(g *pipeline.Grant, s string) error {
			n, err := parseWhole(s)
			g.ProgramVersion = int32(n)
			if err == nil && int64(g.ProgramVersion) != n {
				err = errWhole
			}
			return err
		},
	},
	"member_id": textCell(func(g *pipeline.Grant) *string { return &g.MemberID }),
	"rule":      textCell(func(g *pipeline.Grant) *string { return &g.Rule }),
	"reward":    textCell(func(g *pipeline.Grant) *string { return &g.Reward }),
	"amount": {
		text: func(b []byte, g *pipeline.Grant, places int) []byte { return appendAmount(b, g.Amount, places) },
		parse: func(g *pipeline.Grant, s string) (err error) {
			g.Amount, err = parseAmount(s)
			return err
		},
	},
	"kind":        textCell(func(g *pipeline.Grant) *string { return &g.Kind }),
	"source_type": textCell(func(g *pipeline.Grant) *string { return &g.SourceType }),
	"source_id":   textCell(func(g *pipeline.Grant) *string { return &g.SourceID }),
	"earned_at": {
		text: func(b []byte, g *pipeline.Grant, _ int) []byte { return appendInstant(b, g.EarnedUS) },
		parse: func(g *pipeline.Grant, s string) (err error) {
			g.EarnedUS, err = parseInstant(s)
			return err
		},
	},
	"earned_on":    dateCell(func(g *pipeline.Grant) *pipeline.Date { return &g.EarnedOn }),
	"posted_on":    dateCell(func(g *pipeline.Grant) *pipeline.Date { return &g.PostedOn }),
	"available_on": dateCell(func(g *pipeline.Grant) *pipeline.Date { return &g.AvailableOn }),
	"expires_on": {
		text:   func(b []byte, g *pipeline.Grant, _ int) []byte { return appendDate(b, g.ExpiresOn) },
		absent: func(g *pipeline.Grant) bool { return !g.Expires },
		parse: func(g *pipeline.Grant, s string) (err error) {
			g.ExpiresOn, err = parseDate(s)
			g.Expires = true
			return err
		},
	},
	"reason": textCell(func(g *pipeline.Grant) *string { return &g.Reason }),
}

// special marks the bytes that make CSV quote a cell.
var special = [256]bool{',': true, '"': true, '\n': true, '\r': true}

// appendCSV writes a grant as a line of RFC 4180, quoting only what needs it.
func appendCSV(b []byte, g *pipeline.Grant, places int) []byte {
	for i := range cells {
		c := &cells[i]
		if i > 0 {
			b = append(b, ',')
		}
		if c.absent != nil && c.absent(g) {
			continue
		}
		start := len(b)
		b = c.text(b, g, places)
		if c.Kind != schemas.KindID {
			continue // all others are words and numbers of ours
		}
		for _, ch := range b[start:] {
			if special[ch] {
				b = quote(b, start)
				break
			}
		}
	}
	return append(b, '\n')
}

// quote puts what stands in b from start between quotes, doubling those inside.
func quote(b []byte, start int) []byte {
	cell := string(b[start:])
	b = append(b[:start], '"')
	for i := range len(cell) {
		if cell[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, cell[i])
	}
	return append(b, '"')
}

// csvHeader is the first line of a CSV grant file.
var csvHeader = func() string {
	b := []byte{}
	for i, name := range schemas.GrantColumns() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, name...)
	}
	return string(append(b, '\n'))
}()

// appendNDJSON writes a grant as one line of JSON, its keys in the contract's order. Numbers are written as the
// decimals that they are, an absent value as null.
func appendNDJSON(b []byte, g *pipeline.Grant, places int) []byte {
	for i := range cells {
		c := &cells[i]
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ',')
		}
		b = append(b, c.key...)
		switch {
		case c.absent != nil && c.absent(g):
			b = append(b, "null"...)
		case c.Kind == schemas.KindPoints || c.Kind == schemas.KindInteger:
			b = c.text(b, g, places)
		case c.Kind == schemas.KindID:
			start := len(b)
			b = c.text(b, g, places)
			b = appendJSON(b[:start], string(b[start:]))
		default:
			b = append(c.text(append(b, '"'), g, places), '"')
		}
	}
	return append(b, '}', '\n')
}

const hexDigits = "0123456789abcdef"

// appendJSON writes a text as a JSON string. It is UTF-8 already; quotes, backslashes and control characters are
// escaped.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
