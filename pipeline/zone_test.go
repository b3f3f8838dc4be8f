package pipeline

import (
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestInstant(t *testing.T) {
	for _, c := range []struct{ zone, wall, want, why string }{
		{"Asia/Kolkata", "2026-11-20T10:00", "2026-11-20T04:30Z", "a plain offset"},
		{"America/New_York", "2026-03-08T01:59", "2026-03-08T06:59Z", "before the gap"},
		{"America/New_York", "2026-03-08T02:30", "2026-03-08T07:30Z", "skipped: 03:30 EDT, forward by the gap"},
		{"America/New_York", "2026-03-08T03:00", "2026-03-08T07:00Z", "after the gap"},
		{"America/New_York", "2026-11-01T00:59", "2026-11-01T04:59Z", "before the repeated hour"},
		{"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30Z", "repeated: the earlier, EDT"},
		{"America/New_York", "2026-11-01T02:00", "2026-11-01T07:00Z", "after the repeated hour, EST"},
		{"America/Sao_Paulo", "2018-11-04T00:15", "2018-11-04T03:15Z", "midnight is skipped: 01:15 -02:00"},
		{"Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45Z", "half an hour repeated: the earlier, +11:00"},
		{"Europe/London", "2040-12-31T12:00", "2040-12-31T12:00Z", "the last day of a leap year of which the zone file says nothing"},
		{"Australia/Sydney", "2044-12-31T12:00", "2044-12-31T01:00Z", "the same in summer"},
		{"Pacific/Apia", "2011-12-30T12:00", "2011-12-30T22:00Z", "a whole day skipped: 31 December 12:00 +14:00"},
	} {
		ts, err := ParseTimestamp(c.wall)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ParseTimestamp(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := Instant(ts.Wall, zone(t, c.zone)); got != want.Wall {
			t.Errorf("%s %s (%s): %s, want %s", c.zone, c.wall, c.why, time.UnixMicro(got).UTC(), c.want)
		}
	}
}
