package jobs

import (
	"context"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/cases"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
)

// passesEngine runs the SQL passes over facts that the reference has resolved from the deliveries: what a case costs
// is mostly loading, which other cases go through. It answers with the reference's rejects.
type passesEngine struct{ *FastCaseEngine }

func (e passesEngine) Run(c cases.Case) (out cases.Outcome, err error) {
	ctx := context.Background()
	families, err := cases.Families(c)
	if err != nil {
		return out, err
	}
	rows, _, err := cases.Rows(c)
	if err != nil {
		return out, err
	}
	facts, _ := reference.Resolve(rows, cases.Currencies(families))
	if err := e.empty(ctx); err != nil {
		return out, err
	}
	for table, tuples := range tuplesOf(facts) {
		if _, err := e.db.Exec(ctx, "INSERT INTO "+table+" VALUES "+strings.Join(tuples, ",\n")); err != nil {
			return out, err
		}
	}
	if out, err = outcome(ctx, e.db, families, c); err != nil {
		return out, err
	}
	plain, err := cases.Reference{}.Run(c)
	out.Rejects = plain.Rejects
	return out, err
}

// tuplesOf writes facts as rows of their tables, in the order of the tables' columns.
func tuplesOf(facts reference.Facts) map[string][]string {
	out := map[string][]string{}
	add := func(table, delivery string, values ...string) {
		row := append([]string{"DATE '" + delivery + "'", "1", "1", "1", "1"}, values...)
		out[table] = append(out[table], "("+strings.Join(row, ", ")+")")
	}
	if facts.FirstDelivery != nil {
		out["deliveries"] = []string{"(DATE '" + facts.FirstDelivery.String() + "', 1, '')"}
	}
	const once = "2026-01-01" // the delivery matters for members only
	for _, t := range facts.Transactions {
		add("transactions", once, text(t.ID), text(t.MemberID), stampOf(&t.OccurredAt), units(t.Amount), text(t.Currency),
			text(t.StoreID), text(t.Channel), text(t.Status), partsOf(t.Parts), stampOf(nil),
			warehouse.Hash("CAST("+text(t.MemberID)+" AS VARCHAR)"))
	}
	for _, i := range facts.Items {
		add("items", once, text(i.TransactionID), text(i.LineNo), text(i.ItemID), text(i.Category), text(i.Brand),
			units(i.Quantity), units(i.Amount))
	}
	for _, r := range facts.Returns {
		quantity := "NULL"
		if r.Quantity != nil {
			quantity = units(*r.Quantity)
		}
		add("returns", once, text(r.ID), text(r.TransactionID), text(r.LineNo), units(r.Amount), quantity, partsOf(r.Parts),
			stampOf(&pipeline.Timestamp{}))
	}
	for _, a := range facts.Activities {
		add("activities", once, text(a.ID), text(a.MemberID), text(a.Type), stampOf(&a.OccurredAt), text(a.Subject),
			text(a.Value), text(a.StoreID), text(a.Status))
	}
	for _, m := range facts.Members {
		status, tags := "active", ""
		if m.Closed {
			status = "closed"
		}
		if len(m.Tags) > 0 {
			tags = ";" + strings.Join(m.Tags, ";") + ";"
		}
		birth := "NULL"
		if m.BirthDate != nil {
			birth = "DATE '" + m.BirthDate.String() + "'"
		}
		add("members", m.Delivery.String(), text(m.ID), text(m.Tier), birth, stampOf(m.JoinedAt), text(status), text(tags))
	}
	for _, s := range facts.Stores {
		zone := ""
		if s.TimeZone != nil {
			zone = s.TimeZone.String()
		}
		add("stores", once, text(s.ID), text(zone), text(s.Region))
	}
	return out
}

func text(s string) string {
	if s == "" {
		return "NULL"
	}
	return warehouse.Literal(s)
}

func units(d decimal.Decimal) string { return d.Shift(pipeline.AmountPlaces).String() }

// stampOf writes the three columns of a timestamp, nil for an absent one.
func stampOf(ts *pipeline.Timestamp) string {
	if ts == nil {
		return "NULL, NULL, NULL"
	}
	offset := "NULL"
	if ts.HasOffset {
		offset = fmt.Sprint(ts.Offset)
	}
	return fmt.Sprintf("%d, %s, %d", ts.Wall, offset, ts.Form)
}

func partsOf(parts map[program.Part]decimal.Decimal) string {
	var out []string
	for _, p := range program.Parts {
		out = append(out, units(parts[p]))
	}
	return strings.Join(out, ", ")
}
