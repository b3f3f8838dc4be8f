package jobs

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A member worked out again must not lose what it has: the grants of these members and dates are easily taken for others.
const sinceProgram = `program: p
version: 1
effective_from: 2027-01-01
time_zone: UTC
rules:
  - {id: base, kind: spend, earn: 1, per: 100, limits: {per_month: {amount: 5}}}
  - {id: party, kind: birthday, earn: 50}
`

// worksOut wants the last run to have worked out so many members, and an evaluation of everything to find nothing that it
// left.
func worksOut(t *testing.T, p *Project, s *Summary, members int64) {
	t.Helper()
	e := s.Programs[0].Evaluated
	if e == nil || e.EverybodyBecause != "" || e.Members != members {
		t.Errorf("the run for %s worked out %+v, not %d members", s.Date, e, members)
	}
	left := backfill(t, p, s.Date[:4]+"-01-01", s.Date, dryRun)
	for _, d := range left.Programs[0].Days {
		t.Errorf("after the run for %s an evaluation of everything has more to post: %+v", s.Date, d)
	}
}

func TestNightWorksOutWhoHasChanged(t *testing.T) {
	t.Parallel()
	p := plainProject(t, sinceProgram)
	members := func(date, rows string) {
		write(t, filepath.Join(p.ExportsDir(), "date="+date, "members.csv"), "member_id,birth_date\n"+rows)
	}
	var many []string
	for _, id := range strings.Fields("t1 t2 t3 t4 t5 t6 t7 t8 t9") {
		many = append(many, id+" m"+id[1:]+" 2027-02-20 100")
	}
	deliver(t, p, "2027-02-20", many...)
	members("2027-02-20", "leap,2000-02-29\nmoved,1990-02-25\n")
	if e := run(t, p, "2027-02-20").Programs[0].Evaluated; e == nil || e.EverybodyBecause == "" {
		t.Errorf("the first run worked out %+v", e)
	}

	// Birthdays come within the horizon: of `moved` on the 25th, of `leap`, in a year without its day, on the 28th.
	deliver(t, p, "2027-02-28", "u1 m1 2027-02-28 100")
	s := run(t, p, "2027-02-28")
	worksOut(t, p, s, 3)
	if got := grantsOf(s); got != "base 1 1 · party 2 100" {
		t.Errorf("on the 28th: %s", got)
	}

	// Bought on the 3rd, two days after the 1 March that is a birthday of `leap` too, for rules that hold it then.
	deliver(t, p, "2027-03-03", "u2 leap 2027-03-03 200")
	s = run(t, p, "2027-03-03")
	worksOut(t, p, s, 1)
	if got := grantsOf(s); got != "base 1 2" {
		t.Errorf("on 3 March: %s", got)
	}

	// Another birth date, after that of the year has paid: the earlier one stands. The next purchase changes nothing.
	deliver(t, p, "2027-03-04")
	members("2027-03-04", "moved,1990-06-01\n")
	worksOut(t, p, run(t, p, "2027-03-04"), 1)
	deliver(t, p, "2027-06-02", "u3 moved 2027-06-02 100")
	s = run(t, p, "2027-06-02")
	worksOut(t, p, s, 1)
	if got := grantsOf(s); got != "base 1 1" {
		t.Errorf("on 2 June: %s", got)
	}

	// The limit of the month is used up by what came before; a late purchase takes from what came after it.
	deliver(t, p, "2027-06-03", "v1 m1 2027-06-03 400", "v2 m2 2027-06-03 100")
	worksOut(t, p, run(t, p, "2027-06-03"), 2)
	deliver(t, p, "2027-06-04", "v3 m1 2027-06-01 300")
	s = run(t, p, "2027-06-04")
	worksOut(t, p, s, 1)
	if got := grantsOf(s); got != "base 1 3 · base 1 -2" { // 3 of 5 are left to the first, so 2 to the 400
		t.Errorf("on 4 June: %s", got)
	}

	// A folder that has changed may have lost rows of whomever.
	deliver(t, p, "2027-06-03", "v1 m1 2027-06-03 400")
	if e := run(t, p, "2027-06-05").Programs[0].Evaluated; e == nil || e.EverybodyBecause != "a delivery was loaded anew" {
		t.Errorf("after a delivery was loaded anew the run worked out %+v", e)
	}
	noFindings(t, p)
}

// After a pause of more than a year every birthday of it is to be found, also that of the last day before the year is round.
func TestNightAfterMoreThanAYear(t *testing.T) {
	t.Parallel()
	p := plainProject(t, sinceProgram)
	deliver(t, p, "2027-02-20", "t1 m1 2027-02-20 100", "t2 m2 2027-02-20 100")
	write(t, filepath.Join(p.ExportsDir(), "date=2027-02-20", "members.csv"),
		"member_id,birth_date\nfirst,1990-02-21\nlast,1990-02-20\nbefore,1990-02-19\nleap,1992-02-29\n")
	if got := grantsOf(run(t, p, "2027-02-20")); got != "base 2 2 · party 1 50" { // that of last
		t.Errorf("on the first night: %s", got)
	}
	// first on 21 February 2027 and 2028, before on 19 and last on 20 February 2028, leap on 28 February 2027 and its own day.
	s := run(t, p, "2028-04-01")
	worksOut(t, p, s, 4)
	if got := grantsOf(s); got != "party 6 300" {
		t.Errorf("after the pause: %s", got)
	}
}

// As long as a budget certainly suffices, whoever asks for some of it can be looked at alone.
func TestNightNearTheEndOfABudget(t *testing.T) {
	t.Parallel()
	p := plainProject(t, strings.Replace(sinceProgram, "  - {id: party, kind: birthday, earn: 50}\n",
		"  - {id: extra, kind: spend, earn: 1, per: 100, budget: 8}\n", 1))
	deliver(t, p, "2027-02-20", "t1 m1 2027-02-20 100", "t2 m2 2027-02-20 100", "t3 m3 2027-02-20 100", "t4 m4 2027-02-20 100", "t5 m5 2027-02-20 100")
	run(t, p, "2027-02-20") // 5 of 8

	deliver(t, p, "2027-02-21", "u1 m1 2027-02-21 100")
	s := run(t, p, "2027-02-21") // 6
	worksOut(t, p, s, 1)
	if got := grantsOf(s); got != "base 1 1 · extra 1 1" {
		t.Errorf("with 6 of 8: %s", got)
	}
	const used = "the budget of the rule extra may be used up"
	deliver(t, p, "2027-02-22", "u2 m2 2027-02-22 300")
	s = run(t, p, "2027-02-22") // 9
	if got := grantsOf(s); got != "base 1 3 · extra 1 2" || s.Programs[0].Evaluated.EverybodyBecause != used {
		t.Errorf("with 9 of 8: %s, %+v", got, s.Programs[0].Evaluated)
	}
	deliver(t, p, "2027-02-23", "u3 m3 2027-02-19 200") // before all others: 2 more for m3, 2 less for the last
	s = run(t, p, "2027-02-23")
	if got := grantsOf(s); got != "base 1 2 · extra 1 2 · extra 1 -2" || s.Programs[0].Evaluated.EverybodyBecause != used {
		t.Errorf("with 11 of 8: %s, %+v", got, s.Programs[0].Evaluated)
	}
	noFindings(t, p)
}

// grantsOf tells what a run posted: rule, rows and sum of each kind.
func grantsOf(s *Summary) string {
	var out []string
	for _, g := range s.Programs[0].Grants {
		out = append(out, g.Rule+" "+strconv.FormatInt(g.Rows, 10)+" "+g.Amount)
	}
	return strings.Join(out, " · ")
}
