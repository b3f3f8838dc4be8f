package evaluate

import (
	"fmt"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/sqlgen"
)

// drift bounds the microseconds between a moment (sqlgen.MomentX) and its local wall clock, counted from the start of the
// business day: where the zone keeps its offset, the business date is known without asking what the clock did on that day.
type drift struct {
	wall, instant struct{ least, most int64 }
}

// anyZone is the drift of stores, whose zones may have been others before: offsets are less than a day each, and so is
// day_starts_at.
func anyZone() (d drift) {
	d.wall.least, d.wall.most = -2*usPerDay, usPerDay
	d.instant = d.wall
	return d
}

// driftOf is the drift of a zone over the wall clocks from first to last, whatever their own offset.
func driftOf(loc *time.Location, startsAt time.Duration, first, last int64) (d drift) {
	at := time.UnixMicro(first - 2*usPerDay).In(loc)
	lo := pipeline.OffsetAt(at.UnixMicro(), loc)
	hi := lo
	for {
		end, ok := pipeline.NextChange(at)
		if !ok || end.UnixMicro() > last+2*usPerDay {
			break
		}
		off := pipeline.OffsetAt(end.UnixMicro(), loc)
		lo, hi = min(lo, off), max(hi, off)
		at = end.In(loc)
	}
	start := startsAt.Microseconds()
	d.wall.least, d.wall.most = -start, hi-lo-start // a wall clock that is skipped moves forward by the gap
	d.instant.least, d.instant.most = lo-start, hi-start
	return d
}

// drifts are those of a row: near the horizon that of the zone, as clocks are changed there; farther away, where zones may
// have been other ones, that of any.
type drifts struct {
	near        drift
	first, last int64 // what is near: stored wall clocks
}

// yearsNear is how far before the horizon the zone's own drift is asked for.
const yearsNear = 5

func (s *scoping) drifts() drifts {
	v := s.plan.Family.Versions[0]
	if v.Day == program.DayStore {
		return drifts{near: anyZone(), first: 0, last: -1}
	}
	first, last := (int64(s.plan.Horizon)-yearsNear*366)*usPerDay, (int64(s.plan.Horizon)+366)*usPerDay
	return drifts{near: driftOf(v.Location, v.DayStartsAt, first, last), first: first, last: last}
}

// earliestDay is a business date that that of a row of t does not lie before, latestDay one that it does not lie after.
func (d drifts) earliestDay() string {
	far := anyZone()
	return d.day(d.near.wall.least, d.near.instant.least, far.wall.least)
}

func (d drifts) latestDay() string {
	far := anyZone()
	return d.day(d.near.wall.most, d.near.instant.most, far.wall.most)
}

func (d drifts) day(wall, instant, far int64) string {
	drift := fmt.Sprint(wall)
	if wall != instant {
		drift = fmt.Sprintf("CASE WHEN t.occurred_offset IS NULL THEN %d ELSE %d END", wall, instant)
	}
	return sqlgen.MomentDay(fmt.Sprintf("(%s + CASE WHEN t.occurred_wall BETWEEN %d AND %d THEN %s ELSE %d END)",
		sqlgen.MomentX("t", "occurred"), d.first, d.last, drift, far))
}
