package reference

import (
	"sort"
	"strings"
	"time"

	"accrue/pipeline"
)

// candidate is a row that reads well, before it is known whether it holds.
type candidate[T any] struct {
	key     string
	says    string // all known columns but updated_at, after reading
	updated *time.Time
	row     int
	value   T
}

// Resolve reads the rows of all deliveries and decides which of them hold (spec section 3). The deliveries come in
// the order in which they were loaded; where a date comes twice, the later one replaces the earlier as a whole.
// Currencies are those of all programs of the project. Rejects are sorted by dataset, delivery and row.
func Resolve(deliveries []Delivery, currencies []string) (Facts, []Reject) {
	var facts Facts
	var rejects []Reject
	byDate := inForceDeliveries(deliveries)
	if len(byDate) > 0 {
		facts.FirstDelivery = &byDate[0].Date
	}

	facts.Transactions, rejects = resolve(byDate, "transactions", rejects,
		func(r *reader, _ pipeline.Date) Transaction { return r.transaction(currencies) },
		func(t Transaction) string { return t.ID })
	facts.Items, rejects = resolve(byDate, "items", rejects,
		func(r *reader, _ pipeline.Date) Item { return r.item() },
		func(i Item) string { return joinKey(i.TransactionID, i.LineNo) })
	facts.Returns, rejects = resolve(byDate, "returns", rejects,
		func(r *reader, _ pipeline.Date) Return { return r.refund() },
		func(r Return) string { return r.ID })
	facts.Activities, rejects = resolve(byDate, "activities", rejects,
		func(r *reader, _ pipeline.Date) Activity { return r.activity() },
		func(a Activity) string { return a.ID })
	facts.Members, rejects = resolve(byDate, "members", rejects,
		func(r *reader, d pipeline.Date) Member { return r.member(d) },
		func(m Member) string { return joinKey(m.ID, m.Delivery.String()) }) // F48: the delivery is part of the key
	facts.Stores, rejects = resolve(byDate, "stores", rejects,
		func(r *reader, _ pipeline.Date) Store { return r.store() },
		func(s Store) string { return s.ID }) // F44

	sort.SliceStable(rejects, func(i, j int) bool {
		a, b := rejects[i], rejects[j]
		if a.Dataset != b.Dataset {
			return a.Dataset < b.Dataset
		}
		if a.Delivery != b.Delivery {
			return a.Delivery < b.Delivery
		}
		return a.Row < b.Row
	})
	return facts, rejects
}

// joinKey makes one key of several ids; no accepted id holds a NUL.
func joinKey(parts ...string) string { return strings.Join(parts, "\x00") }

// inForceDeliveries returns one delivery per date, the one loaded last, in order of date.
func inForceDeliveries(deliveries []Delivery) []Delivery {
	last := map[pipeline.Date]Delivery{}
	for _, d := range deliveries {
		last[d.Date] = d
	}
	out := make([]Delivery, 0, len(last))
	for _, d := range last {
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Date < out[j].Date })
	return out
}

// resolve returns the rows of one dataset that hold: of each key the one of the newest delivery that has an accepted
// row of it (F26). Deliveries are in order of date, so that whichever was loaded first has no meaning.
func resolve[T any](deliveries []Delivery, dataset string, rejects []Reject,
	read func(*reader, pipeline.Date) T, keyOf func(T) string) ([]T, []Reject) {
	holds := map[string]T{}
	var keys []string // in order of first appearance, for an order that does not change from run to run
	for _, d := range deliveries {
		byKey := map[string][]candidate[T]{}
		var order []string
		for i, row := range d.Datasets[dataset] {
			r := &reader{row: row}
			r.readable()
			c := candidate[T]{row: i + 1, value: read(r, d.Date)}
			if dataset == "transactions" {
				c.updated = r.updatedAt()
			}
			if reason := r.reason(); reason != "" {
				rejects = append(rejects, Reject{Dataset: dataset, Delivery: d.Date, Row: c.row, Reason: reason})
				continue // set aside before rows are compared (F27)
			}
			c.key, c.says = keyOf(c.value), joinKey(r.says...)
			if byKey[c.key] == nil {
				order = append(order, c.key)
			}
			byKey[c.key] = append(byKey[c.key], c)
		}
		for _, key := range order {
			rows := byKey[key]
			chosen, ok := choose(rows)
			if !ok {
				for _, c := range rows {
					rejects = append(rejects, Reject{Dataset: dataset, Delivery: d.Date, Row: c.row, Reason: conflictingRows})
				}
				continue
			}
			if _, known := holds[key]; !known {
				keys = append(keys, key)
			}
			holds[key] = chosen
		}
	}
	out := make([]T, len(keys))
	for i, key := range keys {
		out[i] = holds[key]
	}
	return out, rejects
}

// choose returns the row that holds among those of one key in one delivery: the greatest updated_at wins, a row
// without it counts as older than any with it, and those with the greatest one must all say the same (F27).
func choose[T any](rows []candidate[T]) (chosen T, ok bool) {
	best := rows[:1]
	for _, c := range rows[1:] {
		switch age := compareUpdated(c.updated, best[0].updated); {
		case age > 0:
			best = []candidate[T]{c}
		case age == 0:
			best = append(best[:len(best):len(best)], c)
		}
	}
	for _, c := range best[1:] {
		if c.says != best[0].says {
			return chosen, false
		}
	}
	return best[0].value, true
}

func compareUpdated(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return a.Compare(*b)
}
