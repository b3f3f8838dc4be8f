package sqlgen

import (
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
	"accrue/pipeline/program"
)

// Which birthday rules a row of eval_anniversaries is for.
const (
	anyFeb29 = 0 // all
	feb28    = 1 // those who say feb_28, and it is 28 February of a year without a 29th
	mar1     = 2 // those who say mar_1, and it is 1 March of such a year
)

// Anniversary is a row of eval_anniversaries: those born on BirthMD (month × 100 + day) have a birthday on Day.
type Anniversary struct {
	BirthMD int
	Feb29   int // for which rules
	Day     pipeline.Date
	US      int64 // when the day starts
	Minute  int   // of the local wall clock at that instant
}

// AnniversaryColumns are the columns of eval_anniversaries with their types.
const AnniversaryColumns = "birth_md INTEGER, feb_29 TINYINT, day INTEGER, us BIGINT, minute SMALLINT, year INTEGER"

// Values renders the row.
func (a Anniversary) Values() string {
	return fmt.Sprintf("(%d, %d, %d, %d, %d, %d)", a.BirthMD, a.Feb29, a.Day, a.US, a.Minute, a.Day.Time().Year())
}

// Anniversaries returns the rows of a business date that starts at us, when the local clock shows minute.
func Anniversaries(day pipeline.Date, us int64, minute int) []Anniversary {
	y, m, d := day.Time().Date()
	out := []Anniversary{{int(m)*100 + d, anyFeb29, day, us, minute}}
	const born = 2*100 + 29
	leap := pipeline.NewDate(y, 2, 29).Time().Day() == 29
	switch {
	case leap:
	case m == 2 && d == 28:
		out = append(out, Anniversary{born, feb28, day, us, minute})
	case m == 3 && d == 1:
		out = append(out, Anniversary{born, mar1, day, us, minute})
	}
	return out
}

// birthdays makes a source of each birthday of each member: by the members row in force on that very date, in the years
// after the year of birth, and not before the member joined (F35).
func (g *generator) birthdays() {
	n := g.plan.Needs
	cols := []string{"p.member_no", "m.member_id || ':' || d.year AS source_id", "d.us", "d.day", "d.ver",
		g.tierByVersion() + " AS tier_no", "p.closed", "d.feb_29"}
	if n.Hours {
		cols = append(cols, "d.minute")
	}
	if n.Tags {
		cols = append(cols, "p.tags")
	}
	if n.Joined {
		cols = append(cols, "d.day - p.joined_day AS joined_days")
	}
	g.add("birthdays", fmt.Sprintf(`CREATE TEMP TABLE eval_birthdays AS
SELECT %s
FROM (SELECT *, %s AS ver FROM eval_anniversaries) d
  JOIN eval_spans p ON p.birth_md = d.birth_md AND d.day >= p.from_day AND d.day <= p.until_day
  JOIN eval_members m ON m.member_no = p.member_no
WHERE d.year > p.birth_year AND (p.joined_day IS NULL OR d.day >= p.joined_day)`, strings.Join(cols, ", "), g.version("day")))
}

func (g *generator) fromBirthdays(r *plan.Rule, rv *plan.RuleVersion) drawn {
	cols := common(rv, stypeBirthday)
	if g.carriesSubject(r) {
		cols += ", CAST(NULL AS VARCHAR) AS subject"
	}
	return drawn{cols: cols, from: "eval_birthdays t", given: []string{fmt.Sprintf("t.feb_29 IN (%d, %d)", anyFeb29, feb29Of(rv))},
		asked: append(inForceAndOpen(rv), asks(rv, birthdayAttributes)...)}
}

// feb29Of is the feb_29 of the rows of eval_anniversaries that are for this rule version alone.
func feb29Of(rv *plan.RuleVersion) int64 {
	if rv.Feb29 == program.Mar1 {
		return mar1
	}
	return feb28
}
