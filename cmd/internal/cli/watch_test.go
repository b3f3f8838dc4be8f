package cli

import (
	"bytes"
	"testing"
	"time"

	"accrue/jobs"
)

// How fast a stage was is told where it counts rows and took long enough to say so.
func TestStageLine(t *testing.T) {
	at := time.Date(2026, 11, 22, 7, 30, 5, 0, time.FixedZone("", 5*3600+1800))
	for _, c := range []struct {
		stage jobs.Stage
		want  string
	}{
		{jobs.Stage{Run: "run-2026-11-21-001", Name: "load items", Seconds: 2.5, Rows: 1_000_000, Counted: true},
			"run-2026-11-21-001  load items: 1 000 000 rows, 2.5 s, 400 000 a second"},
		{jobs.Stage{Run: "run-2026-11-21-001", Name: "load stores", Seconds: 0.9, Rows: 1, Counted: true},
			"run-2026-11-21-001  load stores: 1 row, 0.9 s"},
		{jobs.Stage{Name: "post p", Seconds: 3, Counted: true}, "dry run  post p: 0 rows, 3.0 s"},
		{jobs.Stage{Run: "r", Name: "evaluate p", Seconds: 75.04}, "r  evaluate p: 75.0 s"},
		{jobs.Stage{Run: "r", Name: "load items", Seconds: 2, Rows: 10, Counted: true, Broken: true}, "r  load items: broken off after 2.0 s"},
	} {
		c.stage.At = at
		var out bytes.Buffer
		(&app{err: screen{&out}}).stageLine(c.stage)
		if want := "2026-11-22T02:00:05Z  " + c.want + "\n"; out.String() != want {
			t.Errorf("got  %swant %s", out.String(), want)
		}
	}
}
