package warehouse

import (
	"path/filepath"
	"testing"
)

// What is found by its hash is what a plain comparison finds, whoever made the hashes.
func TestHolding(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "accrue.duckdb")
	db, err := Open(ctx, Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	// The last two have the hash of another id, as two of many millions of ids do, or none.
	ids := []string{"M1", "M2", "it's", "", "жен", "a much longer id that is not stored in place"}
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE rows (id VARCHAR, id_hash UINTEGER)")
	for _, id := range ids {
		exec("INSERT INTO rows SELECT x, "+Hash("x")+" FROM (SELECT CAST(? AS VARCHAR) AS x)", id)
	}
	exec("INSERT INTO rows SELECT 'other', id_hash FROM rows WHERE id = 'M1'")
	exec("INSERT INTO rows VALUES (NULL, " + Hash("NULL::VARCHAR") + ")")
	found := func(id string) (n int) {
		t.Helper()
		holding, err := db.Holding(ctx, "id", "id_hash", id)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow(ctx, "SELECT count(*) FROM rows WHERE "+holding).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, id := range ids {
		if n := found(id); n != 1 {
			t.Errorf("%q is found %d times", id, n)
		}
	}
	for _, id := range []string{"m1", "M3"} {
		if n := found(id); n != 0 {
			t.Errorf("%q is found %d times", id, n)
		}
	}
	// By its hash: a row that bears another one is passed over.
	if n := found("other"); n != 0 {
		t.Error("ids are compared without a look at their hashes")
	}
	// Rows that another version hashed are found by their ids alone.
	exec("UPDATE rows SET id_hash = 7")
	exec("INSERT INTO hashed_by VALUES ('v0.0.1')")
	for _, id := range append(ids, "other") {
		if n := found(id); n != 1 {
			t.Errorf("among hashes of two versions %q is found %d times", id, n)
		}
	}
	exec("DELETE FROM hashed_by WHERE version <> 'v0.0.1'")
	if n := found("M1"); n != 1 {
		t.Errorf("among hashes of another version M1 is found %d times", n)
	}
	// Whoever opens the warehouse to write may leave hashes in it.
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if db, err = Open(ctx, Options{Path: path}); err != nil {
			t.Fatal(err)
		}
		var n, ours int
		if err := db.QueryRow(ctx, "SELECT count(*), count(*) FILTER (version = version()) FROM hashed_by").Scan(&n, &ours); err != nil || n != 2 || ours != 1 {
			t.Errorf("%d versions, %d times ours, %v; want 2 and 1", n, ours, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A warehouse that is older than the hashes has rows without them.
func TestHashesOfAnOlderWarehouse(t *testing.T) {
	ctx := t.Context()
	db, err := Open(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range []string{
		"ALTER TABLE transactions DROP COLUMN member_hash", "ALTER TABLE ledger DROP COLUMN source_hash",
		"ALTER TABLE ledger DROP COLUMN member_hash", "DROP TABLE hashed_by", "UPDATE warehouse_version SET version = 6",
		"INSERT INTO files VALUES (1, DATE '2026-11-20', 'transactions', 'transactions.csv', 1, 1, '', 1, 1, 0, 0, 0, 0)",
		"INSERT INTO transactions BY NAME SELECT DATE '2026-11-20' AS delivery, 1 AS load_seq, 1 AS first_seq, 1 AS file_id, 1 AS row_no, 't1' AS transaction_id, 'm1' AS member_id",
	} {
		if _, err := db.Exec(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	db.blank = false
	if err := db.migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.noteHashes(ctx); err != nil {
		t.Fatal(err)
	}
	holding, err := db.Holding(ctx, "member_id", "member_hash", "m1")
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM transactions WHERE "+holding).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}
