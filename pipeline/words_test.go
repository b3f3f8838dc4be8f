package pipeline

import "testing"

func TestParseTimestampKeepsTheText(t *testing.T) {
	for _, s := range []string{
		"2026-11-20T10:00", "2026-11-20 10:00:05", "2026-11-20T10:00:05.1", "2026-11-20T10:00:05.000001",
		"2026-11-20T10:00Z", "2026-11-20T10:00+05:30", "2026-11-20T10:00:59.120-03:00", "2026-11-20T10:00-00:00",
		"2026-11-20T10:00+00:00", "0001-01-01T00:00", "9999-12-31T23:59:59.999999", "1969-12-31T23:59:59.5",
	} {
		ts, err := ParseTimestamp(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
		} else if got := ts.String(); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
	for _, s := range []string{
		"", "2026-11-20", "2026-02-30T10:00", "2026-11-20T24:00", "2026-11-20T10:60", "2026-11-20T10:00:60",
		"2026-11-20T10:00:05.", "2026-11-20T10:00:05.1234567", "2026-11-20T10:00+5:30", "2026-11-20T10:00+24:00",
		"2026-11-20t10:00", "2026-11-20T10:00z", " 2026-11-20T10:00", "2026-11-20T10:00 ", "2026-1-20T10:00",
		"20261120T1000", "2026-11-20T10", "2026-11-20T1０:00", "2026-11-20T10:00:05,1", "0000-01-01T00:00",
		"2026-11-20T-1:00", "2026-11-20T10:00:05.1Zx",
	} {
		if ts, err := ParseTimestamp(s); err == nil {
			t.Errorf("%q was read as %v", s, ts)
		}
	}
}

func TestParseTimestampValue(t *testing.T) {
	ts, err := ParseTimestamp("1970-01-02T00:00:01.5-01:30")
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(86_401_500_000); ts.Wall != want || ts.Offset != -5400 || !ts.HasOffset {
		t.Errorf("got %+v, want wall %d and offset -5400", ts, want)
	}
}

func TestDates(t *testing.T) {
	day := func(s string) Date {
		d, err := ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if day("0001-01-01") != MinDate || day("9999-12-31") != MaxDate || day("1970-01-01") != 0 {
		t.Error("the ends of the calendar are off")
	}
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-01-31", 1, "2026-02-28"}, {"2024-01-31", 1, "2024-02-29"}, {"2026-11-30", 3, "2027-02-28"},
		{"2026-12-15", 1, "2027-01-15"}, {"2026-03-31", -1, "2026-02-28"}, {"2026-05-15", 0, "2026-05-15"},
	} {
		if got := day(c.from).AddMonths(c.n).String(); got != c.want {
			t.Errorf("%s + %d months = %s, want %s", c.from, c.n, got, c.want)
		}
	}
	for _, s := range []string{"2026-02-29", "2026-2-01", "2026-02-01T00:00", "", "26-02-01"} {
		if d, err := ParseDate(s); err == nil {
			t.Errorf("%q was read as %s", s, d)
		}
	}
}

func TestPeriodStart(t *testing.T) {
	d := NewDate(2026, 11, 22) // a Sunday
	for p, want := range map[Period]string{
		PerDay: "2026-11-22", PerWeek: "2026-11-16", PerMonth: "2026-11-01", PerQuarter: "2026-10-01",
		PerYear: "2026-01-01", Lifetime: "0001-01-01",
	} {
		if got := p.Start(d).String(); got != want {
			t.Errorf("%s of %s starts on %s, want %s", p, d, got, want)
		}
	}
	if got := PerWeek.Start(NewDate(1969, 12, 31)).String(); got != "1969-12-29" {
		t.Errorf("the week of 1969-12-31 starts on %s, want Monday 1969-12-29", got)
	}
}

func TestAmountFormat(t *testing.T) {
	for _, c := range []struct {
		a      Amount
		places int
		want   string
	}{
		{33300, 2, "3.33"}, {-10000, 0, "-1"}, {0, 2, "0.00"}, {5, 4, "0.0005"}, {MaxAmount, 0, "100000000000000"},
		{-15000, 1, "-1.5"},
	} {
		if got := c.a.Format(c.places); got != c.want {
			t.Errorf("%d with %d places: %s, want %s", int64(c.a), c.places, got, c.want)
		}
	}
	if got := Amount(15000).String(); got != "1.5" {
		t.Errorf("got %s, want 1.5", got)
	}
	if got := Amount(100 * 10000).String(); got != "100" {
		t.Errorf("got %s, want 100", got)
	}
}

func TestGrantIDEscapes(t *testing.T) {
	if got, want := GrantID("p", "base", SourceTransaction, "a/b%c", 2), "p/base/transaction/a%2Fb%25c/2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
