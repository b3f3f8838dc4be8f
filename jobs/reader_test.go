package jobs

import (
	"errors"
	"os"
	"testing"

	"accrue/pipeline/warehouse"
)

// Who reads after a kill finds what was committed, also where DuckDB's log is too long to be read without writing.
func TestReadersAfterAKill(t *testing.T) {
	t.Parallel()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 133.33")
	run(t, p, "2026-11-01")
	db, err := p.openWarehouse(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	// Where some of a transaction's rows are deleted again, DuckDB logs all of them.
	if err := db.Tx(t.Context(), func() error {
		_, err := db.Exec(t.Context(), "INSERT INTO reloads SELECT DATE '2026-01-01', 1000 + range % 1000000 FROM range(500000)")
		if err == nil {
			_, err = db.Exec(t.Context(), "DELETE FROM reloads WHERE load_seq % 10 = 0")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	left := map[string][]byte{}
	for _, name := range []string{p.warehouseFile(), p.warehouseFile() + ".wal"} {
		if left[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range left {
		write(t, name, string(text))
	}
	read(t, p, func(db *warehouse.DB) {
		var reloads, grants int
		if err := db.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM reloads), (SELECT count(*) FROM ledger)").Scan(&reloads, &grants); err != nil {
			t.Fatal(err)
		}
		if reloads != 450_000 || grants != 1 {
			t.Errorf("%d reloads and %d grants, want 450,000 and 1", reloads, grants)
		}
	})
	if _, err := os.Stat(p.warehouseFile() + ".wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is still there: %v", err)
	}
	noFindings(t, p)
}
