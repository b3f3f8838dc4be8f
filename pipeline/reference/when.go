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

// failing returns the first key of `when` that does not hold, empty if all do, and what the source has instead.
func (ev *evaluation) failing(w program.When, s *source) (key, why string) {
	for _, c := range conditions {
		if !c.asked(w) {
			continue
		}
		if ok, why := c.holds(ev, w, s); !ok {
			return c.key, why
		}
	}
	return "", ""
}

func oneOf(wanted []string, what, has string) (bool, string) {
	if has == "" {
		return false, "there is no " + what
	}
	return slices.Contains(wanted, has), fmt.Sprintf("%s is %s, not %s", what, has, strings.Join(wanted, " or "))
}

func holdsTiers(_ *evaluation, w program.When, s *source) (bool, string) {
	return slices.Contains(w.Tiers, s.tier), "the member's tier is " + tierName(s.version, s.tier)
}

func holdsTags(_ *evaluation, w program.When, s *source) (bool, string) {
	has := slices.ContainsFunc(w.Tags, func(tag string) bool { return slices.Contains(s.member.Tags, tag) })
	return has, fmt.Sprintf("the member's tags are [%s]", strings.Join(s.member.Tags, "; "))
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
	return slices.Contains(w.Weekdays, day), fmt.Sprintf("%s is a %s", s.on, day)
}

// holdsHours looks at the local wall clock in the zone that gave the business date (F38). From is inclusive, until
// exclusive; a span may cross midnight.
func holdsHours(_ *evaluation, w program.When, s *source) (bool, string) {
	now, from, until := timeOfDay(s.at), w.Hours.From, w.Hours.Until
	holds := from <= now && now < until
	if until < from {
		holds = now >= from || now < until
	}
	return holds, "it was " + s.at.Format("15:04:05")
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
	days := int(s.on) - int(joined)
	return 0 <= days && days <= *w.JoinedWithinDays, fmt.Sprintf("the member joined on %s, %d days before", joined, days)
}
