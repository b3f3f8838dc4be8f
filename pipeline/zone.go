package pipeline

import "time"

// OffsetAt returns the microseconds east of UTC that the zone has at an instant (microseconds since the epoch).
func OffsetAt(us int64, loc *time.Location) int64 {
	_, off := time.UnixMicro(us).In(loc).Zone()
	return int64(off) * microsPerSecond
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
		_, end := at.ZoneBounds()
		if end.IsZero() {
			return wall - off
		}
		next := OffsetAt(end.UnixMicro(), loc)
		if wall < end.UnixMicro()+max(off, next) {
			return wall - off
		}
		at = end.In(loc)
	}
}
