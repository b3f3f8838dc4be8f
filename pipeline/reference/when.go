package reference

import (
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline/program"
)

// condition is one key of `when`. A key for which the source has no value does not hold (F40).
type condition struct {
	key   string
	asked func(program.When) bool
	// holds also says, for people, what the source has.
	holds func(ev *evaluation, w program.When, s *source) (bool, string)
}

// conditions in the order in which the first that does not hold is reported.
var conditions = []condition{
	{"tiers", func(w program.When) bool { return w.Tiers != nil }, holdsTiers},
	{"tags", func(w program.When) bool { return w.Tags != nil }, holdsTags},
	{"stores", func(w program.When) bool { return w.Stores != nil },
		func(_ *evaluation, w program.When, s *source) (bool, string) {
			return oneOf(w.Stores, "store", s.storeID)
		}},
	{"regions", func(w program.When) bool { return w.Regions != nil },
		func(_ *evaluation, w program.When, s *source) (bool, string) {
			return oneOf(w.Regions, "region", s.region)
		}},
	{"channels", func(w program.When) bool { return w.Channels != nil }, holdsChannels},
	{"weekdays", func(w program.When) bool { return w.Weekdays != nil }, holdsWeekdays},
	{"hours", func(w program.When) bool { return w.Hours != nil }, holdsHours},
	{"first_purchase", func(w program.When) bool { return w.FirstPurchase != nil }, holdsFirstPurchase},
	{"joined_within_days", func(w program.When) bool { return w.JoinedWithinDays != nil }, holdsJoined},
	{"subjects", func(w program.When) bool { return w.Subjects != nil },
		func(_ *evaluation, w program.When, s *source) (bool, string) {
			return oneOf(w.Subjects, "subject", s.subject())
		}},
}

// failing returns the first key of `when` that does not hold, empty if all do, and what the source has instead. Those
// that hold before it are noted in the decision.
func (ev *evaluation) failing(w program.When, s *source, d *Decision) (key, why string) {
	for _, c := range conditions {
		if !c.asked(w) {
			continue
		}
		ok, why := c.holds(ev, w, s)
		if !ok {
			return c.key, why
		}
		d.holds(WhenKey+c.key, "%s", why)
	}
	return "", ""
}

func oneOf(wanted []string, what, has string) (bool, string) {
	if has == "" {
		return false, "there is no " + what
	}
	if slices.Contains(wanted, has) {
		return true, fmt.Sprintf("%s is %s", what, has)
	}
	return false, fmt.Sprintf("%s is %s, not %s", what, has, strings.Join(wanted, " or "))
}

func holdsTiers(_ *evaluation, w program.When, s *source) (bool, string) {
	if slices.Contains(w.Tiers, s.tier) {
		return true, "the member's tier is " + tierName(s.version, s.tier)
	}
	wanted := make([]string, len(w.Tiers))
	for i, t := range w.Tiers {
		wanted[i] = tierName(s.version, t)
	}
	return false, fmt.Sprintf("the member's tier is %s, not %s", tierName(s.version, s.tier), strings.Join(wanted, " or "))
}

func holdsTags(_ *evaluation, w program.When, s *source) (bool, string) {
	for _, tag := range w.Tags {
		if slices.Contains(s.member.Tags, tag) {
			return true, "the member has the tag " + tag
		}
	}
	if len(s.member.Tags) == 0 {
		return false, fmt.Sprintf("the member has no tags, none of %s", strings.Join(w.Tags, ", "))
	}
	return false, fmt.Sprintf("the member's tags are %s, none of %s", strings.Join(s.member.Tags, ", "), strings.Join(w.Tags, ", "))
}

func holdsChannels(_ *evaluation, w program.When, s *source) (bool, string) {
	channel := ""
	if s.purchase != nil {
		channel = s.purchase.Channel
	}
	return oneOf(w.Channels, "channel", channel)
}

// holdsWeekdays looks at the business date (F38).
func holdsWeekdays(_ *evaluation, w program.When, s *source) (bool, string) {
	day := s.on.Weekday()
	if slices.Contains(w.Weekdays, day) {
		return true, fmt.Sprintf("%s is a %s", s.on, day)
	}
	wanted := make([]string, len(w.Weekdays))
	for i, d := range w.Weekdays {
		wanted[i] = d.String()
	}
	return false, fmt.Sprintf("%s is a %s, not a %s", s.on, day, strings.Join(wanted, " or "))
}

// holdsHours looks at the local wall clock in the zone that gave the business date (F38). From is inclusive, until
// exclusive; a span may cross midnight.
func holdsHours(_ *evaluation, w program.When, s *source) (bool, string) {
	now, from, until := timeOfDay(s.at), w.Hours.From, w.Hours.Until
	holds := from <= now && now < until
	if until < from {
		holds = now >= from || now < until
	}
	span := clockText(from) + " to " + clockText(until)
	if !holds {
		return false, fmt.Sprintf("it was %s, not within %s", s.at.Format("15:04:05"), span)
	}
	return true, fmt.Sprintf("it was %s, within %s", s.at.Format("15:04:05"), span)
}

// holdsFirstPurchase: true holds for the member's first order, false for the other orders (F13). Activities, and
// transactions that are no order, are neither.
func holdsFirstPurchase(_ *evaluation, w program.When, s *source) (bool, string) {
	switch {
	case s.purchase == nil || !s.order():
		return false, "it is no order"
	case s.first:
		return *w.FirstPurchase, "it is the member's first order"
	}
	return !*w.FirstPurchase, "it is not the member's first order"
}

// holdsJoined counts business dates: 0 ≤ date − joined ≤ N (F39).
func holdsJoined(ev *evaluation, w program.When, s *source) (bool, string) {
	joined, ok := ev.clock.joinedOn(s.member)
	if !ok {
		return false, "the date of joining is not known"
	}
	days, n := int(s.on)-int(joined), *w.JoinedWithinDays
	switch {
	case days < 0:
		return false, fmt.Sprintf("the member joined on %s, after it", joined)
	case days > n:
		return false, fmt.Sprintf("the member joined on %s, %s before, more than %d", joined, countOf(days, "day", "days"), n)
	}
	return true, fmt.Sprintf("the member joined on %s, %s before, %d allowed", joined, countOf(days, "day", "days"), n)
}
