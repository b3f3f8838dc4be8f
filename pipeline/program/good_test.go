package program_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

const goodPrograms = "../../fixtures/good-programs"

// same compares programs by what they mean: places, hashes and warnings have tests of their own.
var same = cmp.Options{
	cmp.Comparer(func(a, b decimal.Decimal) bool { return a.String() == b.String() }),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
	cmp.Comparer(func(program.Pos, program.Pos) bool { return true }),
	cmpopts.IgnoreUnexported(program.Program{}, program.GiftCode{}),
	cmpopts.IgnoreFields(program.Program{}, "File", "SHA256", "Source", "Warnings"),
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func ptr[T any](v T) *T { return &v }

func all(s string) program.Earn { return program.Earn{All: ptr(dec(s))} }

// byTier writes an earn by tier, "" for a tier that was left out.
func byTier(amounts ...string) program.Earn {
	e := program.Earn{ByTier: make([]*decimal.Decimal, len(amounts))}
	for i, a := range amounts {
		if a != "" {
			e.ByTier[i] = ptr(dec(a))
		}
	}
	return e
}

func day(s string) pipeline.Date {
	d, err := pipeline.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

var always = program.Span{From: pipeline.MinDate, Until: pipeline.MaxDate}

func parseGood(t *testing.T, name string) *program.Program {
	t.Helper()
	p, faults := program.Parse(name, read(t, filepath.Join(goodPrograms, name)))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

func TestDefaults(t *testing.T) {
	points := &program.Reward{ID: "points", Rounding: program.Floor}
	want := &program.Program{
		ID: "p", Version: 1, EffectiveFrom: day("2026-01-01"), TimeZone: "UTC", Location: time.UTC, Day: program.DayProgram,
		DefaultTier: -1, TierFrom: program.TierFromMembers, Returns: program.ReturnsRecompute, Rewards: []*program.Reward{points},
		Rules: []*program.Rule{{
			ID: "base", Kind: program.KindSpend, Reward: points, Rounding: program.Floor, Active: always,
			Body: &program.Spend{Earn: all("1"), Per: dec("100"), Steps: program.StepsWhole, Basis: program.BasisTransaction},
		}},
	}
	if diff := cmp.Diff(want, parseGood(t, "minimal.yaml"), same); diff != "" {
		t.Error(diff)
	}
}

// TestFrame reads the program file of the specification's section 5.
func TestFrame(t *testing.T) {
	points := &program.Reward{ID: "points", Rounding: program.Floor, HoldDays: 14, Expires: program.Expiry{AfterDays: ptr(365)}}
	cashback := &program.Reward{ID: "cashback", Place: 1, Scale: 2, Rounding: program.HalfEven}
	want := &program.Program{
		ID: "jcb", Version: 2, EffectiveFrom: day("2026-04-01"), Name: "Jean Claude Biguine rewards", Currency: "INR",
		TimeZone: "Asia/Kolkata", Location: zone("Asia/Kolkata"), Day: program.DayProgram,
		Tiers:    []program.Tier{{ID: "silver"}, {ID: "gold"}, {ID: "diamond"}},
		TierFrom: program.TierFromMembers, Exclude: []program.Part{"tax", "shipping", "tip", "gift_card"}, Returns: program.ReturnsRecompute,
		Rewards: []*program.Reward{points, cashback},
		Limits:  []program.RewardLimit{{Reward: points, Period: pipeline.PerDay, Amount: dec("5000")}},
		Rules: []*program.Rule{{
			ID: "base", Kind: program.KindSpend, Reward: points, Rounding: program.Floor, Active: always,
			Body: &program.Spend{Earn: byTier("1", "3", "5"), Per: dec("100"), Steps: program.StepsWhole, Basis: program.BasisTransaction},
		}},
	}
	if diff := cmp.Diff(want, parseGood(t, "frame.yaml"), same); diff != "" {
		t.Error(diff)
	}
}

func TestFrameOfEverything(t *testing.T) {
	p := parseGood(t, "everything.yaml")
	points := &program.Reward{ID: "points", Rounding: program.Floor}
	cash := &program.Reward{ID: "cash", Place: 1, Scale: 2, Rounding: program.HalfEven, HoldDays: 3,
		Expires: program.Expiry{AfterMonths: ptr(12), EndOf: "month"}}
	stars := &program.Reward{ID: "stars", Place: 2, Scale: 4, Rounding: program.Ceil, Expires: program.Expiry{AfterMonths: ptr(0)}}
	coins := &program.Reward{ID: "coins", Place: 3, Rounding: program.HalfUp, Expires: program.Expiry{EndOf: "year"}}
	want := &program.Program{
		ID: "every-thing_1.0", Version: 7, EffectiveFrom: day("2026-04-01"), Name: "Everything", Currency: "EUR",
		TimeZone: "Europe/Paris", Location: zone("Europe/Paris"), DayStartsAt: 4 * time.Hour, Day: program.DayStore,
		Tiers: []program.Tier{{ID: "silver"}, {ID: "gold"}, {ID: "3"}}, DefaultTier: 1,
		TierFrom: program.TierFromMembers, Exclude: []program.Part{"tax", "store_credit"}, Returns: program.ReturnsIgnore,
		Rewards: []*program.Reward{points, cash, stars, coins},
		Limits: []program.RewardLimit{
			{Reward: points, Period: pipeline.PerDay, Amount: dec("5000")},
			{Reward: points, Period: pipeline.Lifetime, Amount: dec("100000000000000")},
			{Reward: cash, Period: pipeline.PerTransaction, Amount: dec("10.1")},
			{Reward: cash, Period: pipeline.PerWeek, Amount: dec("0.55")},
		},
	}
	got := *p
	got.Rules = nil
	if diff := cmp.Diff(want, &got, same); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKeyOfARule(t *testing.T) {
	p := parseGood(t, "everything.yaml")
	want := &program.Rule{
		ID: "all-of-spend", Kind: program.KindSpend, Description: "Spend: with everything", Reward: p.Rewards[1],
		Rounding: program.Ceil, Active: program.Span{From: day("2026-04-01"), Until: day("2026-04-30")},
		When: program.When{
			Tiers: []int{1, 2}, Tags: []string{"vip", "true"}, Stores: []string{"0012", "s-2"}, Regions: []string{"north"},
			Channels: []string{"web"}, Weekdays: []time.Weekday{time.Saturday, time.Sunday, time.Monday},
			Hours:         &program.Hours{From: 22 * time.Hour, Until: 150 * time.Minute},
			FirstPurchase: ptr(false), JoinedWithinDays: ptr(30), Subjects: []string{"x"},
		},
		Limits: program.Limits{
			Periods: []program.Limit{
				{Period: pipeline.PerTransaction, Amount: ptr(dec("500"))},
				{Period: pipeline.PerDay, Times: ptr(2), Amount: ptr(dec("1000.5"))},
				{Period: pipeline.PerWeek, Amount: ptr(dec("1"))},
				{Period: pipeline.PerMonth, Amount: ptr(dec("7"))},
				{Period: pipeline.PerQuarter, Times: ptr(0)},
				{Period: pipeline.PerYear, Amount: ptr(dec("100000000000000"))},
				{Period: pipeline.Lifetime, Times: ptr(9)},
			},
			PerSubject: true, Highest: true,
		},
		BestOf: "group one", Budget: ptr(dec("1000000.25")),
		Body: &program.Spend{
			Earn: byTier("0.1", "", "2.333333"), Per: dec("0.000001"), Steps: program.StepsFractional,
			Items: &program.ItemFilter{
				Include: program.ItemMatch{ItemIDs: []string{"007", "8.50"}, Categories: []string{"spa"}, Brands: []string{"Moroccan Oil"}},
				Exclude: program.ItemMatch{Brands: []string{"x", "y"}},
			},
			Basis: program.BasisTransaction, MinSpend: &program.MinSpend{Amount: dec("500.0001"), AtLeast: true, OfItems: true},
		},
	}
	if diff := cmp.Diff(want, p.Rules[0], same); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKind(t *testing.T) {
	p := parseGood(t, "everything.yaml")
	points, stars, coins := p.Rewards[0], p.Rewards[2], p.Rewards[3]
	want := []*program.Rule{
		{ID: "spend-items", Kind: program.KindSpend, Reward: points, Rounding: program.Floor, Active: always, Body: &program.Spend{
			Earn: all("0"), Per: dec("100000000000000"), Steps: program.StepsWhole, Basis: program.BasisQualifying,
			Items: &program.ItemFilter{Exclude: program.ItemMatch{Categories: []string{"a"}}}, MinSpend: &program.MinSpend{Amount: dec("500")}}},
		{ID: "visit", Kind: program.KindVisit, Reward: stars, Rounding: program.Ceil, Active: always, Body: &program.Visit{
			Earn: all("10.5"), Items: &program.ItemFilter{Include: program.ItemMatch{ItemIDs: []string{"a"}}},
			MinSpend: &program.MinSpend{}, MinGap: 90 * time.Minute}},
		{ID: "quantity", Kind: program.KindQuantity, Reward: coins, Rounding: program.HalfUp,
			Active: program.Span{From: pipeline.MinDate, Until: day("2026-12-31")},
			When:   program.When{Hours: &program.Hours{Until: 24 * time.Hour}, FirstPurchase: ptr(true)},
			Body: &program.Quantity{Earn: all("1"), Per: dec("2.5"), Items: &program.ItemFilter{Include: program.ItemMatch{Brands: []string{"b"}}},
				MinSpend: &program.MinSpend{Amount: dec("9.99"), OfItems: true}}},
		{ID: "on-one", Kind: program.KindActivity, Reward: points, Rounding: program.Floor,
			Active: program.Span{From: day("2027-01-01"), Until: pipeline.MaxDate},
			Body:   &program.Activity{On: []string{"signup"}, Earn: ptr(all("5"))}},
		{ID: "on-several", Kind: program.KindActivity, Reward: points, Rounding: program.Floor, Active: always, Body: &program.Activity{
			On: []string{"review", "feedback"}, Earn: ptr(byTier("", "1", "")), BySubject: []program.SubjectEarn{
				{Subject: "vip", Earn: all("100")}, {Subject: "0042", Earn: byTier("50.5", "", "")}}}},
		{ID: "by-value", Kind: program.KindActivity, Reward: points, Rounding: program.HalfEven, Active: always,
			Limits: program.Limits{Periods: []program.Limit{{Period: pipeline.PerMonth, Amount: ptr(dec("10"))}}},
			Body:   &program.Activity{On: []string{"bonus"}, Value: true}},
		{ID: "by-subject", Kind: program.KindActivity, Reward: points, Rounding: program.Floor, Active: always, Body: &program.Activity{
			On: []string{"customer_tag"}, BySubject: []program.SubjectEarn{{Subject: "vip", Earn: all("100")}}}},
		{ID: "nth", Kind: program.KindMilestone, Reward: points, Rounding: program.Floor, Active: always, Body: &program.Milestone{
			Earn: byTier("", "1", ""), At: []decimal.Decimal{dec("5"), dec("20")}, Period: pipeline.Lifetime,
			MinSpend: &program.MinSpend{Amount: dec("10"), AtLeast: true}}},
		{ID: "spent", Kind: program.KindMilestone, Reward: points, Rounding: program.Floor, Active: always, Body: &program.Milestone{
			Earn: all("50"), Every: dec("0.5"), Sum: true, Period: pipeline.PerQuarter}},
		{ID: "more", Kind: program.KindMultiplier, Rounding: program.Floor, Active: always,
			Limits: program.Limits{Periods: []program.Limit{{Period: pipeline.PerTransaction, Amount: ptr(dec("0.01"))}}},
			Body:   &program.Multiplier{Of: []string{"all-of-spend", "visit"}, Factor: dec("1.5")}},
		{ID: "again", Kind: program.KindMultiplier, Active: always, When: program.When{Weekdays: []time.Weekday{time.Sunday}},
			BestOf: "group one", Budget: ptr(dec("0.0001")), Body: &program.Multiplier{Of: []string{"visit"}, Factor: dec("3")}},
	}
	for i, r := range want {
		r.Place = i + 1
	}
	if diff := cmp.Diff(want, p.Rules[1:], same); diff != "" {
		t.Error(diff)
	}
}

func TestPlacesAndHash(t *testing.T) {
	p := parseGood(t, "frame.yaml")
	for what, at := range map[string][2]program.Pos{
		"reward":        {p.Rewards[1].Pos, {File: "frame.yaml", Line: 20, Column: 3}},
		"tier":          {p.Tiers[2].Pos, {File: "frame.yaml", Line: 14, Column: 5}},
		"program limit": {p.Limits[0].Pos, {File: "frame.yaml", Line: 22, Column: 21}},
		"rule":          {p.Rules[0].Pos, {File: "frame.yaml", Line: 24, Column: 5}},
		"earn":          {p.Rules[0].Body.(*program.Spend).Earn.Pos, {File: "frame.yaml", Line: 24, Column: 35}},
	} {
		if at[0] != at[1] {
			t.Errorf("%s: got %v, want %v", what, at[0], at[1])
		}
	}
	// sha256sum of the file minimal.yaml, by another program.
	const want = "a9ecf989918723491a482bd7431b8f84d8b297b67ac0d899bc0228579d089fe0"
	if got := parseGood(t, "minimal.yaml").SHA256; got != want {
		t.Errorf("hash: got %s, want %s", got, want)
	}
}

func TestTimesAndSpans(t *testing.T) {
	gap := map[string]time.Duration{"30m": 30 * time.Minute, "1h": time.Hour, "90s": 90 * time.Second, "1h30m": 90 * time.Minute,
		"8784h": 366 * 24 * time.Hour, "1h1m1s": time.Hour + time.Minute + time.Second}
	for text, want := range gap {
		p, faults := program.Parse("f", []byte(frame+"rules: [{id: a, kind: visit, earn: 1, min_gap: "+text+"}]"))
		if len(faults) > 0 {
			t.Error(faults)
		} else if got := p.Rules[0].Body.(*program.Visit).MinGap; got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]time.Duration{"04:00": 4 * time.Hour, `"00:30"`: 30 * time.Minute, "23:59": 24*time.Hour - time.Minute} {
		p, faults := program.Parse("f", []byte(frame+"day_starts_at: "+text+"\nrules: [{id: a, kind: visit, earn: 1}]"))
		if len(faults) > 0 {
			t.Error(faults)
		} else if p.DayStartsAt != want {
			t.Errorf("%s: got %v, want %v", text, p.DayStartsAt, want)
		}
	}
}

// frame is the start of a program without faults and without warnings.
const frame = "program: p\nversion: 1\neffective_from: 2026-01-01\ncurrency: INR\ntime_zone: Asia/Kolkata\n"

func TestDefaultTierIsTheFirst(t *testing.T) {
	p, faults := program.Parse("f", []byte(frame+"tiers: [{id: a}, {id: b}]\nrules: [{id: a, kind: visit, earn: 1}]"))
	if len(faults) > 0 || p.DefaultTier != 0 {
		t.Errorf("default tier %v, faults %v", p, faults)
	}
}

func TestLoadDir(t *testing.T) {
	families, faults, err := program.LoadDir(filepath.Join(goodPrograms, "versions"))
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	var got []string
	for _, f := range families {
		got = append(got, f.ID)
		for i, v := range f.Versions {
			span := f.Span(i)
			got = append(got, strings.Join([]string{filepath.Base(v.File), span.From.String(), span.Until.String()}, " "))
		}
	}
	want := []string{
		"alpha", "new.yaml 2026-01-01 2026-06-30", "old.yaml 2026-07-01 9999-12-31",
		"beta", "beta.yml 2026-02-01 9999-12-31",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"base", "more", "double"}, families[0].RuleIDs()); diff != "" {
		t.Error(diff)
	}
	if _, _, err := program.LoadDir("no-such-folder"); err == nil {
		t.Error("a folder that is not there was read")
	}
	if families, faults, err := program.LoadDir(t.TempDir()); err != nil || faults != nil || families != nil {
		t.Error("an empty folder holds something")
	}
}
