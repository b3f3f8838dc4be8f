package jobs

import (
	"context"
	"time"
)

// Clock tells the time and lets it pass. There is one so that a test can live through a year in a second; nothing below
// this package has one.
type Clock interface {
	Now() time.Time
	// Sleep waits until the time has passed, or less long, or until the context ends.
	Sleep(ctx context.Context, d time.Duration)
}

// WallClock is the machine's clock.
type WallClock struct{}

// Now returns the machine's time.
func (WallClock) Now() time.Time { return time.Now() }

// maxSleep bounds how late a clock that was set, or a machine that was suspended, is noticed.
const maxSleep = 20 * time.Second

// Sleep waits.
func (WallClock) Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(min(d, maxSleep))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
