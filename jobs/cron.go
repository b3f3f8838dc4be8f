package jobs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"accrue/pipeline"
)

// Cron says when a job wakes: a cron expression of five fields, a word such as @daily, or @every with a duration, in a
// time zone.
//
// The expression is evaluated on the wall clock alone, and pipeline.Instant turns what it gives into an instant:
// where the clock is changed, robfig/cron would leave a night out (02:30 in New York, midnight in Cairo) or run it
// twice. Here every wall clock that the expression names comes once a day: the earlier one of a repeated hour, and
// one in a skipped hour as much later as the clock was moved.
type Cron struct {
	schedule cron.Schedule
	zone     *time.Location
}

// ParseCron reads an expression.
func ParseCron(text string, zone *time.Location) (*Cron, error) {
	// robfig/cron panics on TZ=0, and the job has a time zone of its own.
	if strings.Contains(text, "TZ=") {
		return nil, errors.New("the zone stands in time_zone, not in the expression")
	}
	s, err := cron.ParseStandard(text)
	if err != nil {
		return nil, err
	}
	c := &Cron{schedule: s, zone: zone}
	// 31 February is an expression too.
	if s.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("%s never comes", text)
	}
	return c, nil
}

// Next returns the first instant after another at which the job wakes.
func (c *Cron) Next(after time.Time) time.Time {
	if every, ok := c.schedule.(cron.ConstantDelaySchedule); ok {
		return every.Next(after)
	}
	local := after.In(c.zone)
	_, offset := local.Zone()
	wall := local.Unix() + int64(offset)
	// Just after a skipped hour, what was named in it is still to come.
	if start, _ := local.ZoneBounds(); !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		if skipped := int64(offset - before); skipped > 0 && after.Unix()-start.Unix() < skipped {
			wall -= skipped
		}
	}
	for at := time.Unix(wall, 0).UTC(); ; {
		if at = c.schedule.Next(at); at.IsZero() {
			return at
		}
		if next := time.UnixMicro(pipeline.Instant(at.UnixMicro(), c.zone)); next.After(after) {
			return next.In(c.zone)
		}
	}
}
