package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// picked is one of the picker's tables: it picks the rows of facts whose column it holds.
type picked struct {
	table, column string
	order         string // how its rows follow on each other in time
	few           int    // up to so many ids are looked up
	hash          string // column of the ids' hashes where the tables read have it
}

// A join reads all of a table. An id that is looked up is sought only where the smallest and the largest id of a stretch of
// rows leave room for it, by their first eight bytes: purchases are stored in the order in which they came, and where the
// beginnings of their ids rise with time, a year of nights is read in a few places. Members come on every date, and one
// look-up of all of them reads all of the column, or all of its hashes.
var (
	byMember       = picked{table: "explain_members", column: "member_id", order: "member_id", few: 3}
	byBuyer        = picked{table: "explain_members", column: "member_id", order: "member_id", few: 3, hash: schemas.MemberHash}
	byTransactions = picked{table: "explain_transactions", column: "transaction_id", order: "occurred_wall, transaction_id", few: 500}
)

// lookupsAtOnce is how many look-ups are one statement.
const lookupsAtOnce = 100

// queries are what a query over a table becomes to give the rows that are picked. Ranges are those of the table's files by
// the column that is picked by, nil for none.
func (p picked) queries(ctx context.Context, db *warehouse.DB, query string, ranges idRanges) ([]string, error) {
	var ids []string
	var id string
	if err := db.Each(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT %d", p.column, p.table, p.order, p.few+1), nil, []any{&id},
		func() error {
			ids = append(ids, id)
			return nil
		}); err != nil {
		return nil, err
	}
	stretches, falls := inStretches(ids, ranges)
	// Of ids that are drawn by lot every second one falls.
	if len(ids) > p.few || falls > len(stretches)/4 {
		return []string{fmt.Sprintf("%s WHERE %s IN (SELECT %s FROM %s)", query, p.column, p.column, p.table)}, nil
	}
	if p.hash != "" {
		return p.hashed(ctx, db, query, ids)
	}
	var out []string
	for batch := range slices.Chunk(stretches, lookupsAtOnce) {
		each := make([]string, len(batch))
		for i, s := range batch {
			if len(s) == 1 {
				each[i] = query + " WHERE " + ranges.finding("", p.column, s[0])
				continue
			}
			place, narrow := ranges.holding("", s[0])
			if !narrow {
				place += fmt.Sprintf(" AND %s BETWEEN %s AND %s", p.column, warehouse.Literal(slices.Min(s)), warehouse.Literal(slices.Max(s)))
			}
			each[i] = fmt.Sprintf("%s WHERE %s AND %s IN (%s)", query, place, p.column, literals(s))
		}
		out = append(out, strings.Join(each, "\nUNION ALL\n"))
	}
	return out, nil
}

// hashed looks up each id by its hash.
func (p picked) hashed(ctx context.Context, db *warehouse.DB, query string, ids []string) ([]string, error) {
	out := make([]string, len(ids))
	for i, id := range ids {
		holding, err := db.Holding(ctx, p.column, p.hash, id)
		if err != nil {
			return nil, err
		}
		out[i] = query + " WHERE " + holding
	}
	return out, nil
}

// inStretches puts ids that begin alike and are in the same place together, and counts how often a beginning is smaller
// than the one before it.
func inStretches(ids []string, ranges idRanges) (out [][]string, falls int) {
	const beginning = 8
	type stretch struct{ beginning, place string }
	at, last := map[stretch]int{}, ""
	for _, id := range ids {
		b := id[:min(len(id), beginning)]
		if b < last {
			falls++
		}
		last = b
		place, _ := ranges.holding("", id)
		k := stretch{b, place}
		i, ok := at[k]
		if !ok {
			i, out = len(out), append(out, nil)
			at[k] = i
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
