package reference

import (
	"time"

	"accrue/pipeline"
)

// clock gives rows of one program their instants and business dates (spec section 4).
type clock struct {
	zone        *time.Location
	dayStartsAt time.Duration
	stores      map[string]Store // looked at for `day: store`, nil for `day: program`
}

// zoneOf returns the zone that a row is dated in: its store's where the program says so and the store has one.
func (c clock) zoneOf(storeID string) *time.Location {
	if z := c.stores[storeID].TimeZone; z != nil {
		return z
	}
	return c.zone
}

// place returns the instant of a timestamp, shown in the given zone, and its business date there.
func (c clock) place(ts pipeline.Timestamp, zone *time.Location) (time.Time, pipeline.Date) {
	at := instant(ts, zone)
	// The wall clock is moved back, not the instant: days are 23 to 25 hours long.
	y, m, d := at.Date()
	wall := time.Date(y, m, d, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
	return at, pipeline.DateOf(wall.Add(-c.dayStartsAt))
}

// instant returns the point in time that a timestamp names, shown in the zone. One with an offset is an instant. One
// without is local to the zone: of a repeated hour the earlier instant, out of a skipped hour forward by the gap.
func instant(ts pipeline.Timestamp, zone *time.Location) time.Time {
	if ts.HasOffset {
		return time.UnixMicro(ts.Wall).Add(-time.Duration(ts.Offset) * time.Second).In(zone)
	}
	wall := time.UnixMicro(ts.Wall).UTC()
	// Walk the zone's stretches of equal offset in order of time, from well before the wall clock can be meant.
	for stretch := wall.Add(-48 * time.Hour).In(zone); ; {
		_, offset := stretch.Zone()
		read := wall.Add(-time.Duration(offset) * time.Second) // the instant, if this stretch's offset holds then
		change, ok := pipeline.NextChange(stretch)
		if !ok || read.Before(change) {
			return read.In(zone) // the first stretch that shows this wall clock: the earlier of two
		}
		_, next := change.Zone()
		if wall.Add(-time.Duration(next) * time.Second).Before(change) {
			return read.In(zone) // skipped: read with the offset before the change, it shows later by the gap
		}
		stretch = change
	}
}

// timeOfDay returns how far the wall clock of at has gone since midnight, whatever the zone did to its clock.
func timeOfDay(at time.Time) time.Duration {
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute +
		time.Duration(at.Second())*time.Second + time.Duration(at.Nanosecond())
}

// parseTimestamp reads `YYYY-MM-DD[T or space]HH:MM[:SS[.fraction]][Z or ±HH:MM]` to the microsecond (F49).
func parseTimestamp(s string) (ts pipeline.Timestamp, ok bool) {
	const minutes = len("2006-01-02T15:04")
	if len(s) < minutes || s[10] != 'T' && s[10] != ' ' {
		return ts, false
	}
	wall, ok := parseDate(s[:10])
	if !ok {
		return ts, false
	}
	clockText, offset, ok := cutOffset(s[11:])
	if !ok {
		return ts, false
	}
	ts.Offset, ts.HasOffset = offset, len(clockText) < len(s[11:])
	layout := "15:04"
	switch n := len(clockText); {
	case n == len("15:04"):
	case n == len("15:04:05"):
		layout = "15:04:05"
	case n > len("15:04:05.") && n <= len("15:04:05.000000") && clockText[8] == '.':
		layout = "15:04:05." + "000000"[:n-9]
	default:
		return ts, false
	}
	t, ok := parseWith(layout, clockText)
	if !ok {
		return ts, false
	}
	ts.Wall = wall.UnixMicro() + timeOfDay(t).Microseconds()
	return ts, true
}

// cutOffset takes `Z` or `±HH:MM` off the end of a wall clock. Seconds are east of UTC.
func cutOffset(s string) (rest string, seconds int32, ok bool) {
	if n := len(s) - 1; s[n] == 'Z' {
		return s[:n], 0, true
	}
	n := len(s) - len("+15:04")
	if n < 0 || s[n] != '+' && s[n] != '-' {
		return s, 0, true
	}
	t, ok := parseWith("15:04", s[n+1:])
	seconds = int32(timeOfDay(t) / time.Second)
	if s[n] == '-' {
		seconds = -seconds
	}
	return s[:n], seconds, ok
}

// parseWith reads s in the layout and nothing but: time.Parse alone would take some other forms too.
func parseWith(layout, s string) (time.Time, bool) {
	t, err := time.Parse(layout, s)
	return t, err == nil && t.Format(layout) == s
}

// parseDate reads YYYY-MM-DD; there is no year 0.
func parseDate(s string) (time.Time, bool) {
	t, ok := parseWith("2006-01-02", s)
	return t, ok && t.Year() > 0
}

// parseDay reads YYYY-MM-DD, or a timestamp.
func parseDay(s string) (ts pipeline.Timestamp, ok bool) {
	if t, ok := parseDate(s); ok {
		return pipeline.Timestamp{Wall: t.UnixMicro(), Form: pipeline.FormDateOnly}, true
	}
	return parseTimestamp(s)
}
