package explain

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// Source is a fact that rules look at, as it holds now.
type Source struct {
	Type       pipeline.SourceType
	ID, Member string
	Facts      []Fact // what the row says, column by column, empty ones left out
	Lines      []Line
	Returns    []Return
	From       Place
}

// Fact is one column of a row.
type Fact struct{ Name, Value string }

// Line is one line of a purchase.
type Line struct {
	LineNo, ItemID, Category, Brand string
	Quantity, Amount                decimal.Decimal
}

// Return is one refund of a purchase. LineNo is empty for one of the whole.
type Return struct {
	ID, LineNo string
	Amount     decimal.Decimal
	OccurredAt pipeline.Timestamp
}

// Place is where a row stands in the deliveries.
type Place struct {
	Delivery, File string
	Row            int64 // from 1, the header not among them
}

// NotFoundError says that no row that holds has the id.
type NotFoundError struct {
	Type     pipeline.SourceType
	ID       string
	Near     []string // ids that look like it
	Rejected []string // rejected rows that name it: file, row and reason
}

// Error says what was not found.
func (e *NotFoundError) Error() string {
	msg := fmt.Sprintf("no %s %s", e.Type, e.ID)
	for _, r := range e.Rejected {
		msg += "\n  " + r
	}
	return msg
}

// Hint names ids that look like the one that was asked for.
func (e *NotFoundError) Hint() string {
	if len(e.Near) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(e.Near, " or ") + "?"
}

// FindTransaction reads a purchase with its lines and refunds. The error is a *NotFoundError if there is none.
func FindTransaction(ctx context.Context, db *warehouse.DB, id string) (*Source, error) {
	s := &Source{Type: pipeline.SourceTransaction, ID: id}
	var member, currency, store, channel, status sql.NullString
	var at stamp
	var amount int64
	var p parts
	dest := append([]any{&member, &amount, &currency, &store, &channel, &status}, at.dest()...)
	dest = append(append(dest, p.dest()...), &s.From.Delivery, &s.From.File, &s.From.Row)
	err := db.QueryRow(ctx, `SELECT member_id, amount, currency, store_id, channel, status,
		occurred_wall, occurred_offset, occurred_form, `+partColumns+`, CAST(t.delivery AS VARCHAR), coalesce(f.name, ''), row_no
		FROM transactions t LEFT JOIN files f ON f.file_id = t.file_id WHERE transaction_id = ?`, id).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(ctx, db, s.Type, id)
	}
	if err != nil {
		return nil, err
	}
	s.Member = member.String
	s.Facts = []Fact{
		{"member", member.String}, {"occurred_at", at.value().String()}, {"amount", money(amount).String()},
		{"currency", currency.String}, {"store", store.String}, {"channel", channel.String}, {"status", status.String},
	}
	for i, name := range [...]string{"tax", "shipping", "tip", "gift_card", "store_credit"} {
		if p[i].Int64 != 0 {
			s.Facts = append(s.Facts, Fact{name, money(p[i].Int64).String()})
		}
	}
	s.Facts = slices.DeleteFunc(s.Facts, func(f Fact) bool { return f.Value == "" })
	return s, s.details(ctx, db)
}

// details reads lines and refunds.
func (s *Source) details(ctx context.Context, db *warehouse.DB) error {
	var l Line
	var category, brand sql.NullString
	var quantity, amount int64
	if err := db.Each(ctx, `SELECT line_no, item_id, category, brand, quantity, amount FROM items
		WHERE transaction_id = ? ORDER BY length(line_no), line_no`, []any{s.ID},
		[]any{&l.LineNo, &l.ItemID, &category, &brand, &quantity, &amount}, func() error {
			l.Category, l.Brand, l.Quantity, l.Amount = category.String, brand.String, money(quantity), money(amount)
			s.Lines = append(s.Lines, l)
			return nil
		}); err != nil {
		return err
	}
	var r Return
	var line sql.NullString
	var at stamp
	return db.Each(ctx, `SELECT return_id, line_no, amount, occurred_wall, occurred_offset, occurred_form FROM returns
		WHERE transaction_id = ? ORDER BY return_id`, []any{s.ID},
		append([]any{&r.ID, &line, &amount}, at.dest()...), func() error {
			r.LineNo, r.Amount, r.OccurredAt = line.String, money(amount), at.value()
			s.Returns = append(s.Returns, r)
			return nil
		})
}

