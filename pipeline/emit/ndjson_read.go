package emit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"accrue/pipeline"
	"accrue/schemas"
)

// readNDJSON returns the grants of an NDJSON file, which must have exactly the form that is published: one object per
// line, all keys of the contract in its order and no others, no blanks. Numbers are taken as text. The Grant is the
// same one each time; its texts may be kept.
//
// A general JSON reader would take thirty times as long; that what this one takes is JSON, and says the same to
// encoding/json, is a property that is tested.
func readNDJSON(r io.Reader) iter.Seq2[*pipeline.Grant, error] {
	return func(yield func(*pipeline.Grant, error) bool) {
		in, g := chunker{r: r}, &pipeline.Grant{}
		for line, end := 1, false; !end; {
			var chunk string
			var err error
			chunk, end, err = in.next()
			for ; err == nil && chunk != ""; line++ {
				text, rest, whole := strings.Cut(chunk, "\n")
				if !whole {
					err = errors.New("the file ends inside a record")
					break
				}
				if err = jsonGrant(g, text); err != nil {
					break
				}
				if !yield(g, nil) {
					return
				}
				chunk = rest
			}
			if err != nil {
				yield(nil, fmt.Errorf("line %d: %w", line, err))
				return
			}
		}
	}
}

// jsonGrant reads one object.
func jsonGrant(g *pipeline.Grant, s string) (err error) {
	if !strings.HasPrefix(s, "{") {
		return errors.New("not a JSON object")
	}
	for i := range cells {
		c := &cells[i]
		s = s[1:] // the brace or the comma before
		if !strings.HasPrefix(s, c.key) {
			return fmt.Errorf("the key %q is not where it belongs", c.Name)
		}
		if s, err = jsonValue(g, c, s[len(c.key):]); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
		if i < len(cells)-1 && !strings.HasPrefix(s, ",") {
			return fmt.Errorf("no comma after column %s", c.Name)
		}
	}
	if s != "}" {
		return fmt.Errorf("the object should end after column %s", cells[len(cells)-1].Name)
	}
	return nil
}

// jsonValue reads the value that s begins with into the grant's column, and returns what follows it.
func jsonValue(g *pipeline.Grant, c *cell, s string) (rest string, err error) {
	number := c.Kind == schemas.KindPoints || c.Kind == schemas.KindInteger
	switch {
	case strings.HasPrefix(s, "null") && c.Nullable:
		return s[len("null"):], setCell(g, c, "", true)
	case strings.HasPrefix(s, "null"):
		return "", errors.New("null, and every grant has one")
	case number != !strings.HasPrefix(s, `"`):
		return "", errors.New("of the wrong type")
	case number:
		at := strings.IndexAny(s, ",}")
		if at < 0 {
			return "", errors.New("a number without end")
		}
		return s[at:], setCell(g, c, s[:at], false)
	}
	value, rest, err := jsonText(s)
	if err != nil {
		return "", err
	}
	return rest, setCell(g, c, value, value == "" && !c.Nullable)
}

// jsonText reads the string that s begins with.
func jsonText(s string) (value, rest string, err error) {
	escaped := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			escaped = true
			i++ // whatever is escaped does not end the string
		case c == '"' && escaped:
			err = json.Unmarshal([]byte(s[:i+1]), &value)
			return value, s[i+1:], err
		case c == '"':
			if value = s[1:i]; !utf8.ValidString(value) {
				return "", "", errors.New("not UTF-8")
			}
			return value, s[i+1:], nil
		case c < 0x20:
			return "", "", errors.New("a control character that is not escaped")
		}
	}
	return "", "", errors.New("a string without end")
}
