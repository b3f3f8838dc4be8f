package reference

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

const head = "transaction_id,member_id,occurred_at,amount\n"

func TestLimitsAcrossVersions(t *testing.T) {
	limited := func(r *program.Rule, limits ...program.Limit) *program.Rule {
		r.Limits.Periods = limits
		return r
	}
	buys := delivery("2026-11-30", "transactions", head+`a,m,2026-11-03T10:00,100
		b,m,2026-11-04T10:00,300
		c,m,2026-11-20T10:00,200
		d,m,2026-11-21T10:00,400`)
	for _, c := range []struct {
		name   string
		v1, v2 *program.Rule
		want   string
	}{
		{"ranks count the sources of the version before, which has no limit",
			spend("base", "1", "100"), limited(spend("base", "1", "100"), times(pipeline.PerMonth, 3)),
			"m base a 1\nm base b 3\nm base c 2"},
		{"a source is held against its own version",
			limited(spend("base", "1", "100"), times(pipeline.PerMonth, 1)), spend("base", "1", "100"),
			"m base a 1\nm base c 2\nm base d 4"},
		// 1 and 3 of version 1, then S = 6, 10 against 5: 2 − 1 = 1 of c
		{"running sums count the version before",
			spend("base", "1", "100"), limited(spend("base", "1", "100"), amount(pipeline.PerMonth, "5")),
			"m base a 1\nm base b 3\nm base c 1"},
		// version 1 ranks by time: a. Version 2 by amount among all four: d, b, c, a: c is 3rd of 2
		{"each source is ranked in the way of its own version",
			limited(spend("base", "1", "100"), times(pipeline.PerMonth, 1)),
			highest(limited(spend("base", "1", "100"), times(pipeline.PerMonth, 1))),
			"m base a 1\nm base d 4"},
	} {
		f := family(version(1, "2026-01-01", c.v1), version(2, "2026-11-10", c.v2))
		t.Run(c.name, func(t *testing.T) { wantText(t, earns(f, "2026-11-30", buys), c.want) })
	}
}

func highest(r *program.Rule) *program.Rule {
	r.Limits.Highest = true
	return r
}

func TestLimits(t *testing.T) {
	rule := func(change func(*program.Rule)) *program.Family {
		r := spend("base", "1", "100")
		change(r)
		return family(version(1, "2026-01-01", r))
	}
	for _, c := range []struct {
		name, buys, want string
		f                *program.Family
	}{
		// the day lets a and b, the week ranks what is left: a, b, d
		{"times, shortest period first", "a,m,2026-11-16T10:00,100\nb,m,2026-11-16T11:00,100\nc,m,2026-11-16T12:00,100\n" +
			"d,m,2026-11-17T10:00,100\ne,m,2026-11-18T10:00,100", "m base a 1\nm base b 1\nm base d 1",
			rule(func(r *program.Rule) {
				r.Limits.Periods = []program.Limit{times(pipeline.PerDay, 2), times(pipeline.PerWeek, 3)}
			})},
		// what earns nothing uses no slot
		{"zero uses no slot", "a,m,2026-11-16T10:00,99\nb,m,2026-11-16T11:00,100", "m base b 1",
			rule(func(r *program.Rule) { r.Limits.Periods = []program.Limit{times(pipeline.PerDay, 1)} })},
		// by amount: b 5, c 3, a 2 (then d 2); the sum runs in that order: 5, 8 against 7
		{"highest, in steps 5 and 6 alike", "a,m,2026-11-16T10:00,200\nb,m,2026-11-16T11:00,500\nc,m,2026-11-16T12:00,300\n" +
			"d,m,2026-11-16T09:00,200", "m base b 5\nm base c 2",
			rule(func(r *program.Rule) {
				r.Limits.Highest = true
				l := amount(pipeline.PerDay, "7")
				two := 2
				l.Times = &two
				r.Limits.Periods = []program.Limit{l}
			})},
		{"a tie in occurred_at goes by the id's bytes", "b,m,2026-11-16T10:00,100\na,m,2026-11-16T10:00,100\nB,m,2026-11-16T10:00,100",
			"m base B 1", rule(func(r *program.Rule) { r.Limits.Periods = []program.Limit{times(pipeline.Lifetime, 1)} })},
		// budget 4 over all members: a 2 of m, b 2 of n, nothing for c
		{"budget over all members", "a,m,2026-11-16T10:00,200\nb,n,2026-11-16T11:00,300\nc,m,2026-11-16T12:00,100",
			"m base a 2\nn base b 2", rule(func(r *program.Rule) { r.Budget = decp("4") })},
		{"per_transaction clips, and then the day", "a,m,2026-11-16T10:00,900\nb,m,2026-11-16T11:00,900",
			"m base a 5\nm base b 2", rule(func(r *program.Rule) {
				r.Limits.Periods = []program.Limit{amount(pipeline.PerTransaction, "5"), amount(pipeline.PerDay, "7")}
			})},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantText(t, earns(c.f, "2026-11-30", delivery("2026-11-30", "transactions", head+c.buys)), c.want)
		})
	}
}

