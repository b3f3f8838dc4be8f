package reference

import (
	"fmt"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// NoBirthday says why the birthday of a member in a year is no source (F35), as far as it is not.
func NoBirthday(f *program.Family, facts Facts, horizon pipeline.Date, member string, year int) string {
	ev := newEvaluation(f, facts, Options{Horizon: horizon})
	rows := ev.members[member]
	if len(rows) == 0 {
		return "no members file names the member"
	}
	known := false
	for _, row := range rows {
		if row.BirthDate == nil {
			continue
		}
		known = true
		for _, day := range birthdaysIn(row, year) {
			if why := ev.noBirthdayOn(facts.FirstDelivery, member, day.on, row); why != "" {
				return why
			}
		}
	}
	if !known {
		return "no members file says when the member was born"
	}
	return "the year of birth has no birthday, and none before it"
}

func (ev *evaluation) noBirthdayOn(first *pipeline.Date, member string, on pipeline.Date, said Member) string {
	row := ev.members.on(member, on)
	joined, ok := ev.clock.joinedOn(row)
	switch {
	case first != nil && on < *first:
		return fmt.Sprintf("it was on %s, before the first delivery, that of %s", on, first)
	case on > ev.horizon:
		return fmt.Sprintf("it waits for the run of %s: the last one was for %s", on, ev.horizon)
	case row.BirthDate == nil:
		return fmt.Sprintf("the members row in force on %s, that of %s, says no birth date", on, row.Delivery)
	case *row.BirthDate != *said.BirthDate:
		return fmt.Sprintf("the members row in force on %s, that of %s, says that the birth date is %s", on, row.Delivery, row.BirthDate)
	case ok && on < joined:
		return fmt.Sprintf("it was on %s, before the member joined on %s", on, joined)
	}
	return ""
}
