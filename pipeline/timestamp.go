package pipeline

import (
	"errors"
	"fmt"
	"time"
)

// Timestamp is a point in time as a delivery wrote it: a wall clock, with or without an offset. It keeps how it
// was written, because rows "say the same" when their timestamps are written the same (F27).
type Timestamp struct {
	Wall      int64 // microseconds of the wall clock since 1970-01-01T00:00, as if it were UTC
	Offset    int32 // seconds east of UTC; 0 where none was written
	HasOffset bool
	Form      uint8 // see the form constants
}

// The form of a timestamp: a set of bits from which the text can be had back.
const (
	FormSpace     uint8 = 1 << 0 // a space between date and time, not T
	FormSeconds   uint8 = 1 << 1 // bits 1 to 3: 0 HH:MM, 1 HH:MM:SS, 2 to 7 one to six digits of fraction
	FormZ         uint8 = 1 << 4 // bits 4 and 5: 0 no offset, 1 Z, 2 ±HH:MM, 3 -00:00
	FormOffset    uint8 = 2 << 4
	FormMinusZero uint8 = 3 << 4
	FormDateOnly  uint8 = 1 << 6 // YYYY-MM-DD and nothing else

	formFractionShift = 1
	formFractionMask  = 7 << formFractionShift
	formZoneMask      = 3 << 4
)

const microsPerSecond = 1_000_000

// errTimestamp is the one fault of all timestamps: it names the form that is wanted.
var errTimestamp = errors.New("not of the form YYYY-MM-DDTHH:MM[:SS[.ffffff]][Z or ±HH:MM]")

// ParseTimestamp reads `YYYY-MM-DD[T or space]HH:MM[:SS[.fraction]][Z or ±HH:MM]` with a fraction of one to six
// digits (F49). Every other text is an error, also dates that do not exist and offsets over 23:59.
func ParseTimestamp(s string) (Timestamp, error) {
	var ts Timestamp
	day, err := parseDay(s)
	if err != nil {
		return ts, err
	}
	if len(s) < len("2006-01-02T15:04") || (s[10] != 'T' && s[10] != ' ') || s[13] != ':' {
		return ts, errTimestamp
	}
	if s[10] == ' ' {
		ts.Form |= FormSpace
	}
	hour, ok1 := digits(s[11:13])
	minute, ok2 := digits(s[14:16])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return ts, errTimestamp
	}
	micros, rest, form, ok := parseSeconds(s[16:])
	if !ok {
		return ts, errTimestamp
	}
	ts.Form |= form
	if ts.Offset, form, ok = parseOffset(rest); !ok {
		return ts, errTimestamp
	}
	ts.Form |= form
	ts.HasOffset = form != 0
	ts.Wall = (int64(day)*secondsPerDay+int64(hour)*3600+int64(minute)*60)*microsPerSecond + micros
	return ts, nil
}

// ParseDay reads YYYY-MM-DD or a timestamp; a date alone is midnight without offset.
func ParseDay(s string) (Timestamp, error) {
	if len(s) != len("2006-01-02") {
		return ParseTimestamp(s)
	}
	day, err := parseDay(s)
	return Timestamp{Wall: int64(day) * secondsPerDay * microsPerSecond, Form: FormDateOnly}, err
}

func parseDay(s string) (Date, error) {
	if len(s) < len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, errTimestamp
	}
	y, ok1 := digits(s[0:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || y < 1 || m < 1 || m > 12 || d < 1 {
		return 0, errTimestamp
	}
	day := NewDate(y, time.Month(m), d)
	if d > 28 && day.Time().Day() != d {
		return 0, fmt.Errorf("%04d-%02d has no day %d", y, m, d)
	}
	return day, nil
}

// parseSeconds reads what follows HH:MM up to the offset.
func parseSeconds(s string) (micros int64, rest string, form uint8, ok bool) {
	if s == "" || s[0] != ':' {
		return 0, s, 0, true
	}
	if len(s) < 3 {
		return 0, "", 0, false
	}
	sec, ok := digits(s[1:3])
	if !ok || sec > 59 {
		return 0, "", 0, false
	}
	micros, s, form = int64(sec)*microsPerSecond, s[3:], FormSeconds
	if s == "" || s[0] != '.' {
		return micros, s, form, true
	}
	n, unit := 0, int64(microsPerSecond)
	for s = s[1:]; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
		unit /= 10
		micros += int64(s[n]-'0') * unit
	}
	if n < 1 || n > 6 {
		return 0, "", 0, false
	}
	return micros, s[n:], uint8(n+1) << formFractionShift, true
}

func parseOffset(s string) (seconds int32, form uint8, ok bool) {
	switch {
	case s == "":
		return 0, 0, true
	case s == "Z":
		return 0, FormZ, true
	case len(s) != len("+05:30") || (s[0] != '+' && s[0] != '-') || s[3] != ':':
		return 0, 0, false
	}
	h, ok1 := digits(s[1:3])
	m, ok2 := digits(s[4:6])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, 0, false
	}
	seconds = int32(h*3600 + m*60)
	if s[0] == '+' {
		return seconds, FormOffset, true
	}
	if seconds == 0 {
		return 0, FormMinusZero, true
	}
	return -seconds, FormOffset, true
}

func digits(s string) (n int, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// String writes the timestamp as it was read.
func (ts Timestamp) String() string {
	layout := "2006-01-02"
	if ts.Form&FormDateOnly == 0 {
		sep := "T"
		if ts.Form&FormSpace != 0 {
			sep = " "
		}
		layout += sep + "15:04"
		if n := ts.Form & formFractionMask >> formFractionShift; n >= 1 {
			layout += ":05"
			if n >= 2 {
				layout += ".000000"[:n]
			}
		}
	}
	out := time.UnixMicro(ts.Wall).UTC().Format(layout)
	switch ts.Form & formZoneMask {
	case FormZ:
		return out + "Z"
	case FormMinusZero:
		return out + "-00:00"
	case FormOffset:
		sign, off := '+', ts.Offset
		if off < 0 {
			sign, off = '-', -off
		}
		return out + fmt.Sprintf("%c%02d:%02d", sign, off/3600, off%3600/60)
	}
	return out
}
