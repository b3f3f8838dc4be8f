package evaluate

import (
	"testing"
	"time"

	"accrue/pipeline"
)

// TestDriftBoundsBusinessDates tries moments every 7 min around changes of clocks: the business date lies where drift says,
// and is exact where the clock never changes.
func TestDriftBoundsBusinessDates(t *testing.T) {
	for _, c := range []struct {
		zone    string
		around  string
		startAt time.Duration
		exact   bool
	}{
		{"Asia/Kolkata", "2026-03-29", 0, true},
		{"Asia/Kolkata", "2026-03-29", 4 * time.Hour, true},
		{"Europe/Berlin", "2026-03-29", 0, false},
		{"Europe/Berlin", "2026-10-25", 5 * time.Hour, false},
		{"America/Santiago", "2026-09-06", 0, false},    // midnight is skipped
		{"Australia/Lord_Howe", "2026-04-05", 0, false}, // by half an hour
		{"Pacific/Apia", "2011-12-30", 0, false},        // a whole day is skipped
		{"Pacific/Kiritimati", "2026-01-01", 0, true},   // 14 hours ahead
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := pipeline.ParseDate(c.around)
		if err != nil {
			t.Fatal(err)
		}
		middle := int64(at) * usPerDay
		d := driftOf(loc, c.startAt, middle-300*usPerDay, middle+300*usPerDay)
		for x := middle - 3*usPerDay; x < middle+3*usPerDay; x += 7 * 60_000_000 {
			for _, instant := range []bool{false, true} {
				us, bounds := x, d.instant
				if !instant {
					us, bounds = pipeline.Instant(x, loc), d.wall
				}
				day := floorDay(us + pipeline.OffsetAt(us, loc) - c.startAt.Microseconds())
				first, last := floorDay(x+bounds.least), floorDay(x+bounds.most)
				if day < first || day > last || c.exact && first != last {
					t.Fatalf("%s, %d (instant: %t): business date %s, bounds %s to %s", c.zone, x, instant, day, first, last)
				}
			}
		}
	}
}
