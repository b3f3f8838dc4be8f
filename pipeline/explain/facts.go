package explain

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
)

// reader reads the rows that hold of the picked members and purchases, and all stores.
type reader struct {
	ctx context.Context
	db  *warehouse.DB
	all bool // everybody's, whatever was picked
	out *reference.Facts
}

func read(ctx context.Context, db *warehouse.DB, all bool) (*reference.Facts, error) {
	r := &reader{ctx: ctx, db: db, all: all, out: &reference.Facts{}}
	for _, step := range []func() error{
		r.transactions, r.items, r.returns, r.activities, r.members, r.stores, r.firstDelivery,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("reading the facts: %w", err)
		}
	}
	return r.out, nil
}

// each runs a query over a table, for the rows that are picked.
func (r *reader) each(query string, by picked, ranges idRanges, dest []any, fn func() error) error {
	queries := []string{query}
	if !r.all {
		var err error
		if queries, err = by.queries(r.ctx, r.db, query, ranges); err != nil {
			return err
		}
	}
	for _, q := range queries {
		if err := r.db.Each(r.ctx, q, nil, dest, fn); err != nil {
			return err
		}
	}
	return nil
}

// stamp is where a stored timestamp is scanned to.
type stamp struct {
	wall   sql.NullInt64
	offset sql.NullInt64
	form   sql.NullInt64
}

func (s *stamp) dest() []any { return []any{&s.wall, &s.offset, &s.form} }

func (s *stamp) value() pipeline.Timestamp {
	return pipeline.Timestamp{
		Wall: s.wall.Int64, Offset: int32(s.offset.Int64), HasOffset: s.offset.Valid, Form: uint8(s.form.Int64),
	}
}

// partColumns are the columns of the parts of an amount, and where they are scanned to.
const partColumns = "tax, shipping, tip, gift_card, store_credit"

type parts [5]sql.NullInt64

func (p *parts) dest() []any { return []any{&p[0], &p[1], &p[2], &p[3], &p[4]} }

func (p *parts) value() map[program.Part]decimal.Decimal {
	out := map[program.Part]decimal.Decimal{}
	for i, name := range program.Parts {
		out[name] = money(p[i].Int64)
	}
	return out
}

func money(units int64) decimal.Decimal { return decimal.New(units, -pipeline.AmountPlaces) }

func (r *reader) transactions() error {
	var id, member, currency, store, channel, status sql.NullString
	var amount int64
	var at stamp
	var p parts
	dest := append([]any{&id, &member, &amount, &currency, &store, &channel, &status}, at.dest()...)
	from := byTransactions.table // it holds the rows
	if r.all {
		from = "transactions"
	}
	return r.db.Each(r.ctx, "SELECT "+purchaseColumns+" FROM "+from, nil,
		append(dest, p.dest()...), func() error {
			r.out.Transactions = append(r.out.Transactions, reference.Transaction{
				ID: id.String, MemberID: member.String, OccurredAt: at.value(), Amount: money(amount), Currency: currency.String,
				StoreID: store.String, Channel: channel.String, Status: status.String, Parts: p.value(),
			})
			return nil
		})
}

func (r *reader) items() error {
	var id, line, item, category, brand sql.NullString
	var quantity, amount int64
	ranges, err := readRanges(r.ctx, r.db, "items")
	if err != nil {
		return err
	}
	return r.each(`SELECT transaction_id, line_no, item_id, category, brand, quantity, amount FROM items`, byTransactions, ranges,
		[]any{&id, &line, &item, &category, &brand, &quantity, &amount}, func() error {
			r.out.Items = append(r.out.Items, reference.Item{
				TransactionID: id.String, LineNo: line.String, ItemID: item.String, Category: category.String,
				Brand: brand.String, Quantity: money(quantity), Amount: money(amount),
			})
			return nil
		})
}

func (r *reader) returns() error {
	var id, transaction, line sql.NullString
	var amount int64
	var quantity sql.NullInt64
	var p parts
	return r.each(`SELECT return_id, transaction_id, line_no, amount, quantity, `+partColumns+` FROM returns`, byTransactions, nil,
		append([]any{&id, &transaction, &line, &amount, &quantity}, p.dest()...), func() error {
			ret := reference.Return{
				ID: id.String, TransactionID: transaction.String, LineNo: line.String, Amount: money(amount), Parts: p.value(),
			}
			if quantity.Valid {
				q := money(quantity.Int64)
				ret.Quantity = &q
			}
			r.out.Returns = append(r.out.Returns, ret)
			return nil
		})
}

func (r *reader) activities() error {
	var id, member, kind, subject, value, store, status sql.NullString
	var at stamp
	return r.each(`SELECT activity_id, member_id, type, subject, value, store_id, status,
		occurred_wall, occurred_offset, occurred_form FROM activities`, byMember, nil,
		append([]any{&id, &member, &kind, &subject, &value, &store, &status}, at.dest()...), func() error {
			r.out.Activities = append(r.out.Activities, reference.Activity{
				ID: id.String, MemberID: member.String, Type: kind.String, OccurredAt: at.value(), Subject: subject.String,
				Value: value.String, StoreID: store.String, Status: status.String,
			})
			return nil
		})
}

func (r *reader) members() error {
	var id, tier, status, tags sql.NullString
	var delivery time.Time
	var birth sql.NullTime
	var joined stamp
	return r.each(`SELECT delivery, member_id, tier, birth_date, status, tags, joined_wall, joined_offset, joined_form FROM members`,
		byMember, nil, append([]any{&delivery, &id, &tier, &birth, &status, &tags}, joined.dest()...), func() error {
			m := reference.Member{
				Delivery: pipeline.DateOf(delivery), ID: id.String, Tier: tier.String, Closed: status.String == "closed",
			}
			if tags.Valid {
				m.Tags = strings.Split(strings.Trim(tags.String, ";"), ";")
			}
			if birth.Valid {
				born := pipeline.DateOf(birth.Time)
				m.BirthDate = &born
			}
			if joined.wall.Valid {
				ts := joined.value()
				m.JoinedAt = &ts
			}
			r.out.Members = append(r.out.Members, m)
			return nil
		})
}

func (r *reader) firstDelivery() error {
	var first sql.NullTime
	err := r.db.QueryRow(r.ctx, "SELECT min(delivery) FROM deliveries").Scan(&first)
	if first.Valid {
		d := pipeline.DateOf(first.Time)
		r.out.FirstDelivery = &d
	}
	return err
}

func (r *reader) stores() error {
	var id, zone, region sql.NullString
	return r.db.Each(r.ctx, `SELECT store_id, time_zone, region FROM stores`, nil, []any{&id, &zone, &region}, func() error {
		s := reference.Store{ID: id.String, Region: region.String}
		if zone.Valid {
			loc, err := time.LoadLocation(zone.String)
			if err != nil {
				return err
			}
			s.TimeZone = loc
		}
		r.out.Stores = append(r.out.Stores, s)
		return nil
	})
}
