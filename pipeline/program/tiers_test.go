package program_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
)

func TestTiersFromSpend(t *testing.T) {
	p := parseGood(t, "tiers-from-spend.yaml")
	want := []program.Tier{
		{ID: "iron", Over: ptr(dec("0"))}, {ID: "silver", Over: ptr(dec("1000.5")), WithinDays: ptr(1)},
		{ID: "gold", Over: ptr(dec("50000")), WithinDays: ptr(36525)},
	}
	if diff := cmp.Diff(want, p.Tiers, same); diff != "" {
		t.Error(diff)
	}
	if p.TierFrom != program.TierFromSpend || p.DefaultTier != 0 || p.RestingTier() != 0 {
		t.Errorf("tiers from %s, default %d, resting %d", p.TierFrom, p.DefaultTier, p.RestingTier())
	}
}

// Whoever spent nothing is in the highest tier without a threshold, else in the default tier (F21).
func TestRestingTier(t *testing.T) {
	for tiers, want := range map[string]int{
		"tiers: [{id: a}, {id: b}, {id: c, over: 5}]":                           1,
		"tiers: [{id: a, over: 1}, {id: b, over: 5}]":                           0,
		"default_tier: b\ntiers: [{id: a, over: 1}, {id: b, over: 5}]":          1,
		"default_tier: c\ntiers: [{id: a}, {id: b, over: 1}, {id: c, over: 5}]": 0,
	} {
		p, faults := program.Parse("f", []byte(frame+"tier_from: spend\n"+tiers+"\nrules: [{id: a, kind: visit, earn: 1}]"))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if got := p.RestingTier(); got != want {
			t.Errorf("%s: resting tier %d, want %d", tiers, got, want)
		}
	}
}

// A tier that nobody can be in, because whoever reaches it reaches a higher one too, is warned of.
func TestWarningsOfTiers(t *testing.T) {
	for tiers, want := range map[string]string{
		"{id: a}, {id: b, over: 5}, {id: c, over: 10}":                 "",
		"{id: a}, {id: b, over: 10}, {id: c, over: 5}":                 "no member can ever be b: c comes after it and begins over 5, it over 10",
		"{id: a, over: 5}, {id: b}":                                    "no member can ever be a: b comes after it and has no threshold",
		"{id: a}, {id: b, over: 5, within_days: 1}, {id: c, over: 5}":  "no member can ever be b: c comes after it and begins over 5, it over 5 within 1 day",
		"{id: a}, {id: b, over: 5}, {id: c, over: 5, within_days: 30}": "", // who spent 6 long ago is b
		"{id: a}, {id: b, over: 5, within_days: 30}, {id: c, over: 4, within_days: 30}": "no member can ever be b: " +
			"c comes after it and begins over 4 within 30 days, it over 5 within 30 days",
		"{id: a}, {id: b, over: 5, within_days: 31}, {id: c, over: 4, within_days: 30}": "",
	} {
		p, faults := program.Parse("f", []byte(frame+"tier_from: spend\ntiers: ["+tiers+"]\nrules: [{id: a, kind: visit, earn: 1}]"))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		got := make([]string, len(p.Warnings))
		for i, w := range p.Warnings {
			got[i] = w.Message
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: warnings %q, want %q", tiers, got, want)
		}
	}
}
