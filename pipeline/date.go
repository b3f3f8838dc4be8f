package pipeline

import (
	"fmt"
	"time"
)

// Date is a calendar date without zone, as days since 1970-01-01. Business dates, delivery dates and the dates of
// rules are all of this type.
type Date int32

// Unbounded dates stand for "from the beginning" and "without end" in ranges of dates. They are the first and the
// last date that a four-digit year can write.
const (
	MinDate Date = -719162 // 0001-01-01
	MaxDate Date = 2932896 // 9999-12-31
)

const secondsPerDay = 24 * 60 * 60

// NewDate returns the date of a year, month and day, which are normalised as time.Date does.
func NewDate(year int, month time.Month, day int) Date {
	return DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// DateOf returns the calendar date that t shows in its own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	unix := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
	return Date(unix / secondsPerDay) // exact: midnight UTC is a multiple, also before 1970
}

// ParseDate reads YYYY-MM-DD. Any other form, and a day that its month does not have, is an error.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil || t.Year() == 0 {
		return 0, fmt.Errorf("%q is not a date of the form YYYY-MM-DD", s)
	}
	return DateOf(t), nil
}

// Time returns midnight UTC of the date.
func (d Date) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// String returns YYYY-MM-DD.
func (d Date) String() string { return d.Time().Format("2006-01-02") }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.Time().Weekday() }

// AddMonths moves the date by n calendar months; a day that the month does not have becomes its last day, so that
// 31 January + 1 month = 28 February.
func (d Date) AddMonths(n int) Date {
	y, m, day := d.Time().Date()
	first := NewDate(y, m+time.Month(n), 1)
	last := first.EndOfMonth()
	if moved := first + Date(day) - 1; moved < last {
		return moved
	}
	return last
}

// EndOfMonth returns the last day of the date's month.
func (d Date) EndOfMonth() Date {
	y, m, _ := d.Time().Date()
	return NewDate(y, m+1, 0)
}

// EndOfYear returns 31 December of the date's year.
func (d Date) EndOfYear() Date { return NewDate(d.Time().Year(), time.December, 31) }
