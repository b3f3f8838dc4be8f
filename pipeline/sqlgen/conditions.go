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

// birthdayAttributes: a birthday has a member and the time of its local start (F40).
var birthdayAttributes = attributes{
	plan.AttrTier: "t.tier_no", plan.AttrTag: "t.tags", plan.AttrWeekday: weekday("t.day"), plan.AttrMinute: "t.minute",
	plan.AttrJoinedDays: "t.joined_days",
}

// qualifying is the qualifying sum: not below zero, at most the spend basis (F4).
const qualifying = "least(greatest(coalesce(l.qualifying, 0), 0), t.basis)"

// weekday is 0 on Mondays; 1970-01-01 was a Thursday.
func weekday(day string) string { return "(" + day + " + 7000003) % 7" }

// sourceTable is a table that holds what is known of the sources of grants.
type sourceTable struct {
	source      plan.Source
	alias, join string
	stype       int
	attrs       attributes
}

// sourceTables are where a multiplier looks up the source of a grant c.
var sourceTables = []sourceTable{
	{plan.FromTransactions, "t", "eval_tx t ON t.source_id = " + sourceOf(stypeTransaction), stypeTransaction, transactionAttributes},
	{plan.FromActivities, "a", "eval_act a ON a.source_id = " + sourceOf(stypeActivity), stypeActivity, activityAttributes},
	{plan.FromReferrals, "f", "eval_ref_at f ON f.source_id = " + sourceOf(stypeActivity) +
		" AND f.member_no = c.member_no AND f.us = c.us AND f.day = c.day", stypeActivity, activityAttributes},
	{plan.FromBirthdays, "b", "eval_birthdays b ON b.source_id = " + sourceOf(stypeBirthday) + " AND b.day = c.day",
		stypeBirthday, birthdayAttributes},
}

// sourceOf is the source's id of a grant c of one type, NULL for others. A condition on the type beside the key would
// make DuckDB hold every grant against every source.
func sourceOf(stype int) string {
	return fmt.Sprintf("CASE c.stype WHEN %d THEN c.source_id END", stype)
}

// multiplierAttributes look at the sources of the grants that a multiplier works on, which may be of several types.
func multiplierAttributes(from map[plan.Source]bool) attributes {
	out := attributes{plan.AttrTier: "c.tier_no", plan.AttrWeekday: weekday("c.day")}
	for _, a := range []plan.Attr{plan.AttrTag, plan.AttrStore, plan.AttrRegion, plan.AttrChannel, plan.AttrMinute,
		plan.AttrFirstPurchase, plan.AttrJoinedDays, plan.AttrSubject} {
		var one string
		var each []string
		for _, s := range sourceTables {
			e, ok := s.attrs[a]
			if !ok || !from[s.source] {
				continue
			}
			e = strings.ReplaceAll(e, "t.", s.alias+".")
			if s.source == plan.FromReferrals && from[plan.FromActivities] {
				// Both are activities: a referral's row at a time of the referral is looked up there.
				each, e = nil, fmt.Sprintf("CASE WHEN f.source_id IS NOT NULL THEN %s ELSE %s END", e, strings.ReplaceAll(s.attrs[a], "t.", "a."))
				if t, ok := transactionAttributes[a]; ok && from[plan.FromTransactions] {
					each = []string{fmt.Sprintf(" WHEN %d THEN %s", stypeTransaction, t)}
				}
			}
			one = e
			each = append(each, fmt.Sprintf(" WHEN %d THEN %s", s.stype, e))
		}
		if len(each) > 0 {
			out[a] = one // the join is for grants of that type: all others have no value
		}
		if len(each) > 1 {
			out[a] = "CASE c.stype" + strings.Join(each, "") + " END"
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
