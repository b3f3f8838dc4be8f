package pipeline

import "time"

// Period is a span that limits are counted over. Calendar periods are periods of business dates.
type Period string

// The periods, in the order in which limits apply: shortest first.
const (
	PerTransaction Period = "per_transaction"
	PerDay         Period = "per_day"
	PerWeek        Period = "per_week" // Monday to Sunday
	PerMonth       Period = "per_month"
	PerQuarter     Period = "per_quarter"
	PerYear        Period = "per_year"
	Lifetime       Period = "lifetime"
)

// Periods lists all periods, shortest first.
var Periods = []Period{PerTransaction, PerDay, PerWeek, PerMonth, PerQuarter, PerYear, Lifetime}

// Start returns the first date of the period that d lies in: a key that two dates share exactly when they lie in
// the same period. PerTransaction has no date of its own and answers as PerDay; Lifetime answers MinDate.
func (p Period) Start(d Date) Date {
	y, m, _ := d.Time().Date()
	switch p {
	case PerWeek:
		return d - Date((int(d.Weekday())+6)%7)
	case PerMonth:
		return NewDate(y, m, 1)
	case PerQuarter:
		return NewDate(y, m-(m-1)%3, 1)
	case PerYear:
		return NewDate(y, time.January, 1)
	case Lifetime:
		return MinDate
	}
	return d
}
