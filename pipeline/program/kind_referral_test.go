package program_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
)

func TestReferrals(t *testing.T) {
	p := parseGood(t, "referrals.yaml")
	referee := all("2.25")
	theirs := all("50")
	qualify := &program.Qualify{Over: dec("499.99"), WithinDays: ptr(30)}
	for id, want := range map[string]*program.Referral{
		"plain":          {Earn: all("100")},
		"both":           {Earn: byTier("", "5.5"), RefereeEarn: &referee, Qualify: qualify},
		"both.referee":   {Earn: all("2.25"), Qualify: qualify, OfReferee: true},
		"theirs":         {Earn: all("0"), RefereeEarn: &theirs, Qualify: &program.Qualify{WithinDays: ptr(0)}},
		"theirs.referee": {Earn: all("50"), Qualify: &program.Qualify{WithinDays: ptr(0)}, OfReferee: true},
	} {
		if diff := cmp.Diff(program.Body(want), p.RuleByID(id).Body, same); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
	if p.RuleByID("plain.referee") != nil {
		t.Error("plain pays no referee")
	}
	both, referees := p.RuleByID("both"), p.RuleByID("both.referee")
	if both.Place != referees.Place || both.BestOf != referees.BestOf || both.Reward != referees.Reward ||
		!both.Budget.Equal(*referees.Budget) || len(referees.Limits.Periods) != 1 {
		t.Errorf("the referees' rule is another: %+v", referees)
	}
	fam, faults := program.NewFamily([]*program.Program{p})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []string{"plain", "both", "both.referee", "theirs", "theirs.referee", "more"}
	if !slices.Equal(fam.RuleIDs(), want) {
		t.Errorf("rules %v, want %v", fam.RuleIDs(), want)
	}
	if got := fam.TwoSided(); got != nil {
		t.Errorf("rules that pay two members: %v, want none", got)
	}
}

// A multiplier that names both sides, in one version or in two, may pay two members for one source.
func TestTwoSided(t *testing.T) {
	version := func(n, of string) *program.Program {
		p, faults := program.Parse("f", []byte("program: p\nversion: "+n+"\neffective_from: 2026-01-0"+n+"\nrules:\n"+
			"  - {id: r, kind: referral, earn: 1, referee_earn: 1}\n  - {id: m, kind: multiplier, of: ["+of+"], factor: 2}\n"))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return p
	}
	for _, versions := range [][]*program.Program{
		{version("1", "r.referee, r")}, {version("1", "r"), version("2", "r.referee")},
	} {
		if got := (&program.Family{Versions: versions}).TwoSided(); !slices.Equal(got, []string{"m"}) {
			t.Errorf("%v, want m", got)
		}
	}
}
