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
	order         string // how its rows follow on each other in time
	few           int    // up to so many ids are looked up
}

// A join reads all of a table. An id that is looked up is sought only where the smallest and the largest id of a stretch of
// rows leave room for it, by their first eight bytes: purchases are stored in the order in which they came, and where the
// beginnings of their ids rise with time, a year of nights is read in a few places. Members come on every date, and one
// look-up of all of them reads all of the column.
var (
	byMember       = picked{"explain_members", "member_id", "member_id", 3}
	byTransactions = picked{"explain_transactions", "transaction_id", "occurred_wall, transaction_id", 500}
)

// lookupsAtOnce is how many look-ups are one statement.
const lookupsAtOnce = 100

// queries are what a query over a table becomes to give the rows that are picked.
func (p picked) queries(ctx context.Context, db *warehouse.DB, query string) ([]string, error) {
	var ids []string
	var id string
	if err := db.Each(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT %d", p.column, p.table, p.order, p.few+1), nil, []any{&id},
		func() error {
			ids = append(ids, id)
			return nil
		}); err != nil {
		return nil, err
	}
	stretches, falls := inStretches(ids)
	// Of ids that are drawn by lot every second one falls.
	if len(ids) > p.few || falls > len(stretches)/4 {
		return []string{fmt.Sprintf("%s WHERE %s IN (SELECT %s FROM %s)", query, p.column, p.column, p.table)}, nil
	}
	var out []string
	for batch := range slices.Chunk(stretches, lookupsAtOnce) {
		each := make([]string, len(batch))
		for i, s := range batch {
			each[i] = fmt.Sprintf("%s WHERE %s = %s", query, p.column, warehouse.Literal(s[0]))
			if len(s) > 1 {
				each[i] = fmt.Sprintf("%s WHERE %s BETWEEN %s AND %s AND %[2]s IN (%[5]s)", query, p.column,
					warehouse.Literal(slices.Min(s)), warehouse.Literal(slices.Max(s)), literals(s))
			}
		}
		out = append(out, strings.Join(each, "\nUNION ALL\n"))
	}
	return out, nil
}

// inStretches puts ids that begin alike together, and counts how often a beginning is smaller than the one before it.
func inStretches(ids []string) (out [][]string, falls int) {
	const beginning = 8
	at, last := map[string]int{}, ""
	for _, id := range ids {
		b := id[:min(len(id), beginning)]
		if b < last {
			falls++
		}
		last = b
		i, ok := at[b]
		if !ok {
			i, out = len(out), append(out, nil)
			at[b] = i
		}
		out[i] = append(out[i], id)
	}
	return out, falls
}

func literals(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = warehouse.Literal(t)
	}
	return strings.Join(out, ", ")
}
