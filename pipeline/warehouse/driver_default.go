//go:build !duckdb_next

package warehouse

import _ "github.com/marcboeker/go-duckdb" // DuckDB 1.1.3, linked statically

// Driver names the DuckDB driver that is linked.
const Driver = "github.com/marcboeker/go-duckdb"
