// Package load takes deliveries into the warehouse: the first stage of a night.
//
// A delivery is a folder `date=YYYY-MM-DD` of files (Scan). Load takes every delivery up to a date that is new, or
// whose files have changed, in order of date, one transaction each:
//
//  1. Every file is read once and its rows are checked (F49, F50). A Parquet file of native types is read by DuckDB
//     itself (direct.go). Everything else is read here, row by row (csv.go, ndjson.go, columns.go), checked
//     (check.go) and written as a plain Parquet file of stored columns that DuckDB then takes in (transcribe.go), so
//     that DuckDB never parses text: it would let numbers go through DOUBLE and round silently.
//  2. Rows of one key inside the delivery are decided before they come into a table: duplicate, superseded or conflicting
//     (sql/twins.sql).
//  3. Rows of keys that other deliveries brought are decided by the delivery's date; what does not hold goes to the
//     table `<dataset>_history` (sql/versions.sql). For members every delivery's rows hold.
//  4. A delivery that was loaded before is taken out first, and the newest rows that it had superseded hold again
//     (sql/withdraw.sql).
//  5. Figures of every file are brought up to date: rows read = accepted + duplicate + superseded + rejected.
//
// Whatever is wrong with a file as a whole refuses the delivery and leaves the warehouse as it was (FileError);
// whatever is wrong with a row rejects the row.
package load
