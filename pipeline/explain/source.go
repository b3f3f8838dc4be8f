package explain

import (
	"context"
	"database/sql"
	"strconv"
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
	Others     []OtherRow // rows of the deliveries that name it and do not hold
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

// Find reads a source of any type, as FindTransaction, FindActivity and FindBirthday do.
func Find(ctx context.Context, db *warehouse.DB, t pipeline.SourceType, id string) (*Source, error) {
	switch t {
	case pipeline.SourceTransaction:
		return FindTransaction(ctx, db, id)
	case pipeline.SourceActivity:
		return FindActivity(ctx, db, id)
	}
	return FindBirthday(ctx, db, id)
}

// FindTransaction reads a purchase with its lines and refunds. One whose row was withdrawn has no facts, only what the
// ledger knows of it. The error is a *NotFoundError if there is none.
func FindTransaction(ctx context.Context, db *warehouse.DB, id string) (*Source, error) {
	s := &Source{Type: pipeline.SourceTransaction, ID: id}
	if err := s.rows(ctx, db, purchaseQuery, "transactions", s.take); err != nil {
		return nil, err
	}
	if len(s.Facts) == 0 {
		return s, s.fromLedger(ctx, db)
	}
	if err := s.details(ctx, db); err != nil {
		return nil, err
	}
	return s, s.others(ctx, db)
}

// FindActivity reads an activity, as FindTransaction does.
func FindActivity(ctx context.Context, db *warehouse.DB, id string) (*Source, error) {
	s := &Source{Type: pipeline.SourceActivity, ID: id}
	if err := s.rows(ctx, db, activityQuery, "activities", s.take); err != nil {
		return nil, err
	}
	if len(s.Facts) == 0 {
		return s, s.fromLedger(ctx, db)
	}
	return s, s.others(ctx, db)
}

// FindBirthday reads what the newest members file says of whose birthday it is. The id is `<member>:<year>`.
func FindBirthday(ctx context.Context, db *warehouse.DB, id string) (*Source, error) {
	s := &Source{Type: pipeline.SourceBirthday, ID: id}
	var ok bool
	if s.Member, _, ok = parseBirthday(id); !ok {
		return nil, &NotFoundError{What: "birthday", ID: id, Advice: "the id of a birthday is MEMBER:YEAR, as in anita:2026"}
	}
	var born sql.NullString
	if err := db.Each(ctx, `SELECT CAST(m.birth_date AS VARCHAR), CAST(m.delivery AS VARCHAR), coalesce(f.name, ''), m.row_no
		FROM members m LEFT JOIN files f ON f.file_id = m.file_id WHERE member_id = ? ORDER BY m.delivery`, []any{s.Member},
		[]any{&born, &s.From.Delivery, &s.From.File, &s.From.Row}, func() error {
			s.Facts = []Fact{{"member", s.Member}, {"birth_date", born.String}}
			if !born.Valid {
				s.Facts[1].Value = "not known"
			}
			return nil
		}); err != nil {
		return nil, err
	}
	if len(s.Facts) > 0 {
		return s, nil
	}
	if err := s.fromLedger(ctx, db); err != nil {
		return nil, missing(ctx, db, "member", s.Member)
	}
	return s, nil
}

// parseBirthday takes the id of a birthday apart.
func parseBirthday(id string) (member string, year int, ok bool) {
	colon := strings.LastIndexByte(id, ':')
	if colon < 0 {
		return "", 0, false
	}
	year, err := strconv.Atoi(id[colon+1:])
	return id[:colon], year, err == nil && 1 <= year && year <= 9999
}

// details reads lines and refunds.
func (s *Source) details(ctx context.Context, db *warehouse.DB) error {
	var l Line
	var category, brand sql.NullString
	var quantity, amount int64
	ranges, err := readRanges(ctx, db, "items")
	if err != nil {
		return err
	}
	if err := db.Each(ctx, `SELECT line_no, item_id, category, brand, quantity, amount FROM items
		WHERE `+ranges.finding("", "transaction_id", s.ID)+` ORDER BY length(line_no), line_no`, nil,
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