func TestMultipliersAndProgramLimits(t *testing.T) {
	double := func(id, factor string, of ...string) *program.Rule {
		return &program.Rule{ID: id, Body: &program.Multiplier{Of: of, Factor: dec(factor)}}
	}
	buys := delivery("2026-11-30", "transactions", head+"a,m,2026-11-16T10:00,500\nb,m,2026-11-16T11:00,300")
	capped := spend("base", "1", "100")
	capped.Limits.Periods = []program.Limit{amount(pipeline.PerDay, "6")}
	for _, c := range []struct {
		name  string
		rules []*program.Rule
		limit string
		want  string
	}{
		// base 5 and 1 after its limit; ×2 and ×3 of the rule's own amount make ×4
		{"after the limits, each on the rule's own amount", []*program.Rule{double("x2", "2", "base"), capped, double("x3", "3", "base")},
			"", "m base a 5\nm x2 a 5\nm x3 a 10\nm base b 1\nm x2 b 1\nm x3 b 2"},
		// (5 + 10) × 0.5 = 7.5 floor 7; (3 + 10) × 0.5 = 6.5 floor 6
		{"several rules are added, then multiplied, then rounded once",
			[]*program.Rule{double("half", "1.5", "base", "visit"), spend("base", "1", "100"), visit("visit", "10")},
			"", "m base a 5\nm half a 7\nm visit a 10\nm base b 3\nm half b 6\nm visit b 10"},
		// the multiplier stands first in the file, but comes last: 5, then 2 of 5
		{"program limits bound base and extra, multipliers last",
			[]*program.Rule{double("x2", "2", "base"), spend("base", "1", "100")},
			"7", "m base a 5\nm x2 a 2"},
	} {
		v := version(1, "2026-01-01", c.rules...)
		if c.limit != "" {
			v.Limits = []program.RewardLimit{{Reward: v.Rewards[0], Period: pipeline.PerDay, Amount: dec(c.limit)}}
		}
		t.Run(c.name, func(t *testing.T) { wantText(t, earns(family(v), "2026-11-30", buys), c.want) })
	}
}

func TestBestOf(t *testing.T) {
	named := func(r *program.Rule) *program.Rule {
		r.BestOf = "best"
		return r
	}
	first, second := named(visit("first", "5")), named(spend("second", "1", "100"))
	first.Limits.Periods = []program.Limit{times(pipeline.PerDay, 1)}
	f := family(version(1, "2026-01-01", first, second, visit("other", "1")))
	// a: 5 and 5, the first in the file stands. b: 5 beats 3, then the limit takes it: nobody is paid. c: 6 beats 5.
	wantText(t, earns(f, "2026-11-30", delivery("2026-11-30", "transactions", head+
		"a,m,2026-11-16T10:00,500\nb,m,2026-11-16T11:00,300\nc,m,2026-11-16T12:00,600")), `
		m first a 5
		m other a 1
		m other b 1
		m other c 1
		m second c 6`)
}

