package generate

import (
	"errors"
	"fmt"
	"path/filepath"

	"accrue/pipeline"
)

// day is one delivery: purchases numbered first to first+rows-1 over all days, and activities likewise.
type day struct {
	date            pipeline.Date
	first, rows     int64
	firstAct, nActs int64
}

func (d day) folder(exports string) string { return filepath.Join(exports, "date="+d.date.String()) }

// stamp is the day as ids show it.
func (d day) stamp() string { return d.date.Time().Format("060102") }

// weekdayWeights, Sunday first: how a week's trade falls on its days. They add up to 700.
var weekdayWeights = [7]int64{115, 80, 80, 90, 100, 110, 125}

// spread parts Transactions × Days over the days by weekday, to the row.
func spread(o Options) []day {
	var weights, weight int64
	for i := range o.Days {
		weights += weekdayWeights[(o.From + pipeline.Date(i)).Weekday()]
	}
	total := o.Transactions * int64(o.Days)
	days := make([]day, o.Days)
	var first, firstAct int64
	for i := range days {
		date := o.From + pipeline.Date(i)
		weight += weekdayWeights[date.Weekday()]
		// total × weight stays below 4·10⁹ × 3660 × 125, well inside an int64.
		until := total * weight / weights
		acts := (until - first) * int64(o.ActivitiesPerMille) / 1000
		days[i] = day{date: date, first: first, rows: until - first, firstAct: firstAct, nActs: acts}
		first, firstAct = until, firstAct+acts
	}
	return days
}

// faults gathers what is wrong with the options.
type faults []error

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

func (f *faults) between(name string, n, least, most int64) {
	if n < least || n > most {
		f.add("%s: %d is not between %d and %d", name, n, least, most)
	}
}

func (f *faults) err() error { return errors.Join(*f...) }
