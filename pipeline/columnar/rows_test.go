package columnar

import (
	"bytes"
	"database/sql"
	"fmt"
	"strconv"
	"testing"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

func TestRowsComeBack(t *testing.T) {
	columns := []schemas.Column{{Name: "a", Type: "VARCHAR"}, {Name: "b", Type: "BIGINT"}, {Name: "c", Type: "INTEGER"}, {Name: "d", Type: "UTINYINT"}, {Name: "e", Type: "DATE"}}
	var buf bytes.Buffer
	w, err := NewRowWriter(&buf, columns)
	if err != nil {
		t.Fatal(err)
	}
	const rows = rowGroup + 2
	for i := range rows {
		w.Int(1, int64(i)<<32)
		w.Text(0, []byte("é"))
		if i%2 == 0 {
			w.Null(2)
		} else {
			w.Int(2, -1)
		}
		w.Int(3, 255)
		w.Int(4, -1)
		w.EndRow()
	}
	for range 2 { // closing twice is once
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := OpenParquet(writeFile(t, "x", buf.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := texts(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "é", "b": "527769876299776", "c": "-1", "d": "255", "e": "1969-12-31"} {
		if last := got[name][rows-1]; len(got[name]) != rows || last != want {
			t.Errorf("column %s: %d rows, the last is %s, want %s", name, len(got[name]), last, want)
		}
	}
	if _, err := NewRowWriter(&buf, []schemas.Column{{Name: "x", Type: "HUGEINT"}}); err == nil {
		t.Error("a HUGEINT column can be written")
	}
}

// Whatever texts a column has, few or many, from the first row on or later, with or without absent ones: DuckDB reads
// what was written.
func TestRowsReachDuckDB(t *testing.T) {
	const rows = 2*rowGroup + 77
	every := func(n, i int, s string) sql.NullString { return sql.NullString{String: s, Valid: i%n != n-1} }
	texts := map[string]func(i int) sql.NullString{
		"few": func(i int) sql.NullString {
			return every(rows, i, []string{"", "a", "long enough to be elsewhere"}[i%3])
		},
		"few_and_none":           func(i int) sql.NullString { return every(7, i, strconv.Itoa(i%100)) },
		"many":                   func(i int) sql.NullString { return every(rows, i, fmt.Sprintf("T%09d", i)) },
		"many_and_none":          func(i int) sql.NullString { return every(2, i, strconv.Itoa(i)) },
		"many_later":             func(i int) sql.NullString { return every(5, i, strconv.Itoa(max(3, i-5000))) },
		"many_in_the_next_group": func(i int) sql.NullString { return every(5, i, strconv.Itoa(max(3, i-rowGroup))) },
		"none":                   func(int) sql.NullString { return sql.NullString{} },
		"none_at_first":          func(i int) sql.NullString { return sql.NullString{String: "x", Valid: i >= rowGroup} },
		"none_at_last":           func(i int) sql.NullString { return sql.NullString{String: "x", Valid: i < rowGroup} },
		"mostly_words":           func(i int) sql.NullString { return every(rows, i, strconv.Itoa(i%mostWords)) },
	}
	numbers := map[string]func(i int) sql.NullInt64{
		"number":         func(i int) sql.NullInt64 { return sql.NullInt64{Int64: int64(i) << 33, Valid: true} },
		"number_or_none": func(i int) sql.NullInt64 { return sql.NullInt64{Int64: -int64(i), Valid: i%3 > 0} },
		"no_number":      func(int) sql.NullInt64 { return sql.NullInt64{} },
	}
	var columns []schemas.Column
	for name := range texts {
		columns = append(columns, schemas.Column{Name: name, Type: "VARCHAR"})
	}
	for name := range numbers {
		columns = append(columns, schemas.Column{Name: name, Type: "BIGINT"})
	}
	var buf bytes.Buffer
	w, err := NewRowWriter(&buf, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for k, c := range columns {
			if c.Type == "VARCHAR" {
				if v := texts[c.Name](i); v.Valid {
					w.Text(k, []byte(v.String))
				} else {
					w.Null(k)
				}
			} else if v := numbers[c.Name](i); v.Valid {
				w.Int(k, v.Int64)
			} else {
				w.Null(k)
			}
		}
		w.EndRow()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := warehouse.Open(t.Context(), warehouse.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	path := writeFile(t, "rows.parquet", buf.Bytes())
	for _, c := range columns {
		var got sql.NullString
		i, wrong := 0, 0
		err := db.Each(t.Context(), "SELECT CAST("+c.Name+" AS VARCHAR) FROM read_parquet(?, file_row_number = true) ORDER BY file_row_number",
			[]any{path}, []any{&got}, func() error {
				want := sql.NullString{}
				if c.Type == "VARCHAR" {
					want = texts[c.Name](i)
				} else if v := numbers[c.Name](i); v.Valid {
					want = sql.NullString{String: strconv.FormatInt(v.Int64, 10), Valid: true}
				}
				if want.Valid != got.Valid || want.Valid && want.String != got.String {
					if wrong++; wrong < 3 {
						t.Errorf("%s, row %d: %q, want %q", c.Name, i, got.String, want.String)
					}
				}
				i++
				return nil
			})
		if err != nil || i != rows {
			t.Errorf("%s: %d rows of %d, %v", c.Name, i, rows, err)
		}
	}
}

// A row that lacks a column, or has one twice, is a fault of the program: it must not shift the rows behind it.
func TestRowsWithoutAColumn(t *testing.T) {
	for _, twice := range []bool{false, true} {
		var buf bytes.Buffer
		w, err := NewRowWriter(&buf, []schemas.Column{{Name: "a", Type: "VARCHAR"}, {Name: "b", Type: "BIGINT"}})
		if err != nil {
			t.Fatal(err)
		}
		w.Text(0, []byte("x"))
		if twice {
			w.Int(1, 1)
			w.Int(1, 2)
		}
		w.EndRow()
		if err := w.Close(); err == nil {
			t.Errorf("a row with a number twice (%v) or not at all is written", twice)
		}
	}
}
