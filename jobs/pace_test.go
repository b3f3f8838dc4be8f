package jobs

import (
	"context"
	"testing"
	"time"
)

type stillClock struct{ now time.Time }

func (c *stillClock) Now() time.Time                           { return c.now }
func (c *stillClock) Sleep(_ context.Context, d time.Duration) { c.now = c.now.Add(d) }

// What is told of the time left follows from the rows since the beginning, and only once there is something to go by.
func TestPace(t *testing.T) {
	clock := &stillClock{now: time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)}
	p := &pace{clock: clock}
	for _, c := range []struct {
		pass time.Duration
		what string
		done int64
		of   int64
		want string
	}{
		{0, "loading a.csv", 0, 1000, "loading a.csv: 0 of 1000 rows"},
		{time.Second, "loading b.csv", 100, 1000, "loading b.csv: 100 of 1000 rows"},
		{time.Second, "loading c.csv", 200, 1000, "loading c.csv: 200 of 1000 rows, 100 a second, 8s left"},
		{2 * time.Second, "loading c.csv", 1000, 1000, "loading c.csv: 1000 of 1000 rows, 250 a second, 0s left"},
		{time.Second, "writing", 50, 700, "writing: 50 of 700 rows"},
		{4 * time.Second, "writing", 50, 700, "writing: 50 of 700 rows"},
		{4 * time.Second, "writing", 130, 700, "writing: 130 of 700 rows, 10 a second, 57s left"},
	} {
		clock.Sleep(t.Context(), c.pass)
		if got := p.line(c.what, c.done, c.of); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