// FindActivity reads an activity. The error is a *NotFoundError if there is none.
func FindActivity(ctx context.Context, db *warehouse.DB, id string) (*Source, error) {
	s := &Source{Type: pipeline.SourceActivity, ID: id}
	var member, kind, subject, value, store, status sql.NullString
	var at stamp
	dest := append([]any{&member, &kind, &subject, &value, &store, &status}, at.dest()...)
	dest = append(dest, &s.From.Delivery, &s.From.File, &s.From.Row)
	err := db.QueryRow(ctx, `SELECT member_id, type, subject, value, store_id, status,
		occurred_wall, occurred_offset, occurred_form, CAST(a.delivery AS VARCHAR), coalesce(f.name, ''), row_no
		FROM activities a LEFT JOIN files f ON f.file_id = a.file_id WHERE activity_id = ?`, id).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(ctx, db, s.Type, id)
	}
	if err != nil {
		return nil, err
	}
	s.Member = member.String
	s.Facts = []Fact{
		{"member", member.String}, {"type", kind.String}, {"occurred_at", at.value().String()}, {"subject", subject.String},
		{"value", value.String}, {"store", store.String}, {"status", status.String},
	}
	s.Facts = slices.DeleteFunc(s.Facts, func(f Fact) bool { return f.Value == "" })
	return s, nil
}

// near is how many ids are suggested.
const near = 3

// missing looks for ids that look alike, and for rejected rows that name the id.
func missing(ctx context.Context, db *warehouse.DB, t pipeline.SourceType, id string) error {
	e := &NotFoundError{Type: t, ID: id}
	table, column := "transactions", "transaction_id"
	if t == pipeline.SourceActivity {
		table, column = "activities", "activity_id"
	}
	var text string
	if err := db.Each(ctx, `SELECT `+column+` FROM `+table+`
		WHERE abs(length(`+column+`) - length(?1)) <= 2 AND levenshtein(lower(`+column+`), lower(?1)) <= ?2
		ORDER BY levenshtein(lower(`+column+`), lower(?1)), `+column+fmt.Sprintf(" LIMIT %d", near),
		[]any{id, max(1, min(2, len(id)/3))}, []any{&text}, func() error {
			e.Near = append(e.Near, text)
			return nil
		}); err != nil {
		return err
	}
	var row int64
	var delivery, file, reason string
	if err := db.Each(ctx, `SELECT CAST(r.delivery AS VARCHAR), f.name, r.row_no, r.reason
		FROM rejects r JOIN files f ON f.file_id = r.file_id
		WHERE r.dataset = ? AND contains(r.raw, ?) ORDER BY r.delivery, f.name, r.row_no`+fmt.Sprintf(" LIMIT %d", near),
		[]any{table, id}, []any{&delivery, &file, &row, &reason}, func() error {
			e.Rejected = append(e.Rejected, fmt.Sprintf("date=%s/%s, row %d, which names it, was rejected: %s",
				delivery, file, row, reason))
			return nil
		}); err != nil {
		return err
	}
	return e
}

// sorted orders sums by the rules' places, then member and reward.
func sorted(sums map[[3]string]*Sum, rules []string) []Sum {
	place := map[string]int{}
	for i, r := range rules {
		place[r] = i
	}
	out := make([]Sum, 0, len(sums))
	for _, s := range sums {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(place[a.Rule], place[b.Rule]), strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Member, b.Member), strings.Compare(a.Reward, b.Reward))
	})
	return out
}
