package warehouse

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenCreatesAndKeeps(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "w", "accrue.duckdb")
	db, err := Open(ctx, Options{Path: path, Threads: 2, MemoryLimit: "1GB", TempDir: filepath.Join(t.TempDir(), "spill")})
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err = db.Tx(ctx, func() error {
		if _, err := db.Exec(ctx, "INSERT INTO horizons VALUES ('p', DATE '2026-01-01', 1)"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("Tx returned %v, want the function's error", err)
	}
	if _, err := db.Exec(ctx, "INSERT INTO horizons VALUES ('q', DATE '2026-01-02', 2)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err = Open(ctx, Options{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	var program string
	if err := db.QueryRow(ctx, "SELECT count(*), max(program) FROM horizons").Scan(&n, &program); err != nil {
		t.Fatal(err)
	}
	if n != 1 || program != "q" {
		t.Errorf("horizons holds %d rows (%s), want only the committed one", n, program)
	}
}

// What a killed process left in the log may be more than the memory holds.
func TestOpenAfterAKill(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "accrue.duckdb")
	db, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 24 { // each short enough to be in the log with its rows
		if _, err := db.Exec(ctx, `INSERT INTO horizons SELECT concat(hash(range), hash(range + 1), hash(range + 2)), DATE '2026-01-01', range
			FROM range(100000)`); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"", ".wal"} {
		text, err := os.ReadFile(path + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "left.duckdb"+name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	left, err := Open(ctx, Options{Path: filepath.Join(dir, "left.duckdb"), MemoryLimit: "100MB", TempDir: filepath.Join(dir, "spill")})
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	var n int
	if err := left.QueryRow(ctx, "SELECT count(*) FROM horizons").Scan(&n); err != nil || n != 2_400_000 {
		t.Errorf("%d rows: %v", n, err)
	}
}

func TestPathsThatTheDriverCannotOpen(t *testing.T) {
	for _, name := range []string{"50%", "what?"} {
		_, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), name, "accrue.duckdb")})
		if err == nil || !strings.Contains(err.Error(), "give the folder another name") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A sealed warehouse reads and writes no file but its own, also when it spills, and can be opened again.
func TestSeal(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "accrue.duckdb")
	db, err := Open(ctx, Options{Path: path, Threads: 2, MemoryLimit: "100MB", TempDir: filepath.Join(dir, "spill")})
	if err != nil {
		t.Fatal(err)
	}
	csv := filepath.Join(dir, "x.csv")
	if _, err := db.Exec(ctx, "COPY (SELECT 1 AS a) TO "+Literal(csv)); err != nil {
		t.Fatal(err)
	}
	if err := db.Seal(ctx); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"SELECT * FROM read_csv(" + Literal(csv) + ")", "SELECT * FROM " + Literal(csv), "SELECT * FROM read_text('/etc/hostname')",
		"COPY (SELECT 1) TO " + Literal(filepath.Join(dir, "y.csv")), "ATTACH " + Literal(filepath.Join(dir, "z.duckdb")),
		"INSTALL httpfs", "LOAD '/tmp/x.duckdb_extension'", "SET enable_external_access = true", "SET memory_limit = '1TB'",
	} {
		if _, err := db.Exec(ctx, s); err == nil {
			t.Errorf("a sealed warehouse runs %s", s)
		}
	}
	// More than the memory holds.
	var n int
	if _, err := db.Exec(ctx, "CREATE TEMP TABLE big AS SELECT range AS i, hash(range) AS a, hash(range + 1) AS b FROM range(12000000)"); err != nil {
		t.Error(err)
	}
	if spilled, err := filepath.Glob(filepath.Join(dir, "spill", "*")); err != nil || len(spilled) == 0 {
		t.Errorf("nothing was spilled: %v", err)
	}
	if _, err := db.Exec(ctx, "CREATE TABLE kept AS SELECT range AS i FROM range(100000)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(ctx, Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(ctx, "SELECT count(*) FROM kept").Scan(&n); err != nil || n != 100_000 {
		t.Errorf("%d rows kept: %v", n, err)
	}
}
