package sqlgen

import (
	"fmt"
	"strings"

	"accrue/pipeline/plan"
)

// attributes maps what conditions look at to columns of the statement around them; what is missing has no value
// there, and a condition on it does not hold (F40).
type attributes map[plan.Attr]string

var transactionAttributes = attributes{
	plan.AttrTier: "t.tier_no", plan.AttrTag: "t.tags", plan.AttrStore: "t.store_id", plan.AttrRegion: "t.region",
	plan.AttrChannel: "t.channel", plan.AttrWeekday: weekday("t.day"), plan.AttrMinute: "t.minute",
	plan.AttrFirstPurchase: "t.first_purchase", plan.AttrJoinedDays: "t.joined_days", plan.AttrBasis: "t.basis",
	plan.AttrGap: "gap.gap", plan.AttrQualifying: qualifying,
}

var activityAttributes = attributes{
	plan.AttrTier: "t.tier_no", plan.AttrTag: "t.tags", plan.AttrStore: "t.store_id", plan.AttrRegion: "t.region",
	plan.AttrWeekday: weekday("t.day"), plan.AttrMinute: "t.minute", plan.AttrJoinedDays: "t.joined_days",
	plan.AttrSubject: "t.subject",
}

// qualifying is the qualifying sum: not below zero, at most the spend basis (F4).
const qualifying = "least(greatest(coalesce(l.qualifying, 0), 0), t.basis)"

// weekday is 0 on Mondays; 1970-01-01 was a Thursday.
func weekday(day string) string { return "(" + day + " + 7000003) % 7" }

// multiplierAttributes look at the source of a grant, joined as t (transaction) or a (activity) where that is needed.
func multiplierAttributes(fromTransactions, fromActivities bool) attributes {
	out := attributes{plan.AttrTier: "c.tier_no", plan.AttrWeekday: weekday("c.day")}
	both := []plan.Attr{plan.AttrTag, plan.AttrStore, plan.AttrRegion, plan.AttrMinute, plan.AttrJoinedDays}
	if fromTransactions {
		for _, a := range append(both, plan.AttrChannel, plan.AttrFirstPurchase) {
			out[a] = transactionAttributes[a]
		}
	}
	if fromActivities {
		out[plan.AttrSubject] = "a.subject"
		for _, a := range both {
			e := strings.ReplaceAll(activityAttributes[a], "t.", "a.")
			if t, ok := out[a]; ok {
				e = fmt.Sprintf("CASE c.stype WHEN %d THEN %s ELSE %s END", stypeTransaction, t, e)
			}
			out[a] = e
		}
	}
	return out
}

// condition renders one condition.
func condition(c plan.Cond, attrs attributes) string {
	x, ok := attrs[c.Attr]
	if !ok {
		if c.OrAbsent {
			return "TRUE"
		}
		return "FALSE"
	}
	var any []string
	switch {
	case c.Attr == plan.AttrTag:
		for _, t := range c.Texts {
			any = append(any, fmt.Sprintf("contains(%s, %s)", x, text(";"+t+";")))
		}
	case c.Texts != nil:
		any = append(any, fmt.Sprintf("%s IN (%s)", x, textList(c.Texts)))
	case c.Ints != nil:
		any = append(any, fmt.Sprintf("%s IN (%s)", x, intList(c.Ints)))
	}
	for _, r := range c.Ranges {
		var both []string
		if r.Min != nil {
			both = append(both, fmt.Sprintf("%s >= %d", x, *r.Min))
		}
		if r.Max != nil {
			both = append(both, fmt.Sprintf("%s <= %d", x, *r.Max))
		}
		any = append(any, "("+strings.Join(both, " AND ")+")")
	}
	if c.OrAbsent {
		any = append(any, x+" IS NULL")
	}
	return "(" + strings.Join(any, " OR ") + ")"
}
