package reference

import (
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Reasons why a row is not accepted; reasonOrder says which one is given where several hold (F50).
const (
	badRow            = "bad_row"
	missingKey        = "missing_key"
	badTimestamp      = "bad_timestamp"
	badNumber         = "bad_number"
	tooManyPlaces     = "too_many_places"
	numberTooLarge    = "number_too_large"
	negativeAmount    = "negative_amount"
	unknownCurrency   = "unknown_currency"
	badStatus         = "bad_status"
	partsExceedAmount = "parts_exceed_amount"
	conflictingRows   = "conflicting_rows"
)

var reasonOrder = []string{
	badRow, missingKey, badTimestamp, badNumber, tooManyPlaces, numberTooLarge, negativeAmount, unknownCurrency,
	badStatus, partsExceedAmount, conflictingRows,
}

// completed is the status of transactions and activities that count.
const completed = "completed"

// reader reads the columns of one row. It collects every fault, and what the row says, so that rows can be compared
// (F27): each column after reading, in the order in which it is asked for.
type reader struct {
	row    Row
	faults []string
	says   []string
}

func (r *reader) fault(reason string) { r.faults = append(r.faults, reason) }

// reason returns the one reason that is reported: the first of F50's list that holds, empty for none.
func (r *reader) reason() string {
	for _, reason := range reasonOrder {
		if slices.Contains(r.faults, reason) {
			return reason
		}
	}
	return ""
}

func (r *reader) said(s string) { r.says = append(r.says, s) }

// text reads a column exactly as it stands.
func (r *reader) text(column string) string {
	r.said(r.row[column])
	return r.row[column]
}

// key reads a text that must not be empty.
func (r *reader) key(column string) string {
	if r.row[column] == "" {
		r.fault(missingKey)
	}
	return r.text(column)
}

// signed reads a number that may be below zero; an empty cell is the default, and without one a bad number.
func (r *reader) signed(column, byDefault string) decimal.Decimal {
	cell := r.row[column]
	if cell == "" {
		cell = byDefault
	}
	d, reason := parseNumber(cell)
	if reason != "" {
		r.fault(reason)
	}
	r.said(d.String())
	return d
}

// amount reads a number of zero or more.
func (r *reader) amount(column, byDefault string) decimal.Decimal {
	d := r.signed(column, byDefault)
	if d.IsNegative() {
		r.fault(negativeAmount)
	}
	return d
}

// timestamp reads a point in time that must be there. What it says is the text: timestamps are compared as written.
func (r *reader) timestamp(column string) pipeline.Timestamp {
	ts, ok := parseTimestamp(r.text(column))
	if !ok {
		r.fault(badTimestamp)
	}
	return ts
}

// optionalDay reads a date or a timestamp that may be missing.
func (r *reader) optionalDay(column string) *pipeline.Timestamp {
	cell := r.text(column)
	if cell == "" {
		return nil
	}
	ts, ok := parseDay(cell)
	if !ok {
		r.fault(badTimestamp)
	}
	return &ts
}

// status reads one of the allowed words; an empty cell is the first of them.
func (r *reader) status(allowed ...string) string {
	s := r.row["status"]
	if s == "" {
		s = allowed[0]
	}
	if !slices.Contains(allowed, s) {
		r.fault(badStatus)
	}
	r.said(s)
	return s
}

// parts reads the parts of an amount and holds them against it, each group by itself (F2).
func (r *reader) parts(amount decimal.Decimal) map[program.Part]decimal.Decimal {
	out := make(map[program.Part]decimal.Decimal, len(program.Parts))
	for _, p := range program.Parts {
		out[p] = r.amount(string(p), "0")
	}
	added := decimal.Sum(out["tax"], out["shipping"], out["tip"])
	paidOtherwise := decimal.Sum(out["gift_card"], out["store_credit"])
	if added.GreaterThan(amount) || paidOtherwise.GreaterThan(amount) {
		r.fault(partsExceedAmount)
	}
	return out
}

// readable rejects what is no row at all: a record that could not be split, broken UTF-8, a NUL.
func (r *reader) readable() {
	if r.row == nil {
		r.fault(badRow)
	}
	for _, cell := range r.row {
		if !utf8.ValidString(cell) || strings.ContainsRune(cell, 0) {
			r.fault(badRow)
		}
	}
}

func (r *reader) transaction(currencies []string) Transaction {
	t := Transaction{
		ID: r.key("transaction_id"), MemberID: r.text("member_id"), OccurredAt: r.timestamp("occurred_at"),
		Amount: r.amount("amount", ""), Currency: r.text("currency"), StoreID: r.text("store_id"),
		Channel: r.text("channel"), Status: r.status(completed, "pending", "cancelled"),
	}
	t.Parts = r.parts(t.Amount)
	if t.Currency != "" && !slices.Contains(currencies, t.Currency) {
		r.fault(unknownCurrency) // F3
	}
	return t
}

// updatedAt reads the column that decides between differing rows of one delivery, without letting it take part in
// what the row says. nil where it is empty. Without an offset it is read as UTC: rows of one sender are alike.
func (r *reader) updatedAt() *time.Time {
	cell := r.row["updated_at"]
	if cell == "" {
		return nil
	}
	ts, ok := parseTimestamp(cell)
	if !ok {
		r.fault(badTimestamp)
	}
	at := instant(ts, time.UTC)
	return &at
}

func (r *reader) item() Item {
	return Item{
		TransactionID: r.key("transaction_id"), LineNo: r.key("line_no"), ItemID: r.key("item_id"),
		Category: r.text("category"), Brand: r.text("brand"),
		Quantity: r.amount("quantity", "1"), Amount: r.signed("amount", ""), // F23
	}
}

func (r *reader) refund() Return {
	out := Return{
		ID: r.key("return_id"), TransactionID: r.key("transaction_id"), LineNo: r.text("line_no"),
		Amount: r.amount("amount", ""),
	}
	r.timestamp("occurred_at") // checked, and without effect: F42
	if r.row["quantity"] == "" {
		r.said("")
	} else {
		q := r.amount("quantity", "")
		out.Quantity = &q
	}
	if _, reason := parseNumber(r.row["amount"]); reason == "" && out.Amount.IsZero() {
		r.fault(negativeAmount) // F50
	}
	out.Parts = r.parts(out.Amount) // F17
	return out
}

func (r *reader) activity() Activity {
	return Activity{
		ID: r.key("activity_id"), MemberID: r.key("member_id"), Type: r.key("type"),
		OccurredAt: r.timestamp("occurred_at"), Subject: r.text("subject"), Value: r.text("value"),
		StoreID: r.text("store_id"), Status: r.status(completed, "pending", "cancelled"),
	}
}

func (r *reader) member(delivery pipeline.Date) Member {
	m := Member{Delivery: delivery, ID: r.key("member_id"), Tier: r.text("tier"), JoinedAt: r.optionalDay("joined_at")}
	if birth := r.text("birth_date"); birth != "" {
		t, ok := parseDate(birth)
		if !ok {
			r.fault(badTimestamp)
		}
		born := pipeline.DateOf(t)
		m.BirthDate = &born
	}
	m.Closed = r.status("active", "closed") == "closed"
	m.Tags = splitTags(r.row["tags"])
	r.said(strings.Join(m.Tags, ";"))
	return m
}

// splitTags returns the distinct tags in order of bytes: their order has no meaning (F56).
func splitTags(cell string) []string {
	var tags []string
	for _, tag := range strings.Split(cell, ";") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	sort.Strings(tags)
	return tags
}

func (r *reader) store() Store {
	s := Store{ID: r.key("store_id"), Region: r.text("region")}
	if name := r.text("time_zone"); name != "" {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			r.fault(badRow) // F44
		}
		s.TimeZone = zone
	}
	return s
}
