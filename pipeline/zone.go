package pipeline

import "time"

// OffsetAt returns the microseconds east of UTC that the zone has at an instant (microseconds since the epoch).
func OffsetAt(us int64, loc *time.Location) int64 {
	_, off := time.UnixMicro(us).In(loc).Zone()
	return int64(off) * microsPerSecond
}

// NextChange is the end of the stretch of equal offset that a moment of a zone lies in; false where it has none. It may
// come early: then the next stretch has the same offset.
//
// Go (up to 1.26 at least) lets the stretches of a year from 2038 on end after 365 days, so that the end that ZoneBounds
// gives for the last day of a leap year lies before that day.
func NextChange(at time.Time) (time.Time, bool) {
	_, end := at.ZoneBounds()
	if end.IsZero() {
		return end, false
	}
	if !end.After(at) {
		end = at.Add(24 * time.Hour)
	}
	return end, true
}

// daySpan, in microseconds, is more than any zone lies away from UTC.
const daySpan = 26 * 3600 * microsPerSecond

// Instant turns a wall clock of a zone, as microseconds since 1970-01-01T00:00, into an instant in microseconds
// since the epoch. In a repeated hour it is the earlier instant; in a skipped hour the wall clock moves forward by
// the gap (spec section 4). Go, DuckDB and PostgreSQL disagree here, so this function decides for all of accrue.
//
// Where the clock is changed at instant T from offset a to offset b, wall clocks before T + max(a, b) are read with
// a: that is the first pass of a repeated hour, and forward by the gap in a skipped one.
func Instant(wall int64, loc *time.Location) int64 {
	at := time.UnixMicro(wall - daySpan).In(loc)
	for {
		off := OffsetAt(at.UnixMicro(), loc)
		end, ok := NextChange(at)
		if !ok {
			return wall - off
		}
		next := OffsetAt(end.UnixMicro(), loc)
		if wall < end.UnixMicro()+max(off, next) {
			return wall - off
		}
		at = end.In(loc)
	}
}
