package reference

import (
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func decp(s string) *decimal.Decimal {
	d := dec(s)
	return &d
}

func flat(s string) program.Earn { return program.Earn{All: decp(s)} }

func day(s string) pipeline.Date {
	d, err := pipeline.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func load(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// version makes a program version as the parser would: INR, Kolkata, tiers silver, gold and diamond, points.
func version(n int, from string, rules ...*program.Rule) *program.Program {
	p := &program.Program{
		ID: "p", Version: n, EffectiveFrom: day(from), Currency: "INR", Location: load("Asia/Kolkata"),
		Day: program.DayProgram, Returns: program.ReturnsRecompute,
		Tiers:   []program.Tier{{ID: "silver"}, {ID: "gold"}, {ID: "diamond"}},
		Rewards: []*program.Reward{{ID: "points", Rounding: program.Floor}},
	}
	for i, r := range rules {
		r.Place = i
		r.Kind = r.Body.Kind()
		if r.Reward == nil && r.Kind != program.KindMultiplier {
			r.Reward = p.Rewards[0]
		}
		if r.Reward != nil && r.Rounding == "" {
			r.Rounding = r.Reward.Rounding
		}
		if r.Active == (program.Span{}) {
			r.Active = program.Span{From: pipeline.MinDate, Until: pipeline.MaxDate}
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

func family(versions ...*program.Program) *program.Family {
	return &program.Family{ID: "p", Versions: versions}
}

func spend(id, earn, per string) *program.Rule {
	return &program.Rule{ID: id, Body: &program.Spend{
		Earn: flat(earn), Per: dec(per), Steps: program.StepsWhole, Basis: program.BasisTransaction,
	}}
}

func visit(id, earn string) *program.Rule {
	return &program.Rule{ID: id, Body: &program.Visit{Earn: flat(earn)}}
}

func times(p pipeline.Period, n int) program.Limit { return program.Limit{Period: p, Times: &n} }

func amount(p pipeline.Period, s string) program.Limit {
	return program.Limit{Period: p, Amount: decp(s)}
}

// rows reads plain CSV without quotes: a header and one row per line.
func rows(text string) []Row {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	header := strings.Split(strings.TrimSpace(lines[0]), ",")
	var out []Row
	for _, line := range lines[1:] {
		row := Row{}
		for i, cell := range strings.Split(strings.TrimSpace(line), ",") {
			row[header[i]] = cell
		}
		out = append(out, row)
	}
	return out
}

// delivery makes a delivery of pairs of dataset and text.
func delivery(date string, pairs ...string) Delivery {
	d := Delivery{Date: day(date), Datasets: map[string][]Row{}}
	for i := 0; i < len(pairs); i += 2 {
		d.Datasets[pairs[i]] = rows(pairs[i+1])
	}
	return d
}

// earns evaluates deliveries and writes the entitlements as `member rule source amount`, one per line.
func earns(f *program.Family, horizon string, deliveries ...Delivery) string {
	facts, _ := Resolve(deliveries, []string{"INR"})
	var out []string
	for _, e := range Evaluate(f, facts, Options{Horizon: day(horizon)}).Entitlements {
		out = append(out, fmt.Sprintf("%s %s %s %s", e.MemberID, e.Rule, e.SourceID, e.Amount))
	}
	return strings.Join(out, "\n")
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	if want := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
