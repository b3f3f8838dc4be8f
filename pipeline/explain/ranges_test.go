package explain

import (
	"database/sql"
	"strings"
	"testing"
)

// A row is looked for where it can be: in a stretch of a file, in several files, or everywhere.
func TestWhereARowCanBe(t *testing.T) {
	rows := func(file int, first, last int64, low, high string) idRange {
		return idRange{file, sql.NullInt64{Int64: first, Valid: true}, sql.NullInt64{Int64: last, Valid: true},
			sql.NullString{String: low, Valid: true}, sql.NullString{String: high, Valid: true}}
	}
	known := idRanges{rows(1, 1, 100, "a", "c"), rows(1, 101, 150, "d", "f"), rows(2, 1, 10, "e", "z"), rows(4, 1, 20, "0", "9")}
	unknown := append(known[:len(known):len(known)], idRange{file: 7})
	for _, c := range []struct {
		ranges   idRanges
		id, want string
	}{
		{known, "a", "file_id = 1 AND row_no BETWEEN 1 AND 100"},
		{known, "b", "file_id = 1 AND row_no BETWEEN 1 AND 100"},
		{known, "c", "file_id = 1 AND row_no BETWEEN 1 AND 100"},
		{known, "d", "file_id = 1 AND row_no BETWEEN 101 AND 150"},
		{known, "e", "file_id BETWEEN 1 AND 2"},
		{known, "z", "file_id = 2 AND row_no BETWEEN 1 AND 10"},
		{known, "zz", "false"},
		{known, "c2", "false"},
		{known, "5", "file_id = 4 AND row_no BETWEEN 1 AND 20"},
		{idRanges{rows(1, 1, 9, "a", "m"), rows(1, 10, 19, "b", "n"), rows(2, 1, 9, "o", "z")}, "c", "file_id = 1 AND row_no BETWEEN 1 AND 19"},
		{unknown, "b", "file_id BETWEEN 1 AND 7"},
		{unknown, "zz", "file_id BETWEEN 7 AND 7"},
		{idRanges{{file: 3}}, "b", "true"},
		{nil, "b", "true"},
	} {
		if got, narrow := c.ranges.holding("", c.id); got != c.want || narrow != strings.Contains(c.want, "row_no") {
			t.Errorf("%q is looked for where %s, narrow: %v, want %s", c.id, got, narrow, c.want)
		}
	}
	for _, c := range []struct {
		ranges   idRanges
		id, want string
	}{
		{known, "z", "t.file_id = 2 AND t.row_no BETWEEN 1 AND 10 AND t.x || '' = 'z'"},
		{known, "e", "t.file_id BETWEEN 1 AND 2 AND t.x = 'e'"},
		{nil, "e", "true AND t.x = 'e'"},
	} {
		if got := c.ranges.finding("t.", "x", c.id); got != c.want {
			t.Errorf("%q is found where %s, want %s", c.id, got, c.want)
		}
	}
}
