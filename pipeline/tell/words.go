package tell

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// sentence makes a sentence of words.
func sentence(words string) string { return capital(words) + "." }

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}

// list joins words: "a", "a and b", "a, b and c".
func list(words []string, last string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " " + last + " " + words[n-1]
	}
}

// number writes a decimal with commas between the thousands. It has no blank, so that no line breaks within it.
func number(d decimal.Decimal) string {
	whole, frac, hasFrac := strings.Cut(d.String(), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFrac {
		return whole + "." + frac
	}
	return whole
}

// unit is what amounts are called: a reward.
type unit struct {
	name   string // "" for an amount of no one reward
	places int    // that amounts are written with
}

func unitOf(r *program.Reward) unit { return unit{r.ID, r.Scale} }

// amount writes an amount of a reward: "1 point", "3 points", "0.50 cashback". Rates may have more places than the
// reward.
func (u unit) amount(d decimal.Decimal) string {
	name := u.name
	if d.Equal(decimal.NewFromInt(1)) && isPlural(name) {
		name = strings.TrimSuffix(name, "s")
	}
	return strings.TrimSuffix(padded(d, u.places)+" "+name, " ")
}

// padded writes a decimal that has a fraction with at least so many places.
func padded(d decimal.Decimal, places int) string {
	if d.IsInteger() {
		return number(d)
	}
	return number(d) + strings.Repeat("0", max(places-placesOf(d), 0))
}

// placesOf counts the decimal places without trailing zeros.
func placesOf(d decimal.Decimal) int {
	_, frac, _ := strings.Cut(d.String(), ".")
	return len(frac)
}

// isPlural reports whether the name of a reward is the plural of a word.
func isPlural(unit string) bool {
	return len(unit) > 2 && strings.HasSuffix(unit, "s") && !strings.HasSuffix(unit, "us") && !strings.HasSuffix(unit, "ss") &&
		!strings.HasSuffix(unit, "is")
}

// money writes an amount of the program's currency.
func (t teller) money(d decimal.Decimal) string {
	return strings.TrimPrefix(t.p.Currency+" "+padded(d, 2), " ")
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return number(decimal.NewFromInt(int64(n))) + " times"
}

// count writes a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(decimal.NewFromInt(int64(n))) + " " + many
}

// spanOf is the words for a period.
func spanOf(p pipeline.Period) string {
	switch p {
	case pipeline.PerTransaction:
		return "at a time"
	case pipeline.PerDay:
		return "a day"
	case pipeline.PerWeek:
		return "a week"
	case pipeline.PerMonth:
		return "a month"
	case pipeline.PerQuarter:
		return "a quarter"
	case pipeline.PerYear:
		return "a year"
	}
	return "in a lifetime"
}

// spanWords tells a span of dates; empty for all dates.
func spanWords(s program.Span) string {
	switch {
	case s.From != pipeline.MinDate && s.From == s.Until:
		return "on " + s.From.String() + " only"
	case s.From != pipeline.MinDate && s.Until != pipeline.MaxDate:
		return fmt.Sprintf("from %s to %s, both included", s.From, s.Until)
	case s.From != pipeline.MinDate:
		return fmt.Sprintf("from %s on", s.From)
	case s.Until != pipeline.MaxDate:
		return fmt.Sprintf("until %s, that day included", s.Until)
	}
	return ""
}

func roundingWords(r program.Rounding) string {
	switch r {
	case program.Ceil:
		return "rounded up"
	case program.HalfUp:
		return "rounded half up"
	case program.HalfEven:
		return "rounded half to even"
	}
	return "rounded down"
}

// duration writes a span of time: "30 minutes", "1 hour 30 minutes".
func duration(d time.Duration) string {
	var parts []string
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int(d / unit.size); n > 0 {
			parts = append(parts, count(n, unit.name, unit.name+"s"))
		}
		d %= unit.size
	}
	return strings.Join(parts, " ")
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
