package reference

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"accrue/pipeline"
)

func TestParseNumber(t *testing.T) {
	for s, want := range map[string]string{
		"0": "0", "7.00": "7", "-0": "0", "-1.5": "-1.5", "0.1234": "0.1234", "1.23450000": "1.2345",
		"100000000000000": "100000000000000", "007": "7", "-100000000000000.0000": "-100000000000000",
	} {
		if d, reason := parseNumber(s); reason != "" || d.String() != want {
			t.Errorf("%q: %s %s, want %s", s, d, reason, want)
		}
	}
	for s, want := range map[string]string{
		"": badNumber, "-": badNumber, "+1": badNumber, "1e2": badNumber, "1_000": badNumber, " 1": badNumber,
		".5": badNumber, "5.": badNumber, "1.2.3": badNumber, "--1": badNumber, "٣": badNumber, "1,5": badNumber,
		"0.12345": tooManyPlaces, "1000000000000000.00001": tooManyPlaces,
		"100000000000000.0001": numberTooLarge, "-100000000000001": numberTooLarge,
	} {
		if d, reason := parseNumber(s); reason != want {
			t.Errorf("%q: %s %q, want %s", s, d, reason, want)
		}
	}
}

func TestParseTimestamp(t *testing.T) {
	for s, want := range map[string]string{
		"2026-11-20T10:00":                 "2026-11-20T10:00:00Z",
		"2026-11-20 10:00:05.1":            "2026-11-20T10:00:05.1Z",
		"2026-11-20T10:00Z":                "2026-11-20T10:00:00Z",
		"2026-11-20T10:00:59.000001+05:30": "2026-11-20T04:30:59.000001Z",
		"2026-11-20T10:00-01:15":           "2026-11-20T11:15:00Z",
		"0001-01-01T00:00":                 "0001-01-01T00:00:00Z",
	} {
		ts, ok := parseTimestamp(s)
		if got := instant(ts, time.UTC).Format(time.RFC3339Nano); !ok || got != want {
			t.Errorf("%q: %s %v, want %s", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "2026-11-20", "2026-02-30T10:00", "2026-11-20T24:00", "2026-11-20T10:60", "2026-11-20T10:00:60",
		"2026-11-20T10:00:05.", "2026-11-20T10:00:05.1234567", "2026-11-20T10:00+5:30", "2026-11-20T10:00+24:00",
		"2026-11-20t10:00", "2026-11-20T10:00z", " 2026-11-20T10:00", "2026-11-20T10:00 ", "2026-1-20T10:00",
		"20261120T1000", "2026-11-20T10", "2026-11-20T10:00:05,1", "0000-01-01T00:00", "2026-11-20T-1:00",
		"2026-11-20T10:00ZZ", "2026-11-20T10:00+0530", "2026-11-20TZ",
	} {
		if _, ok := parseTimestamp(s); ok {
			t.Errorf("%q was read", s)
		}
	}
}

func TestInstantAndBusinessDate(t *testing.T) {
	for _, c := range []struct{ zone, text, starts, at, on, why string }{
		{"Asia/Kolkata", "2026-11-20T10:00", "0h", "2026-11-20T04:30:00Z", "2026-11-20", "a plain offset"},
		{"America/New_York", "2026-03-08T02:30", "0h", "2026-03-08T07:30:00Z", "2026-03-08", "skipped: forward by the gap"},
		{"America/New_York", "2026-11-01T01:30", "0h", "2026-11-01T05:30:00Z", "2026-11-01", "repeated: the earlier"},
		{"America/New_York", "2026-11-01T01:30-05:00", "0h", "2026-11-01T06:30:00Z", "2026-11-01", "an offset is an instant"},
		{"America/New_York", "2026-11-01T02:00", "0h", "2026-11-01T07:00:00Z", "2026-11-01", "after the repeated hour"},
		{"America/Sao_Paulo", "2018-11-04T00:15", "1h", "2018-11-04T03:15:00Z", "2018-11-04", "00:15 is skipped, it is 01:15"},
		{"Pacific/Apia", "2011-12-30T12:00", "0h", "2011-12-30T22:00:00Z", "2011-12-31", "a whole day is skipped"},
		{"Australia/Lord_Howe", "2026-04-05T01:45", "0h", "2026-04-04T14:45:00Z", "2026-04-05", "half an hour repeated"},
		{"Asia/Kolkata", "2026-11-20T03:59:59.999999", "4h", "2026-11-19T22:29:59.999999Z", "2026-11-19", "before the day starts"},
		{"Asia/Kolkata", "2026-11-20T04:00", "4h", "2026-11-19T22:30:00Z", "2026-11-20", "as the day starts"},
		{"America/New_York", "2026-03-08T04:00", "4h", "2026-03-08T08:00:00Z", "2026-03-08", "the wall clock is moved, not the instant"},
		{"Asia/Shanghai", "2026-09-03T17:30:00Z", "0h", "2026-09-03T17:30:00Z", "2026-09-04", "V20"},
		{"America/New_York", "2026-09-10T00:00:00Z", "0h", "2026-09-10T00:00:00Z", "2026-09-09", "V21"},
	} {
		starts, err := time.ParseDuration(c.starts)
		if err != nil {
			t.Fatal(err)
		}
		ts, _ := parseTimestamp(c.text)
		at, on := clock{dayStartsAt: starts}.place(ts, load(c.zone))
		if got := at.UTC().Format(time.RFC3339Nano); got != c.at || on != day(c.on) {
			t.Errorf("%s %s (%s): %s on %s, want %s on %s", c.zone, c.text, c.why, got, on, c.at, c.on)
		}
	}
}

// Each row has one column wrong, or several of which the first of F50's list must be named.
func TestRejectReasons(t *testing.T) {
	good := map[string]Row{
		"transactions": {"transaction_id": "t", "occurred_at": "2026-11-20T10:00", "amount": "10"},
		"items":        {"transaction_id": "t", "line_no": "1", "item_id": "A", "amount": "10"},
		"returns":      {"return_id": "r", "transaction_id": "t", "amount": "10", "occurred_at": "2026-11-20T10:00"},
		"activities":   {"activity_id": "a", "member_id": "m", "type": "review", "occurred_at": "2026-11-20T10:00"},
		"members":      {"member_id": "m"},
		"stores":       {"store_id": "s"},
	}
	for _, c := range []struct{ dataset, change, want string }{
		{"transactions", "", ""},
		{"transactions", "transaction_id=", missingKey},
		{"transactions", "occurred_at=", badTimestamp},
		{"transactions", "amount=", badNumber},
		{"transactions", "amount=1e2,occurred_at=2026-02-30T10:00", badTimestamp},
		{"transactions", "amount=10.12345,tax=x", badNumber},
		{"transactions", "amount=10.12345,tax=1000000000000000", tooManyPlaces},
		{"transactions", "amount=-1", negativeAmount},
		{"transactions", "amount=-100000000000001", numberTooLarge},
		{"transactions", "amount=0", ""},
		{"transactions", "currency=EUR", unknownCurrency},
		{"transactions", "currency=inr", unknownCurrency},
		{"transactions", "status=done,currency=EUR", unknownCurrency},
		{"transactions", "status=done,tax=11", badStatus},
		{"transactions", "status=Completed", badStatus},
		{"transactions", "tax=6,shipping=5", partsExceedAmount},
		{"transactions", "tax=6,gift_card=6", ""},
		{"transactions", "gift_card=6,store_credit=4.0001", partsExceedAmount},
		{"transactions", "updated_at=yesterday", badTimestamp},
		{"transactions", "member_id=\xff,amount=x", badRow},
		{"items", "quantity=-1", negativeAmount},
		{"items", "amount=-1", ""},
		{"items", "item_id=", missingKey},
		{"returns", "amount=0", negativeAmount},
		{"returns", "amount=0.00,tax=x", badNumber},
		{"returns", "quantity=0", ""},
		{"returns", "quantity=-1", negativeAmount},
		{"returns", "tip=11", partsExceedAmount},
		{"returns", "transaction_id=", missingKey},
		{"activities", "type=", missingKey},
		{"activities", "value=much", ""},
		{"activities", "status=closed", badStatus},
		{"members", "birth_date=1990-02-30", badTimestamp},
		{"members", "joined_at=2026-11-20", ""},
		{"members", "joined_at=2026-11-20T10:00+05:30", ""},
		{"members", "joined_at=20.11.2026", badTimestamp},
		{"members", "status=pending", badStatus},
		{"stores", "time_zone=Asia/Kolkatta", badRow},
		{"stores", "time_zone=Local", badRow},
	} {
		row := Row{}
		for k, v := range good[c.dataset] {
			row[k] = v
		}
		for _, change := range strings.Split(c.change, ",") {
			if k, v, ok := strings.Cut(change, "="); ok {
				row[k] = v
			}
		}
		_, rejects := Resolve([]Delivery{{Date: 1, Datasets: map[string][]Row{c.dataset: {row}}}}, []string{"INR"})
		got := ""
		for _, r := range rejects {
			got += r.Reason
		}
		if got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.dataset, c.change, got, c.want)
		}
	}
}

