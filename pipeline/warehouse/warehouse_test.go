package warehouse

import (
	"context"
	"errors"
	"path/filepath"
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
