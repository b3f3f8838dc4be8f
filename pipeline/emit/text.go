package emit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"accrue/pipeline"
)

// Texts of single values, without the allocations and the generality of the standard library: a night writes and
// reads hundreds of millions of them.

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 24 * 60 * 60
	microsPerDay    = secondsPerDay * microsPerSecond
)

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// dateTexts are the texts of the dates that nearly all grants bear, from 1970-01-01 on, one after the other.
var dateTexts = func() []byte {
	var b []byte
	for d := pipeline.Date(0); d < lastDateText; d++ {
		b = appendAnyDate(b, d)
	}
	return b
}()

const lastDateText = 30_000 // in 2052

// appendDate writes YYYY-MM-DD.
func appendDate(b []byte, d pipeline.Date) []byte {
	const width = len("2006-01-02")
	if d >= 0 && d < lastDateText {
		return append(b, dateTexts[int(d)*width:int(d)*width+width]...)
	}
	return appendAnyDate(b, d)
}

func appendAnyDate(b []byte, d pipeline.Date) []byte {
	y, m, day := civil(int64(d))
	b = appendTwo(appendTwo(b, y/100), y%100)
	b = appendTwo(append(b, '-'), m)
	return appendTwo(append(b, '-'), day)
}

// civil turns days since 1970-01-01 into year, month and day, counting years from March so that the leap day comes
// last.
func civil(days int64) (y, m, d int) {
	z := days + 719468 // since 0000-03-01
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	m = int(mp) + 3
	if m > 12 {
		m -= 12
	}
	y = int(yoe + era*400)
	if m <= 2 {
		y++
	}
	return y, m, int(doy-(153*mp+2)/5) + 1
}

// appendInstant writes RFC 3339 in UTC with Z: seconds, and six digits of fraction where it is not zero.
func appendInstant(b []byte, us int64) []byte {
	day := us / microsPerDay
	if us%microsPerDay < 0 {
		day--
	}
	rest := us - day*microsPerDay
	sec := int(rest / microsPerSecond)
	b = append(appendDate(b, pipeline.Date(day)), 'T')
	b = append(appendTwo(b, sec/3600), ':')
	b = append(appendTwo(b, sec/60%60), ':')
	b = appendTwo(b, sec%60)
	if f := int(rest % microsPerSecond); f != 0 {
		b = append(b, '.')
		b = appendTwo(appendTwo(appendTwo(b, f/10000), f/100%100), f%100)
	}
	return append(b, 'Z')
}

// appendAmount writes a decimal with the given number of places, which must hold it.
func appendAmount(b []byte, a pipeline.Amount, places int) []byte {
	u := uint64(a)
	if a < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/uint64(pipeline.Unit), 10)
	if places > 0 {
		f := u % uint64(pipeline.Unit)
		b = append(b, '.')
		for i, unit := 0, uint64(pipeline.Unit)/10; i < places; i, unit = i+1, unit/10 {
			b = append(b, byte('0'+f/unit%10))
		}
	}
	return b
}

var (
	errDate    = errors.New("not a date of the form YYYY-MM-DD")
	errInstant = errors.New("not an instant of the form YYYY-MM-DDTHH:MM:SS[.ffffff]Z")
	errAmount  = errors.New("not a decimal of at most four places")
	errWhole   = errors.New("not a whole number")
)

func parseTwo(s string, at int) int {
	a, b := s[at]-'0', s[at+1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}

var daysBefore = [...]int{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

func parseDate(s string) (pipeline.Date, error) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, errDate
	}
	c, y, m, d := parseTwo(s, 0), parseTwo(s, 2), parseTwo(s, 5), parseTwo(s, 8)
	if c < 0 || y < 0 || m < 1 || m > 12 || d < 1 {
		return 0, errDate
	}
	y += c * 100
	leap := 0
	if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		leap = 1
	}
	month := daysBefore[m] - daysBefore[m-1]
	if m == 2 {
		month += leap
	}
	if d > month {
		return 0, errDate
	}
	p := y - 1
	if y == 0 {
		p = -1 // years before 1 need a floor; year 0 is the only one that can be written
	}
	leaps := p/4 - p/100 + p/400
	if p < 0 {
		leaps = -1
	}
	n := 365*p + leaps + daysBefore[m-1] + d - 1
	if m > 2 {
		n += leap
	}
	return pipeline.Date(n) + pipeline.MinDate, nil
}

