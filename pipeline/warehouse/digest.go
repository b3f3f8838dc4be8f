package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
)

// Digests returns, for each table of the warehouse but those named, a SHA-256 of its rows whatever their order: two
// warehouses that say the same have the same digests. It reads everything.
func (db *DB) Digests(ctx context.Context, except ...string) (map[string]string, error) {
	names, err := db.tables(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, n := range names {
		if slices.Contains(except, n) {
			continue
		}
		sum, err := db.digest(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("reading table %s: %w", n, err)
		}
		out[n] = sum
	}
	return out, nil
}

// tables lists the tables that last.
func (db *DB) tables(ctx context.Context) (names []string, err error) {
	var name string
	err = db.Each(ctx, "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1", nil, []any{&name}, func() error {
		names = append(names, name)
		return nil
	})
	return names, err
}

func (db *DB) digest(ctx context.Context, table string) (string, error) {
	h := sha256.New()
	var row string
	err := db.Each(ctx, "SELECT CAST(t AS VARCHAR) AS r FROM "+Ident(table)+" t ORDER BY r", nil, []any{&row}, func() error {
		_, err := fmt.Fprintf(h, "%d:%s\n", len(row), row)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// Sound reads every value of every table, and so finds blocks of the file that are not what was written: the error is
// one that Damaged knows.
func (db *DB) Sound(ctx context.Context) error {
	names, err := db.tables(ctx)
	if err != nil {
		return err
	}
	for _, n := range names {
		var sum any
		if err := db.QueryRow(ctx, "SELECT bit_xor(hash(t)) FROM "+Ident(n)+" t").Scan(&sum); err != nil {
			return fmt.Errorf("reading table %s: %w", n, err)
		}
	}
	return nil
}

// damage is what DuckDB says of a file, or a log of what is not in it yet, whose bytes are not those that it wrote.
var damage = regexp.MustCompile(`Corrupt (database|WAL) file|is not a valid DuckDB database file|` +
	`Could not read enough bytes from file "[^"]*\.duckdb(\.wal)?"|Failure while replaying WAL`)

// Damaged reports whether an error says that the warehouse's file is cut short or changed. DuckDB has no type for it.
func Damaged(err error) bool { return err != nil && damage.MatchString(err.Error()) }
