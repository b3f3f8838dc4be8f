package program_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
)

func TestWarnings(t *testing.T) {
	text := `program: p
version: 1
effective_from: 2026-04-01
tiers: [{id: silver}, {id: gold}]
rewards: {points: {}, cash: {}}
limits: {cash: {per_day: 5}}
rules:
  - {id: base, kind: spend, earn: 1, per: 100}
  - {id: twice, kind: spend, earn: {gold: 1}, per: 10, limits: {per_day: 5}}
  - {id: other-reward, kind: visit, earn: 1, reward: cash}
  - {id: one-of, kind: visit, earn: 1, reward: cash, best_of: x}
  - {id: the-other, kind: spend, earn: 1, per: 5, reward: cash, best_of: x}
  - {id: twice-a-day, kind: visit, earn: 1, limits: {per_day: {times: 2}}}
  - {id: by-value, kind: activity, on: bonus, earn: value}
  - {id: bounded, kind: activity, on: bonus, earn: value, reward: cash}
  - {id: budgeted, kind: activity, on: bonus, earn: value, budget: 5}
  - {id: over, kind: visit, earn: 1, active: {until: 2026-03-31}}
  - {id: tiers, kind: visit, earn: {gold: 1, silver: 0}, when: {tiers: [silver]}}
  - {id: nothing, kind: quantity, earn: 0, per: 1}
  - {id: channel, kind: activity, on: x, earn: 1, when: {channels: [web]}}
  - {id: subject, kind: visit, earn: 1, when: {subjects: [web]}}
  - {id: order, kind: activity, on: x, earn: 1, when: {first_purchase: false}}
  - {id: empty, kind: visit, earn: 1, min_spend: 5, budget: 0}
  - {id: never, kind: visit, earn: 1, min_spend: 5, limits: {per_day: {times: 0}}}
  - {id: subjects, kind: activity, on: x, earn: 0, earn_by_subject: {a: 0}}
  - {id: extra, kind: multiplier, of: [base], factor: 2, when: {subjects: [a], channels: [web]}}
`
	p, faults := program.Parse("w.yaml", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []string{
		"w.yaml:1:1: warning: no currency: only transactions without a currency count",
		"w.yaml:1:1: warning: no time_zone: business dates are those of UTC",
		"w.yaml:9:5: warning: twice: both it and base pay points for every purchase",
		"w.yaml:11:5: warning: one-of: both it and other-reward pay cash for every purchase",
		"w.yaml:12:5: warning: the-other: both it and other-reward pay cash for every purchase",
		"w.yaml:14:5: warning: by-value: it pays whatever an activity's value says, and nothing limits it",
		"w.yaml:17:5: warning: over: no member can ever earn by it: it ends on 2026-03-31, before the program takes effect on 2026-04-01",
		"w.yaml:18:5: warning: tiers: no member can ever earn by it: it earns nothing in any tier that it is for",
		"w.yaml:19:5: warning: nothing: no member can ever earn by it: it earns nothing in any tier that it is for",
		"w.yaml:20:5: warning: channel: no member can ever earn by it: activities have no channel",
		"w.yaml:21:5: warning: subject: no member can ever earn by it: transactions have no subject",
		"w.yaml:22:5: warning: order: no member can ever earn by it: an activity is no purchase",
		"w.yaml:23:5: warning: empty: no member can ever earn by it: its budget is 0",
		"w.yaml:24:5: warning: never: no member can ever earn by it: one of its limits is 0",
		"w.yaml:25:5: warning: subjects: no member can ever earn by it: it earns nothing in any tier that it is for",
	}
	var got []string
	for _, w := range p.Warnings {
		first, rest, _ := strings.Cut(w.Text(), "\n")
		got = append(got, first)
		if !strings.Contains(rest, "hint: ") || !strings.Contains(rest, " | ") {
			t.Errorf("no line or no hint: %s", w.Text())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNoWarnings(t *testing.T) {
	p, faults := program.Parse("f", []byte(frame+"rules: [{id: a, kind: visit, earn: 1}]"))
	if len(faults) > 0 || len(p.Warnings) > 0 {
		t.Error(faults, p)
	}
}
