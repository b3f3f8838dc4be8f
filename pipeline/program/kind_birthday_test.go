package program_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
)

func TestBirthdays(t *testing.T) {
	p := parseGood(t, "birthdays.yaml")
	for i, want := range []*program.Birthday{
		{Earn: all("100"), Feb29: program.Feb28},
		{Earn: byTier("", "5.5"), Feb29: program.Mar1},
	} {
		if diff := cmp.Diff(program.Body(want), p.Rules[i].Body, same); diff != "" {
			t.Errorf("%s: %s", p.Rules[i].ID, diff)
		}
	}
	if len(p.Warnings) > 0 {
		t.Errorf("warnings: %v", p.Warnings)
	}
}

// A birthday has a member and a time, and nothing else that a condition could look at (F40).
func TestBirthdaysThatNobodyHas(t *testing.T) {
	for body, want := range map[string]string{
		"earn: 5, when: {stores: [s1]}":               "no member can ever earn by it: a birthday has no store",
		"earn: 5, when: {regions: [north]}":           "no member can ever earn by it: a birthday has no store",
		"earn: 5, when: {channels: [web]}":            "no member can ever earn by it: a birthday has no channel",
		"earn: 5, when: {first_purchase: false}":      "no member can ever earn by it: a birthday is no purchase",
		"earn: 5, when: {subjects: [x]}":              "no member can ever earn by it: a birthday has no subject",
		"earn: 0":                                     "no member can ever earn by it: it earns nothing in any tier that it is for",
		"earn: {gold: 5}, when: {tiers: [silver]}":    "no member can ever earn by it: it earns nothing in any tier that it is for",
		"earn: 5, when: {tiers: [gold], tags: [vip]}": "",
		"earn: 5, when: {hours: {from: 00:00, until: 01:00}, weekdays: [mon], joined_within_days: 5}": "",
	} {
		p, faults := program.Parse("f", []byte(frame+"tiers: [{id: silver}, {id: gold}]\nrules: [{id: a, kind: birthday, "+body+"}]"))
		if len(faults) > 0 {
			t.Error(faults)
			continue
		}
		got := ""
		for _, w := range p.Warnings {
			got += w.Message
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		if want != "" && !strings.HasPrefix(p.Warnings[0].Text(), "f:") {
			t.Errorf("no place: %s", p.Warnings[0].Text())
		}
	}
}
