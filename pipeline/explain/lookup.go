package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline/warehouse"
)

// picked is one of the picker's tables: it picks the rows of facts whose column it holds.
type picked struct {
	table, column string
	few           int // up to so many ids are looked up one by one
}

// A join reads all of a table. An id that is looked up by itself is sought only where the smallest and the largest id of a
// stretch of rows leave room for it: purchases are stored in the order in which they came, and most of their ids rise, so
// that a year of nights is read in a few places. Members come on every date, and each look-up reads all of the column.
var (
	byMember       = picked{"explain_members", "member_id", 3}
	byTransactions = picked{"explain_transactions", "transaction_id", 500}
)

// lookupsAtOnce is how many ids one statement looks up.
const lookupsAtOnce = 100

// queries are what a query over a table becomes to give the rows that are picked.
func (p picked) queries(ctx context.Context, db *warehouse.DB, query string) ([]string, error) {
	var ids []string
	var id string
	if err := db.Each(ctx, fmt.Sprintf("SELECT DISTINCT %s FROM %s ORDER BY 1 LIMIT %d", p.column, p.table, p.few+1), nil, []any{&id},
		func() error {
			ids = append(ids, id)
			return nil
		}); err != nil {
		return nil, err
	}
	if len(ids) > p.few {
		return []string{fmt.Sprintf("%s WHERE %s IN (SELECT %s FROM %s)", query, p.column, p.column, p.table)}, nil
	}
	var out []string
	for batch := range slices.Chunk(ids, lookupsAtOnce) {
		one := make([]string, len(batch))
		for i, id := range batch {
			one[i] = fmt.Sprintf("%s WHERE %s = %s", query, p.column, warehouse.Literal(id))
		}
		out = append(out, strings.Join(one, "\nUNION ALL\n"))
	}
	return out, nil
}