func TestHorizonAndCurrency(t *testing.T) {
	f := family(version(1, "2026-01-01", visit("visit", "1")))
	wantText(t, earns(f, "2026-11-16", delivery("2026-11-30", "transactions",
		"transaction_id,member_id,occurred_at,amount,currency,status\n"+
			"a,m,2026-11-16T23:59,1,,\nb,m,2026-11-17T00:00,1,,\nc,m,2026-11-16T10:00,1,INR,\nd,m,2026-11-16T10:00,1,EUR,\n"+
			"e,m,2026-11-16T10:00,1,,pending\nf,,2026-11-16T10:00,1,,")), "m visit c 1\nm visit a 1")
}

func TestTrace(t *testing.T) {
	base := spend("base", "3", "100")
	base.Limits.Periods = []program.Limit{amount(pipeline.PerTransaction, "500"), times(pipeline.PerDay, 2), amount(pipeline.PerMonth, "510")}
	shop := visit("shop", "10")
	shop.Body.(*program.Visit).MinGap = 30 * time.Minute
	cash := spend("cash", "1", "300")
	cash.Body.(*program.Spend).Steps = program.StepsFractional
	cash.Reward = &program.Reward{ID: "cashback", Scale: 2, Rounding: program.HalfEven}
	old := visit("old", "1")
	f := family(version(1, "2026-01-01", old), version(2, "2026-11-01", base, shop, cash))
	facts, _ := Resolve([]Delivery{delivery("2026-11-30",
		"transactions", head+"a,m,2026-11-16T10:00,250.00\nb,m,2026-11-16T10:20,100000\nc,m,2026-11-16T12:00,100\nd,,2026-11-16T12:00,1",
		"returns", "return_id,transaction_id,amount,occurred_at\nr,a,10,2026-11-17T10:00")}, nil)
	result := Evaluate(f, facts, Options{Horizon: day("2026-11-30"), Trace: TraceAll})
	var out []string
	for _, d := range result.Decisions {
		out = append(out, fmt.Sprintf("%s %s %s %s", d.SourceID, d.Rule, d.Reason, d.Amount))
		for _, s := range d.Steps {
			out = append(out, fmt.Sprintf("%s: %s", s.Name, s.Text))
		}
		if d.Why != "" {
			out = append(out, "because "+d.Why)
		}
	}
	got := strings.Join(out, "\n")
	for _, want := range []string{
		"a old not_in_force 0\nbecause no version in force on 2026-11-16 has the rule",
		"a base  6\nbasis: 250 − 10 returned = 240\nearned: floor(240 / 100) × 3 = 6\n" +
			"amount:per_transaction: per_transaction 500: all of 6 kept\n" +
			"times:per_day: per_day: 1st of 2\namount:per_month: per_month 510 in 2026-11: 0 so far, 6 of 6 kept",
		"b base  500\nbasis: 100000 = 100000\nearned: floor(100000 / 100) × 3 = 3000\n" +
			"amount:per_transaction: per_transaction 500 clips 3000 to 500\ntimes:per_day: per_day: 2nd of 2\n" +
			"amount:per_month: per_month 510 in 2026-11: 6 so far, 500 of 500 kept",
		"b shop same_visit 0\nbecause 20m after a, less than 30m",
		"b cash  333.33\nbasis: 100000 = 100000\nearned: 100000 × 1 / 300 = 1000/3, half_even to 2 places: 333.33",
		"c base times_limit:per_day 0\nbasis: 100 = 100\nearned: floor(100 / 100) × 3 = 3\n" +
			"amount:per_transaction: per_transaction 500: all of 3 kept\nbecause per_day: 3rd, 2 allowed; before it came a and b",
		"d base no_member 0\nbecause it names no member",
	} {
		if !strings.Contains(got+"\n", want+"\n") {
			t.Errorf("the trace lacks\n%s\nin\n%s", want, got)
		}
	}
}
