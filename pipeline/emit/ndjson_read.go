package emit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"accrue/pipeline"
	"accrue/schemas"
)

// readNDJSON returns the grants of an NDJSON file, read by encoding/json with numbers as text. The Grant is the same
// one each time; its texts may be kept.
func readNDJSON(r io.Reader) iter.Seq2[*pipeline.Grant, error] {
	return func(yield func(*pipeline.Grant, error) bool) {
		in := bufio.NewReaderSize(r, chunkSize)
		g := &pipeline.Grant{}
		for line := 1; ; line++ {
			text, err := in.ReadBytes('\n')
			if errors.Is(err, io.EOF) && len(text) == 0 {
				return
			}
			if errors.Is(err, io.EOF) {
				err = errors.New("the file ends inside a record")
			}
			if err == nil {
				err = jsonGrant(g, text)
			}
			if err != nil {
				yield(nil, fmt.Errorf("line %d: %w", line, err))
				return
			}
			if !yield(g, nil) {
				return
			}
		}
	}
}

// jsonGrant reads one object. All keys of the contract must be there, in its order, and no others.
func jsonGrant(g *pipeline.Grant, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	for i := range cells {
		c := &cells[i]
		key, err := d.Token()
		if err != nil || key != c.Name {
			return fmt.Errorf("%v stands where the key %q belongs", key, c.Name)
		}
		value, err := d.Token()
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
		if err := setJSON(g, c, value); err != nil {
			return err
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return fmt.Errorf("%v stands where the object should end", t)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

func setJSON(g *pipeline.Grant, c *cell, value json.Token) error {
	number := c.Kind == schemas.KindPoints || c.Kind == schemas.KindInteger
	switch v := value.(type) {
	case nil:
		if !c.Nullable {
			return fmt.Errorf("column %s: null, and every grant has one", c.Name)
		}
		return setCell(g, c, "", true)
	case json.Number:
		if number {
			return setCell(g, c, v.String(), false)
		}
	case string:
		if !number {
			return setCell(g, c, v, v == "" && !c.Nullable)
		}
	}
	return fmt.Errorf("column %s: %v is of the wrong type", c.Name, value)
}
