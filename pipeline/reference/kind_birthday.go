package reference

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// concernsBirthday: where 29 February is missing, each rule looks at the day that it says instead.
func concernsBirthday(r *program.Rule, s *source) bool {
	return s.feb29 == "" || s.feb29 == r.Body.(*program.Birthday).Feb29
}

func earnBirthday(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	b := r.Body.(*program.Birthday)
	earn := b.Earn.For(s.tier)
	return earn.Rat(), d.say("the birthday of %s pays %s%s", s.member.BirthDate, earn, s.rateText(b.Earn))
}

// addBirthdays makes a source of each birthday of each member from the first delivery's date up to the horizon (F35).
func (ev *evaluation) addBirthdays(first *pipeline.Date) {
	asked := map[program.Feb29]bool{}
	for _, v := range ev.family.Versions {
		for _, r := range v.Rules {
			if b, ok := r.Body.(*program.Birthday); ok {
				asked[b.Feb29] = true
			}
		}
	}
	if len(asked) == 0 || first == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(ev.members)) {
		for _, day := range ev.birthdaysOf(id, first.Time().Year(), ev.horizon.Time().Year()) {
			if day.on >= *first && day.on <= ev.horizon && (day.feb29 == "" || asked[day.feb29]) {
				ev.addBirthday(id, day)
			}
		}
	}
}

// birthday is a date; feb29 is set where only the rules that say so have it on that date.
type birthday struct {
	on    pipeline.Date
	feb29 program.Feb29
}

// birthdaysOf lists the birthdays that any members row of a member gives, in the years from first to last: which of them
// are, the row in force on the date says.
func (ev *evaluation) birthdaysOf(id string, first, last int) []birthday {
	var out []birthday
	for _, row := range ev.members[id] {
		for year := first; year <= last; year++ {
			for _, day := range birthdaysIn(row, year) {
				if !slices.Contains(out, day) && slices.Contains(birthdaysIn(ev.members.on(id, day.on), year), day) {
					out = append(out, day)
				}
			}
		}
	}
	return out
}

// birthdaysIn returns the birthday of a year: one date, or two between which `feb_29` decides. The year of birth has
// none.
func birthdaysIn(m Member, year int) []birthday {
	if m.BirthDate == nil {
		return nil
	}
	born := m.BirthDate.Time()
	if year <= born.Year() {
		return nil
	}
	if born.Month() == time.February && born.Day() == 29 && pipeline.NewDate(year, time.December, 31)-pipeline.NewDate(year, time.January, 1) == 364 {
		return []birthday{
			{pipeline.NewDate(year, time.February, 28), program.Feb28}, {pipeline.NewDate(year, time.March, 1), program.Mar1},
		}
	}
	return []birthday{{on: pipeline.NewDate(year, born.Month(), born.Day())}}
}

// addBirthday adds a birthday at the local start of its business date, unless the member joined later or the zone skips
// that date as a whole.
func (ev *evaluation) addBirthday(id string, day birthday) {
	start := pipeline.Timestamp{Wall: day.on.Time().Add(ev.clock.dayStartsAt).UnixMicro()}
	s := &source{
		kind: pipeline.SourceBirthday, id: fmt.Sprintf("%s:%d", id, day.on.Time().Year()), memberID: id, status: completed,
		feb29: day.feb29,
	}
	if _, on := ev.clock.place(start, ev.clock.zone); on != day.on {
		return
	}
	if joined, ok := ev.clock.joinedOn(ev.members.on(id, day.on)); ok && day.on < joined {
		return
	}
	ev.add(s, start)
	ev.see(s, start)
}
