package warehouse

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// What the session notes of its temporary tables and views must be what DuckDB has.
func TestDropTemps(t *testing.T) {
	ctx := t.Context()
	db, err := Open(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	holds := func(want ...string) {
		t.Helper()
		var got []string
		var name string
		if err := db.Each(ctx, `SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal
			UNION ALL SELECT table_name FROM duckdb_tables() WHERE temporary ORDER BY 1`, nil, []any{&name}, func() error {
			got = append(got, name)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("DuckDB has %q, want %q", got, want)
		}
	}
	exec := func(statements ...string) error {
		for _, s := range statements {
			if _, err := db.Exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(exec("CREATE TABLE lasting (n INTEGER)", "CREATE TEMP TABLE a AS SELECT 1 AS n", "\n-- a comment\n -- and one more\nCREATE OR REPLACE TEMP VIEW b AS SELECT * FROM a",
		`create temporary table "c d" (n INTEGER)`, "CREATE TEMP TABLE IF NOT EXISTS e AS SELECT 2 AS n", "CREATE OR REPLACE TEMP TABLE e AS SELECT 3 AS n"))
	holds("a", "b", "c d", "e")
	must(db.DropTemps(ctx, func(name string) bool { return strings.HasPrefix(name, "c") }))
	holds("a", "b", "e")

	// A name may stand for a view now and a table then.
	must(exec("DROP VIEW b", "CREATE TEMP TABLE b AS SELECT * FROM a", "DROP TABLE IF EXISTS e"))
	must(db.DropTemps(ctx, nil))
	holds()

	// What a transaction has made or dropped is as it was when it is rolled back.
	must(exec("CREATE TEMP TABLE before AS SELECT 1 AS n"))
	boom := errors.New("boom")
	undone := func() error {
		return errors.Join(exec("DROP TABLE before", "CREATE TEMP VIEW inside AS SELECT 1 AS n"), boom)
	}
	for name, within := range map[string]func(context.Context, func() error) error{"Tx": db.Tx, "Rehearse": db.Rehearse} {
		if err := within(ctx, undone); !errors.Is(err, boom) || err.Error() != "boom" {
			t.Fatalf("%s returned %v", name, err)
		}
		holds("before")
	}
	must(db.DropTemps(ctx, nil))
	holds()
	must(exec("INSERT INTO lasting VALUES (1)"))
}
