package explain

import (
	"context"
	"database/sql"
	"fmt"

	"accrue/pipeline/warehouse"
)

// idRanges say between which ids the rows of each file of a dataset lie. Rows stand in a warehouse file after file and in
// order, so that one whose place is known is read without the others; DuckDB itself remembers no more than the first eight
// bytes of the ids of a stretch of rows.
type idRanges []idRange

type idRange struct {
	file              int
	firstRow, lastRow sql.NullInt64
	low, high         sql.NullString // NULL where the file may hold any
}

func readRanges(ctx context.Context, db *warehouse.DB, dataset string) (idRanges, error) {
	var out idRanges
	var r idRange
	err := db.Each(ctx, `SELECT f.file_id, first_row, last_row, low, high FROM files f
		LEFT JOIN id_ranges r ON r.file_id = f.file_id WHERE dataset = ? ORDER BY 1, 2`, []any{dataset},
		[]any{&r.file, &r.firstRow, &r.lastRow, &r.low, &r.high}, func() error {
			out = append(out, r)
			return nil
		})
	return out, err
}

// holding is a condition on file_id and row_no that the rows with an id fulfil; alias is that of their table, with a dot.
func (ranges idRanges) holding(alias, id string) string {
	var first, last idRange
	n := 0
	for _, r := range ranges {
		if r.low.Valid && (id < r.low.String || r.high.String < id) {
			continue
		}
		if n == 0 {
			first = r
		}
		last = r
		n++
	}
	switch {
	case n == len(ranges):
		return "true"
	case n == 0:
		return "false"
	case first.file != last.file || !first.low.Valid:
		return fmt.Sprintf("%sfile_id BETWEEN %d AND %d", alias, first.file, last.file)
	}
	return fmt.Sprintf("%sfile_id = %d AND %[1]srow_no BETWEEN %[3]d AND %[4]d", alias, first.file, first.firstRow.Int64, last.lastRow.Int64)
}
