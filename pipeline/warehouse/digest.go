package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// Digests returns, for each table of the warehouse but those named, a SHA-256 of its rows whatever their order: two
// warehouses that say the same have the same digests. It reads everything.
func (db *DB) Digests(ctx context.Context, except ...string) (map[string]string, error) {
	var names []string
	var name string
	if err := db.Each(ctx, "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1", nil, []any{&name},
		func() error {
			if !slices.Contains(except, name) {
				names = append(names, name)
			}
			return nil
		}); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, n := range names {
		sum, err := db.digest(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("reading table %s: %w", n, err)
		}
		out[n] = sum
	}
	return out, nil
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
