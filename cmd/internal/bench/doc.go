// Package bench holds `make bench`: accrue run as a whole on both drivers, a hand-written SQL script for the same rules
// on the same Parquet files, and the floor (read the columns, write as many rows), side by side in one run, with their
// results held against each other and, for a sample of members, against the reference evaluator's. `make bench-peers` holds
// accrue against what people use instead: programs in Go, a rule engine, PostgreSQL, SQLite. It is all in test files behind
// the build tag bench; programs and scripts are in fixtures/bench.
package bench
