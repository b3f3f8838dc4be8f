package emit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"accrue/pipeline"
	"accrue/schemas"
)

func hexDigest(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func digestOf(text []byte) string {
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

// manifestText writes a manifest: indented JSON, its fields in the contract's order, LF at the end.
func manifestText(m *schemas.Manifest) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// parseManifest reads a manifest, which must be of the form that this version writes.
func parseManifest(text []byte) (*schemas.Manifest, error) {
	m := &schemas.Manifest{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, notManifest(text, d.InputOffset(), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, notManifest(text, d.InputOffset(), errors.New("something follows it"))
	}
	if m.Format != schemas.ManifestFormat {
		return nil, fmt.Errorf("a manifest of the form %q, want %q", m.Format, schemas.ManifestFormat)
	}
	for _, f := range m.Files {
		if f.Name != plainName(f.Name) {
			return nil, notManifest(text, int64(max(0, bytes.Index(text, []byte(strconv.Quote(f.Name))))), fmt.Errorf("%q is not a file name", f.Name))
		}
	}
	return m, nil
}

// notManifest says what is wrong with a text that is no manifest, and on which line; at is how far it was read.
func notManifest(text []byte, at int64, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	return fmt.Errorf("not a manifest: line %d: %w", 1+bytes.Count(text[:min(int(at), len(text))], []byte{'\n'}), err)
}

// plainName returns the name if it stays inside its folder, else "".
func plainName(name string) string {
	if name == "" || name == "." || name == ".." || name == schemas.ManifestName || strings.ContainsAny(name, "/\\\x00") {
		return ""
	}
	return name
}

// manifestTotals writes control totals with the digits of each reward.
func manifestTotals(t *pipeline.Totals, scales map[string]int) schemas.ManifestTotals {
	out := schemas.ManifestTotals{Rows: t.Rows, Sums: []schemas.ManifestSum{}}
	for _, s := range t.Sums {
		out.Sums = append(out.Sums, schemas.ManifestSum{
			Reward: s.Reward, Kind: string(s.Kind), Rows: s.Rows, Amount: s.Amount.Format(scales[s.Reward]),
		})
	}
	return out
}

// totalsOf reads control totals back, and from the way the sums are written the decimal places of each reward.
func totalsOf(m *schemas.Manifest) (*pipeline.Totals, map[string]int, error) {
	out, scales := &pipeline.Totals{}, map[string]int{}
	for _, s := range m.Totals.Sums {
		whole, frac, _ := strings.Cut(s.Amount, ".")
		if len(frac) > pipeline.AmountPlaces {
			return nil, nil, fmt.Errorf("not a manifest: the sum %q has more than four places", s.Amount)
		}
		amount, err := pipeline.ParseSum(whole + frac + "0000"[len(frac):])
		if err != nil {
			return nil, nil, fmt.Errorf("not a manifest: %w", err)
		}
		out.Add(s.Reward, pipeline.GrantKind(s.Kind), s.Rows, amount)
		scales[s.Reward] = max(scales[s.Reward], len(frac))
	}
	if out.Rows != m.Totals.Rows {
		return nil, nil, fmt.Errorf("its control totals do not add up: %d rows by reward and kind, %d in all", out.Rows, m.Totals.Rows)
	}
	return out, scales, nil
}

// formatsOf returns the formats of the files, in order.
func formatsOf(files []schemas.ManifestFile) []Format {
	var out []Format
	for _, f := range files {
		if len(out) == 0 || out[len(out)-1] != Format(f.Format) {
			out = append(out, Format(f.Format))
		}
	}
	return out
}
