package load

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"accrue/schemas"
)

// record is one row of a file before it is checked.
type record struct {
	no    int64    // counts from 1, the header not among them
	cells [][]byte // by the dataset's fields; empty or nil: absent; nil altogether where the row cannot be split
	bad   string   // why the row is no row at all; "" where it is one
	clean bool     // all cells are known to be UTF-8 without NUL
}

// recordReader gives the rows of a file one by one. What a record holds is good until the next call.
type recordReader interface {
	// next fills in the record, or gives io.EOF, or a *FileError that refuses the file.
	next(r *record) error
	// raw returns the last record as it stands in the file, or as near to that as people need.
	raw() string
	// unknown lists columns that the dataset does not have, in order of name.
	unknown() []string
	// missing lists required columns that are not in the file, where that is only known at its end.
	missing() []string
}

// columns matches the names of a file's columns to the dataset's fields. It returns the field of each column, -1 for
// one that the dataset does not have, and what is wrong.
func matchColumns(ds *schemas.Dataset, names []string) (fields []int, unknown []string, fault string) {
	if len(names) > mostColumns {
		return nil, nil, fmt.Sprintf("it has %d columns; %d are possible", len(names), mostColumns)
	}
	known := ds.Fields()
	fields = make([]int, len(names))
	seen := map[string]bool{}
	for i, name := range names {
		fields[i] = slices.IndexFunc(known, func(f schemas.Field) bool { return f.Name == name })
		switch {
		case fields[i] < 0:
			unknown = append(unknown, name)
		case seen[name]:
			return nil, nil, fmt.Sprintf("the column %s stands here twice", name)
		}
		seen[name] = true
	}
	sort.Strings(unknown)
	var missing []string
	for _, f := range known {
		if f.Required && !seen[f.Name] {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		return nil, nil, missingColumns(ds, missing, names)
	}
	return fields, slices.Compact(unknown), ""
}

// missingColumns words the fault of required columns that are not there.
func missingColumns(ds *schemas.Dataset, missing, found []string) string {
	noun := "the required column"
	if len(missing) > 1 {
		noun = "the required columns"
	}
	out := fmt.Sprintf("%s of %s %s missing: %s", noun, ds.Name, isOrAre(missing), strings.Join(missing, ", "))
	if len(found) == 0 {
		return out
	}
	anyKnown := false
	for _, name := range found {
		if _, ok := ds.Field(name); ok {
			anyKnown = true
		}
	}
	shown := make([]string, 0, len(found))
	for _, name := range found[:min(len(found), 30)] {
		shown = append(shown, clip(name, 60))
	}
	out += "; found: " + strings.Join(shown, ", ")
	switch {
	case len(found) == 1 && strings.ContainsAny(found[0], ";\t|"):
		out += "; columns must be parted by commas"
	case !anyKnown:
		out += "; is there no header?"
	}
	return out
}

func isOrAre(list []string) string {
	if len(list) > 1 {
		return "are"
	}
	return "is"
}

// clip shortens a text for a message.
func clip(s string, most int) string {
	s = printable(s)
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most] + "…"
}

// printable makes a text that a table and a terminal can hold.
func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
