package jobs

import (
	"testing"
	"time"
)

// Every night that the expression names is woken once, on the nights too on which the clock is changed. The instants
// are worked out from the zones' rules by hand.
func TestCronThroughChangesOfTheClock(t *testing.T) {
	for _, c := range []struct {
		zone, cron, after string
		want              []string
	}{
		// 02:30 is skipped on 8 March (02:00 is 03:00): it comes an hour later.
		{"America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", []string{"2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"}},
		// From within the hour after the change, 02:30 is still to come.
		{"America/New_York", "30 2 * * *", "2026-03-08T07:10:00Z", []string{"2026-03-08T07:30:00Z"}},
		// 01:30 comes twice on 1 November: the earlier one counts.
		{"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"Europe/London", "30 1 * * *", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
		{"Europe/London", "30 1 * * *", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		// São Paulo skipped the midnight of 4 November 2018, and went through the hour before 18 February twice.
		{"America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z", []string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
		{"America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00:00Z", []string{"2018-02-18T01:30:00Z", "2018-02-19T02:30:00Z"}},
		{"America/Sao_Paulo", "0 0 * * *", "2018-02-17T12:00:00Z", []string{"2018-02-18T03:00:00Z", "2018-02-19T03:00:00Z"}},
		{"Africa/Cairo", "0 0 * * *", "2026-04-23T12:00:00Z", []string{"2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"}},
		{"Asia/Beirut", "0 0 * * *", "2022-03-26T12:00:00Z", []string{"2022-03-26T22:00:00Z", "2022-03-27T21:00:00Z"}},
		{"Asia/Kolkata", "@daily", "2026-11-20T18:30:00Z", []string{"2026-11-21T18:30:00Z"}},
		{"Asia/Kolkata", "@every 90m", "2026-11-20T18:30:00Z", []string{"2026-11-20T20:00:00Z"}},
		// The last of February.
		{"UTC", "0 4 29 2 *", "2026-01-01T00:00:00Z", []string{"2028-02-29T04:00:00Z"}},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		cron, err := ParseCron(c.cron, zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if at = cron.Next(at); at.UTC().Format(time.RFC3339) != want {
				t.Errorf("%s %q after %s: %s, want %s", c.zone, c.cron, c.after, at.UTC().Format(time.RFC3339), want)
			}
		}
	}
}

func TestCronRefuses(t *testing.T) {
	for _, text := range []string{"", "* * * *", "* * * * * *", "60 0 * * *", "0 0 31 2 *", "TZ=0", "TZ=Asia/Kolkata 0 0 * * *",
		"CRON_TZ=UTC 0 0 * * *", "@never", "@every x", "a b c d e"} {
		if c, err := ParseCron(text, time.UTC); err == nil {
			t.Errorf("%q is read as %+v", text, c)
		}
	}
}
