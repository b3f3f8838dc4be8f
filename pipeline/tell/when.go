package tell

import (
	"slices"
	"time"

	"accrue/pipeline/program"
)

// conditions tells the condition of a rule. Tiers are told with what they earn.
func (t teller) conditions() []piece {
	w := t.rule.When
	var out []piece
	add := func(key, words string) {
		out = append(out, piece{key: "when." + key, words: only + words, place: condition})
	}
	for _, k := range []struct {
		key, words string
		values     []string
	}{
		{"tags", "for members with the tag ", w.Tags},
		{"stores", "in the store ", w.Stores},
		{"regions", "in the region ", w.Regions},
		{"channels", "through the channel ", w.Channels},
	} {
		if k.values != nil {
			add(k.key, k.words+list(k.values, "or"))
		}
	}
	if w.Weekdays != nil {
		add("weekdays", "on "+weekdayWords(w.Weekdays))
	}
	if w.Hours != nil {
		add("hours", hoursWords(*w.Hours))
	}
	if w.FirstPurchase != nil && *w.FirstPurchase {
		add("first_purchase", "on the member's first purchase")
	} else if w.FirstPurchase != nil {
		add("first_purchase", "on purchases after the member's first")
	}
	if n := w.JoinedWithinDays; n != nil && *n == 0 {
		add("joined_within_days", "on the day of joining")
	} else if n != nil {
		add("joined_within_days", "within "+count(*n, "day", "days")+" of joining")
	}
	if w.Subjects != nil {
		add("subjects", "with the subject "+list(w.Subjects, "or"))
	}
	return out
}

// weekdayWords lists days from Monday on, whatever their order in the file.
func weekdayWords(days []time.Weekday) string {
	fromMonday := func(d time.Weekday) int { return (int(d) + 6) % 7 }
	days = slices.Clone(days)
	slices.SortFunc(days, func(a, b time.Weekday) int { return fromMonday(a) - fromMonday(b) })
	names := make([]string, len(days))
	for i, d := range days {
		names[i] = d.String() + "s"
	}
	return list(names, "and")
}

func hoursWords(h program.Hours) string {
	if h.Until == 24*time.Hour {
		return "from " + clock(h.From) + " until midnight"
	}
	return "from " + clock(h.From) + " until just before " + clock(h.Until)
}

// itemWords tells which lines qualify, beginning with "items".
func itemWords(f *program.ItemFilter) string {
	match := func(m program.ItemMatch) string {
		var parts []string
		for _, k := range []struct {
			words  string
			values []string
		}{{"of the category ", m.Categories}, {"of the brand ", m.Brands}, {"with the id ", m.ItemIDs}} {
			if k.values != nil {
				parts = append(parts, k.words+list(k.values, "or"))
			}
		}
		return list(parts, "or")
	}
	out := "items"
	if !f.Include.Empty() {
		out += " " + match(f.Include)
	}
	if !f.Exclude.Empty() {
		out += ", except those " + match(f.Exclude)
	}
	return out
}

// minSpend tells the least spend that a purchase must have.
func (t teller) minSpend(m *program.MinSpend) []piece {
	if m == nil {
		return nil
	}
	words := "if more than " + t.money(m.Amount) + " is spent"
	if m.AtLeast {
		words = "if " + t.money(m.Amount) + " or more is spent"
	}
	if m.OfItems {
		words += " on them"
	}
	return []piece{{key: "min_spend", words: words, place: inMain}}
}
