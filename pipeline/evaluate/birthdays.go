package evaluate

import (
	"database/sql"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/sqlgen"
)

// anniversaries fills eval_anniversaries with the business dates from the first delivery's up to the horizon on which
// there can be birthdays.
func (e *evaluation) anniversaries() error {
	if _, err := e.db.Exec(e.ctx, "CREATE TEMP TABLE eval_anniversaries ("+sqlgen.AnniversaryColumns+")"); err != nil {
		return err
	}
	var delivery sql.NullTime
	if err := e.db.QueryRow(e.ctx, "SELECT min(delivery) FROM deliveries").Scan(&delivery); err != nil || !delivery.Valid {
		return err
	}
	v := e.plan.Family.Versions[0]
	var rows []string
	for d := pipeline.DateOf(delivery.Time); d <= e.plan.Horizon; d++ {
		if us, ok := dayStart(d, v.DayStartsAt, v.Location); ok {
			local := us + pipeline.OffsetAt(us, v.Location)
			minute := (local - int64(floorDay(local))*usPerDay) / time.Minute.Microseconds()
			for _, a := range sqlgen.Anniversaries(d, us, int(minute)) {
				rows = append(rows, a.Values())
			}
		}
	}
	const batch = 2000
	for len(rows) > 0 {
		n := min(batch, len(rows))
		if _, err := e.db.Exec(e.ctx, "INSERT INTO eval_anniversaries VALUES "+strings.Join(rows[:n], ", ")); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// dayStart is the instant at which a business date starts. It reports false for a date that the zone skips as a whole:
// what would be its start lies on another date.
func dayStart(d pipeline.Date, startsAt time.Duration, loc *time.Location) (us int64, ok bool) {
	us = pipeline.Instant(int64(d)*usPerDay+startsAt.Microseconds(), loc)
	return us, floorDay(us+pipeline.OffsetAt(us, loc)-startsAt.Microseconds()) == d
}