func TestWhichRowHolds(t *testing.T) {
	const head = "transaction_id,occurred_at,amount,updated_at,tax,status\n"
	for _, c := range []struct {
		name       string
		deliveries []Delivery
		want       string // amounts by id, then rejects
	}{
		{"the later delivery, whichever was loaded first", []Delivery{
			delivery("2026-11-21", "transactions", head+"t,2026-11-20T10:00,20,,,"),
			delivery("2026-11-20", "transactions", head+"t,2026-11-20T10:00,10,,,"),
		}, "t=20"},
		{"a rejected row says nothing", []Delivery{
			delivery("2026-11-20", "transactions", head+"t,2026-11-20T10:00,10,,,"),
			delivery("2026-11-21", "transactions", head+"t,2026-11-20T10:00,1e2,,,"),
		}, "t=10 transactions/2026-11-21/1/bad_number"},
		{"a conflict in a later delivery says nothing", []Delivery{
			delivery("2026-11-20", "transactions", head+"t,2026-11-20T10:00,10,,,"),
			delivery("2026-11-21", "transactions", head+"t,2026-11-20T10:00,11,,,\nt,2026-11-20T10:00,12,,,"),
		}, "t=10 transactions/2026-11-21/1/conflicting_rows transactions/2026-11-21/2/conflicting_rows"},
		{"rows that say the same: numbers by value, empty as default, updated_at not looked at", []Delivery{
			delivery("2026-11-20", "transactions", head+
				"t,2026-11-20T10:00,10,,,\nt,2026-11-20T10:00,10.00,,0,completed"),
		}, "t=10"},
		{"timestamps are compared as written", []Delivery{
			delivery("2026-11-20", "transactions", head+"t,2026-11-20T10:00,10,,,\nt,2026-11-20T10:00:00,10,,,"),
		}, " transactions/2026-11-20/1/conflicting_rows transactions/2026-11-20/2/conflicting_rows"},
		{"the greatest updated_at wins, none is older than any", []Delivery{
			delivery("2026-11-20", "transactions", head+
				"t,2026-11-20T10:00,10,,,\nt,2026-11-20T10:00,12,2026-11-20T12:00Z,,\nt,2026-11-20T10:00,11,2026-11-20T13:00+02:00,,"),
		}, "t=12"},
		{"a tie at the top rejects all, the older ones too", []Delivery{
			delivery("2026-11-20", "transactions", head+
				"t,2026-11-20T10:00,10,,,\nt,2026-11-20T10:00,12,2026-11-20T12:00Z,,\nt,2026-11-20T10:00,11,2026-11-20T12:00Z,,"),
		}, " transactions/2026-11-20/1/conflicting_rows transactions/2026-11-20/2/conflicting_rows" +
			" transactions/2026-11-20/3/conflicting_rows"},
		{"bad rows are set aside first", []Delivery{
			delivery("2026-11-20", "transactions", head+"t,2026-11-20T10:00,10,,,\nt,2026-11-20T10:00,-1,2026-11-20T12:00Z,,"),
		}, "t=10 transactions/2026-11-20/2/negative_amount"},
		{"a folder that was loaded again counts as a whole", []Delivery{
			delivery("2026-11-20", "transactions", head+"t,2026-11-20T10:00,10,,,\nu,2026-11-20T10:00,1,,,"),
			delivery("2026-11-20", "transactions", head+"t,2026-11-20T10:00,10,,,"),
		}, "t=10"},
	} {
		facts, rejects := Resolve(c.deliveries, []string{"INR"})
		var got []string
		for _, f := range facts.Transactions {
			got = append(got, fmt.Sprintf("%s=%s", f.ID, f.Amount))
		}
		text := strings.Join(got, " ")
		for _, r := range rejects {
			text += fmt.Sprintf(" %s/%s/%d/%s", r.Dataset, r.Delivery, r.Row, r.Reason)
		}
		if text != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, text, c.want)
		}
	}
}

func TestMembersOnADate(t *testing.T) {
	facts, _ := Resolve([]Delivery{
		delivery("2026-11-20", "members", "member_id,tier,status,tags\nm,silver,closed,b; a ;;a"),
		delivery("2026-11-22", "members", "member_id,tier\nm,gold"),
		delivery("2026-11-24", "members", "member_id,tier,status\nm,gold,closed"),
	}, nil)
	ms := indexMembers(facts.Members)
	for _, c := range []struct {
		date string
		want string
	}{
		{"2026-11-19", "silver false [a b]"}, // F36: not closed before the delivery that says so
		{"2026-11-20", "silver true [a b]"}, {"2026-11-21", "silver true [a b]"}, {"2026-11-22", "gold false []"},
		{"2026-11-23", "gold false []"}, {"2026-12-31", "gold true []"},
	} {
		m := ms.on("m", day(c.date))
		if got := fmt.Sprintf("%s %v %v", m.Tier, m.Closed, m.Tags); got != c.want {
			t.Errorf("on %s: %s, want %s", c.date, got, c.want)
		}
	}
	if m := ms.on("nobody", pipeline.MaxDate); m.Tier != "" || m.Closed {
		t.Errorf("a member that no file names: %+v", m)
	}
}
