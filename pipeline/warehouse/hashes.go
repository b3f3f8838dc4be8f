package warehouse

import (
	"context"
	"fmt"
)

// Hash returns the SQL that gives the hash of an id as it is stored beside it: 24 bits, which take three bytes a row and leave
// two ids in 34 million for the same. It is DuckDB's own and may be another in its next version, so it finds rows where it is
// known to be the same, and says nothing about them.
func Hash(id string) string { return "CAST(hash(" + id + ") & 16777215 AS UINTEGER)" }

// noteHashes notes that hashes in the warehouse may be those of this version of DuckDB.
func (db *DB) noteHashes(ctx context.Context) error {
	_, err := db.Exec(ctx, "INSERT INTO hashed_by SELECT version() WHERE version() NOT IN (SELECT version FROM hashed_by)")
	return err
}

// Holding returns the condition that a column holds an id beside which its hash stands in another column. With it DuckDB reads
// the ids themselves only where the hash is found, which takes a tenth of the time; where hashes may be those of another
// version, or of none, it reads all of them.
func (db *DB) Holding(ctx context.Context, column, hash, id string) (string, error) {
	var ours bool
	var sum int64
	if err := db.QueryRow(ctx, "SELECT coalesce(bool_and(version = version()), false), "+Hash("CAST(? AS VARCHAR)")+" FROM hashed_by", id).Scan(&ours, &sum); err != nil {
		return "", fmt.Errorf("looking for %s: %w", id, err)
	}
	if !ours {
		return column + " = " + Literal(id), nil
	}
	return fmt.Sprintf("%s = %d AND %s", hash, sum, LateEquals(column, id)), nil
}

// LateEquals compares a column with an id where the other conditions leave few rows. A plain comparison DuckDB makes while it
// reads the column, and so reads all of it whatever else is asked.
func LateEquals(column, id string) string { return column + " || '' = " + Literal(id) }
