//go:build duckdb_next

package warehouse

import _ "github.com/duckdb/duckdb-go/v2" // DuckDB 1.5.5, linked statically

// Driver names the DuckDB driver that is linked.
const Driver = "github.com/duckdb/duckdb-go/v2"
