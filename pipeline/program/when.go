package program

import (
	"slices"
	"time"

	"accrue/pipeline/yamlpos"
)

// whenKeys are the keys of a condition.
var whenKeys = []string{"tiers", "tags", "stores", "regions", "channels", "weekdays", "hours", "first_purchase",
	"joined_within_days", "subjects"}

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

func (r *reader) when(n *yamlpos.Node) When {
	var w When
	m := r.Map(n, "write when: {tiers: [gold]}")
	if m == nil {
		return w
	}
	nodes, _ := r.Distinct(r.someItems(m.Get("tiers")))
	for _, t := range nodes {
		if i, ok := r.tierNamed(t.Pos, t.Text); ok {
			w.Tiers = append(w.Tiers, i)
		}
	}
	w.Tags, _ = r.Texts(m.Get("tags"))
	w.Stores, _ = r.Texts(m.Get("stores"))
	w.Regions, _ = r.Texts(m.Get("regions"))
	w.Channels, _ = r.Texts(m.Get("channels"))
	w.Weekdays = r.weekdays(m.Get("weekdays"))
	w.Hours = r.hours(m.Get("hours"))
	if b, ok := r.Bool(m.Get("first_purchase")); ok {
		w.FirstPurchase = &b
	}
	if days, ok := r.Int(m.Get("joined_within_days"), 0, maxDays); ok {
		w.JoinedWithinDays = ptr(int(days))
	}
	w.Subjects, _ = r.Texts(m.Get("subjects"))
	m.Close()
	return w
}

// someItems reads a list of a condition, which cannot be empty (F51).
func (r *reader) someItems(n *yamlpos.Node) []*yamlpos.Node {
	items, _ := r.Items(n, "an empty list fits nothing; leave the key out to fit everything")
	return items
}

func (r *reader) weekdays(n *yamlpos.Node) []time.Weekday {
	var out []time.Weekday
	nodes, _ := r.Distinct(r.someItems(n))
	for _, d := range nodes {
		i := slices.Index(weekdays, d.Text)
		if i < 0 {
			r.Fault(d.Pos, yamlpos.Meant(d.Text, weekdays), "unknown weekday %s", yamlpos.Quote(d.Text))
			continue
		}
		out = append(out, time.Weekday((i+1)%7))
	}
	return out
}

func (r *reader) hours(n *yamlpos.Node) *Hours {
	m := r.Map(n, `write {from: "10:00", until: "14:00"}`)
	if m == nil {
		return nil
	}
	before := r.Count()
	from := m.Need("from", `write {from: "10:00", until: "14:00"}`)
	until := m.Need("until", `write {from: "10:00", until: "14:00"}; until "24:00" is the end of the day`)
	h := &Hours{From: r.clock(from, 24*time.Hour-time.Minute), Until: r.clock(until, 24*time.Hour)}
	m.Close()
	if r.Count() == before && h.From == h.Until {
		r.Fault(until.Pos, "until is exclusive; for the whole day leave hours out", "from and until are the same time")
	}
	return h
}
