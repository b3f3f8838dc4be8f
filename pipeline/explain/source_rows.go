package explain

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// Queries for the rows of a source, in the table of those that hold or in that of those that do not ({t}).
const (
	purchaseQuery = `SELECT coalesce(f.name, ''), CAST(t.delivery AS VARCHAR), row_no, {state}, occurred_wall, occurred_offset,
		occurred_form, tax, shipping, tip, gift_card, store_credit, amount, member_id, coalesce(currency, ''),
		coalesce(store_id, ''), coalesce(channel, ''), status, '', '' FROM {t} t LEFT JOIN files f ON f.file_id = t.file_id
		WHERE {purchase} ORDER BY t.delivery, row_no`
	activityQuery = `SELECT coalesce(f.name, ''), CAST(t.delivery AS VARCHAR), row_no, {state}, occurred_wall, occurred_offset,
		occurred_form, NULL, NULL, NULL, NULL, NULL, NULL, member_id, type, coalesce(store_id, ''), '', status,
		coalesce(subject, ''), coalesce(value, '') FROM {t} t LEFT JOIN files f ON f.file_id = t.file_id
		WHERE {activity} ORDER BY t.delivery, row_no`
)

// row is one row of a source.
type row struct {
	Place
	state  string // superseded or duplicate; empty for one that holds
	member string
	facts  []Fact
}

// take makes a row that of the source.
func (s *Source) take(r row) error {
	s.Member, s.Facts, s.From = r.member, r.facts, r.Place
	return nil
}

// rows calls fn for each row of the source in a table: the dataset's own or its history.
func (s *Source) rows(ctx context.Context, db *warehouse.DB, query, table string, fn func(row) error) error {
	state := "''"
	dataset, old := strings.CutSuffix(table, "_history")
	if old {
		state = "state"
	}
	ranges, err := readRanges(ctx, db, dataset)
	if err != nil {
		return err
	}
	query = strings.NewReplacer("{t}", table, "{state}", state, "{purchase}", ranges.finding("t.", "transaction_id", s.ID),
		"{activity}", ranges.finding("t.", "activity_id", s.ID)).Replace(query)
	var r row
	var at stamp
	var p parts
	var amount sql.NullInt64
	var member sql.NullString
	var text [6]string
	dest := append([]any{&r.File, &r.Delivery, &r.Row, &r.state}, at.dest()...)
	dest = append(append(dest, p.dest()...), &amount, &member)
	for i := range text {
		dest = append(dest, &text[i])
	}
	return db.Each(ctx, query, nil, dest, func() error {
		r.member = member.String
		when := Fact{"occurred_at", at.value().String()}
		if s.Type == pipeline.SourceActivity {
			r.facts = []Fact{{"member", r.member}, {"type", text[0]}, when, {"subject", text[4]}, {"value", text[5]},
				{"store", text[1]}, {"status", text[3]}}
		} else {
			r.facts = []Fact{{"member", r.member}, when, {"amount", money(amount.Int64).String()}, {"currency", text[0]},
				{"store", text[1]}, {"channel", text[2]}, {"status", text[3]}}
			for i, name := range program.Parts {
				if p[i].Int64 != 0 {
					r.facts = append(r.facts, Fact{string(name), money(p[i].Int64).String()})
				}
			}
		}
		r.facts = slices.DeleteFunc(r.facts, func(f Fact) bool { return f.Value == "" })
		return fn(r)
	})
}