func parseInstant(s string) (int64, error) {
	const whole = len("2006-01-02T15:04:05Z")
	if len(s) != whole && len(s) != whole+7 || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return 0, errInstant
	}
	day, err := parseDate(s[:10])
	h, m, sec := parseTwo(s, 11), parseTwo(s, 14), parseTwo(s, 17)
	if err != nil || h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 {
		return 0, errInstant
	}
	us := (int64(day)*secondsPerDay + int64(h*3600+m*60+sec)) * microsPerSecond
	if len(s) == whole {
		return us, nil
	}
	a, b, c := parseTwo(s, 20), parseTwo(s, 22), parseTwo(s, 24)
	if s[19] != '.' || a < 0 || b < 0 || c < 0 || a+b+c == 0 {
		return 0, errInstant
	}
	return us + int64(a*10000+b*100+c), nil
}

func parseAmount(s string) (pipeline.Amount, error) {
	digits, neg := strings.CutPrefix(s, "-")
	whole, frac, point := strings.Cut(digits, ".")
	if whole == "" || whole[0] == '-' || len(whole) > 15 || len(frac) > pipeline.AmountPlaces || point && frac == "" {
		return 0, errAmount
	}
	n, err := parseWhole(whole)
	if err != nil {
		return 0, errAmount
	}
	for i := range pipeline.AmountPlaces {
		digit := byte('0')
		if i < len(frac) {
			digit = frac[i]
		}
		if digit < '0' || digit > '9' {
			return 0, errAmount
		}
		n = n*10 + int64(digit-'0')
	}
	if neg {
		n = -n
	}
	return pipeline.Amount(n), nil
}

// parseWhole reads digits with an optional minus, at most 19 of them.
func parseWhole(s string) (int64, error) {
	digits := s
	if len(s) > 0 && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		n, err := strconv.ParseInt(s, 10, 64) // the longest ones, with their bounds
		if err != nil {
			return 0, errWhole
		}
		return n, nil
	}
	n := int64(0)
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			return 0, errWhole
		}
		n = n*10 + int64(c)
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, nil
}

// firstInstant and lastInstant bound what four digits of a year can write.
var (
	firstInstant = time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastInstant  = time.Date(9999, time.December, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
)

// appendEscaped writes an id with its `/` and `%` escaped, as pipeline.EscapeID does.
func appendEscaped(b []byte, s string) []byte {
	if strings.IndexByte(s, '/') < 0 && strings.IndexByte(s, '%') < 0 {
		return append(b, s...)
	}
	return append(b, pipeline.EscapeID(s)...)
}

// appendGrantID writes the grant id of the grant's other columns and n.
func appendGrantID(b []byte, g *pipeline.Grant, n int64) []byte {
	b = append(appendEscaped(b, g.Program), '/')
	b = append(appendEscaped(b, g.Rule), '/')
	b = append(append(b, g.SourceType...), '/')
	b = append(appendEscaped(b, g.SourceID), '/')
	return strconv.AppendInt(b, n, 10)
}

// relation of dates that cannot be written.
func checkYears(g *pipeline.Grant) error {
	for _, d := range []pipeline.Date{g.EarnedOn, g.PostedOn, g.AvailableOn, g.ExpiresOn} {
		if d < pipeline.MinDate || d > pipeline.MaxDate {
			return fmt.Errorf("grant %s: a date lies outside the years 0001 to 9999", g.GrantID)
		}
	}
	if g.EarnedUS < firstInstant || g.EarnedUS > lastInstant {
		return fmt.Errorf("grant %s: earned_at lies outside the years 0000 to 9999", g.GrantID)
	}
	return nil
}
