package plan

import (
	"time"

	"accrue/pipeline/program"
)

// conditions turns `when` into conditions on attributes, in the order in which spec section 5 lists the keys: the
// first that does not hold is the reason why not.
func conditions(w program.When) []Cond {
	var out []Cond
	texts := func(key string, a Attr, v []string) {
		if v != nil {
			out = append(out, Cond{Key: "when_" + key, Attr: a, Texts: v})
		}
	}
	if w.Tiers != nil {
		out = append(out, Cond{Key: "when_tiers", Attr: AttrTier, Ints: ints(w.Tiers)})
	}
	texts("tags", AttrTag, w.Tags)
	texts("stores", AttrStore, w.Stores)
	texts("regions", AttrRegion, w.Regions)
	texts("channels", AttrChannel, w.Channels)
	if w.Weekdays != nil {
		var days []int64
		for _, d := range w.Weekdays {
			days = append(days, int64(d+6)%7)
		}
		out = append(out, Cond{Key: "when_weekdays", Attr: AttrWeekday, Ints: days})
	}
	if w.Hours != nil {
		out = append(out, Cond{Key: "when_hours", Attr: AttrMinute, Ranges: hours(*w.Hours)})
	}
	if w.FirstPurchase != nil {
		v := int64(0)
		if *w.FirstPurchase {
			v = 1
		}
		out = append(out, Cond{Key: "when_first_purchase", Attr: AttrFirstPurchase, Ints: []int64{v}})
	}
	if w.JoinedWithinDays != nil {
		out = append(out, Cond{Key: "when_joined_within_days", Attr: AttrJoinedDays,
			Ranges: []Range{between(0, int64(*w.JoinedWithinDays))}})
	}
	texts("subjects", AttrSubject, w.Subjects)
	return out
}

// hours returns the minutes of the day that lie in the span; until is exclusive and may lie before from.
func hours(h program.Hours) []Range {
	from, until := int64(h.From/time.Minute), int64(h.Until/time.Minute)
	if from < until {
		return []Range{between(from, until-1)}
	}
	return []Range{between(from, 24*60), between(0, until-1)}
}

func minSpend(m *program.MinSpend) []Cond {
	if m == nil {
		return nil
	}
	least := units(m.Amount)
	if !m.AtLeast {
		least++ // more than: the next ten-thousandth
	}
	attr := AttrBasis
	if m.OfItems {
		attr = AttrQualifying
	}
	return []Cond{{Key: "below_min_spend", Attr: attr, Ranges: []Range{{Min: &least}}}}
}

func between(lo, hi int64) Range { return Range{Min: &lo, Max: &hi} }

func ints(v []int) []int64 {
	out := make([]int64, len(v))
	for i, n := range v {
		out[i] = int64(n)
	}
	return out
}
