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

// finding is the condition that the row with an id in a column fulfils; alias is that of its table, with a dot.
func (ranges idRanges) finding(alias, column, id string) string {
	place, narrow := ranges.holding(alias, id)
	if narrow {
		return place + " AND " + warehouse.LateEquals(alias+column, id)
	}
	return place + " AND " + alias + column + " = " + warehouse.Literal(id)
}

// holding is a condition on file_id and row_no that the rows with an id fulfil, narrow where it is on row_no.
func (ranges idRanges) holding(alias, id string) (place string, narrow bool) {
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
		return "true", false
	case n == 0:
		return "false", false
	case first.file != last.file || !first.low.Valid:
		return fmt.Sprintf("%sfile_id BETWEEN %d AND %d", alias, first.file, last.file), false
	}
	return fmt.Sprintf("%sfile_id = %d AND %[1]srow_no BETWEEN %[3]d AND %[4]d", alias, first.file, first.firstRow.Int64, last.lastRow.Int64), true
}
