package jobs

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func report(t *testing.T, p *Project, o ReportOptions) *Report {
	t.Helper()
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	out, err := r.Report(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every figure of a report is one that a command gives too: the grants that are listed, the roll-forward, the summary
// of runs, the decisions of explain and the breaks of reconcile.
func TestReportFiguresAreThoseOfCommands(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	run(t, p, nights...)
	sum, _, all := reconciled(t, p, ReconcileOptions{}, false)
	rep := report(t, p, ReportOptions{Rates: []string{"points=0.25"}})
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()

	byRule, byMember := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
	grants := int64(0)
	if err := r.Grants(t.Context(), GrantFilter{}, func(g Grant) error {
		grants++
		amount := decimal.RequireFromString(g.Amount)
		byRule[g.Reward+" "+g.Rule] = byRule[g.Reward+" "+g.Rule].Add(amount)
		byMember[g.Reward+" "+g.MemberID] = byMember[g.Reward+" "+g.MemberID].Add(amount)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if rep.Grants != grants || rep.Publications != 2 || rep.Deliveries != 2 {
		t.Errorf("%d grants of %d publications, %d deliveries; %d grants are listed", rep.Grants, rep.Publications, rep.Deliveries, grants)
	}
	for _, row := range rep.ByRule.Rows {
		if want := byRule[row.Reward+" "+row.By["rule"]]; !decimal.RequireFromString(row.Closing).Equal(want) {
			t.Errorf("rule %s: closing %s, %s is listed", row.By["rule"], row.Closing, want)
		}
	}
	if len(rep.ByRule.Rows) != len(byRule) {
		t.Errorf("%d rules, %d are listed", len(rep.ByRule.Rows), len(byRule))
	}
	for _, m := range rep.Members {
		n, largest := int64(0), decimal.Zero
		for key, amount := range byMember {
			if key[:len(m.Reward)] == m.Reward {
				n++
				largest = decimal.Max(largest, amount)
			}
		}
		if m.Members != n || !decimal.RequireFromString(m.Largest).Equal(largest) {
			t.Errorf("%s: %d members, at most %s; listed are %d, at most %s", m.Reward, m.Members, m.Largest, n, largest)
		}
	}
	for by, got := range map[string]*RollForward{"": rep.Balances, "date": rep.ByTime, "tier": rep.ByTier, "rule": rep.ByRule, "store": rep.ByStore,
		"channel": rep.ByChannel} {
		o := RollOptions{Rates: []string{"points=0.25"}}
		if by != "" {
			o.By = []string{by}
		}
		want, err := r.RollForward(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %q (-command +report):\n%s", by, diff)
		}
	}
	bulk, err := r.ExplainRange(t.Context(), BulkExplainOptions{From: day(t, rep.From), Until: day(t, rep.To), Out: filepath.Join(t.TempDir(), "why.csv")})
	if err != nil {
		t.Fatal(err)
	}
	pays := map[string]int64{}
	decisions := int64(0)
	for _, rule := range bulk.Programs[0].Rules {
		pays[rule.Rule] += rule.Pays
	}
	for _, rule := range rep.Funnel[0].Rules {
		decisions += rule.Looked
		if rule.Pays != pays[rule.Rule] {
			t.Errorf("rule %s pays %d, explain says %d", rule.Rule, rule.Pays, pays[rule.Rule])
		}
		left := rule.Looked - rule.Pays
		for _, reason := range rule.Reasons {
			left -= reason.Sources
		}
		if left != 0 {
			t.Errorf("rule %s: looked at %d, and the reasons leave %d", rule.Rule, rule.Looked, left)
		}
	}
	if decisions != bulk.Programs[0].Decisions {
		t.Errorf("%d decisions, explain wrote %d", decisions, bulk.Programs[0].Decisions)
	}
	if rep.OpenBreaks != sum.Open || int64(len(all)) != sum.Open || rep.Reconciled.AsOf != sum.AsOf {
		t.Errorf("%d open breaks as of %s; reconcile says %d as of %s", rep.OpenBreaks, rep.Reconciled.AsOf, sum.Open, sum.AsOf)
	}
	if diff := cmp.Diff(sum.Counts, rep.BreakCounts); diff != "" {
		t.Errorf("counts of breaks (-command +report):\n%s", diff)
	}
}

// Worked by hand: the story's purchases earn their amounts, 10 to 140 on each of three dates.
func TestReportOfTheStory(t *testing.T) {
	t.Parallel()
	p := story(t)
	from, to := day(t, "2026-11-01"), day(t, "2026-11-20")
	rep := report(t, p, ReportOptions{From: &from, To: &to})
	// 10 + 20 + … + 140 = 1050, a date.
	want := []RollRow{{Program: "shop", Reward: "points", Grants: 28, Opening: "1050", Accruals: "2100", Adjustments: "0", Reversals: "0",
		Closing: "3150", Pending: "0", Available: "3150", Expired: "0"}}
	if diff := cmp.Diff(want, rep.Balances.Rows); diff != "" {
		t.Error(diff)
	}
	var times []string
	for _, r := range rep.ByTime.Rows {
		times = append(times, r.By["date"]+" "+r.Opening+" "+r.Accruals+" "+r.Closing)
	}
	if diff := cmp.Diff([]string{"2026-11-15 1050 1050 2100", "2026-11-20 2100 1050 3150"}, times); diff != "" {
		t.Error(diff)
	}
	// Each of 14 members has 2 times 10 to 140: five below 100 (20 to 80 are four), the others below 1000.
	m := rep.Members[0]
	if m.Members != 14 || m.Largest != "280" || m.Median != "140" || m.Below != 0 {
		t.Errorf("%+v", m)
	}
	if diff := cmp.Diff([]ReportBin{{From: "10", Below: "100", Members: 4}, {From: "100", Below: "1000", Members: 10}}, m.Bins); diff != "" {
		t.Error(diff)
	}
	if rep.Reconciled != nil || len(rep.Breaks) != 0 {
		t.Errorf("nothing was reconciled: %+v", rep.Reconciled)
	}
	f := rep.Funnel[0]
	if f.Read != 28 || f.Sources != 28 || len(f.Rules) != 1 || f.Rules[0].Pays != 28 || len(f.Rules[0].Reasons) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestRollForwardRefusals(t *testing.T) {
	t.Parallel()
	p := story(t)
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for i, o := range []RollOptions{
		{By: []string{"colour"}}, {By: []string{"rule", "rule"}}, {By: []string{"date", "month"}}, {Rates: []string{"points"}},
		{Rates: []string{"miles=1"}}, {Rates: []string{"points=-1"}}, {Rates: []string{"points=0.1234567"}}, {Program: "shoe"},
	} {
		if _, err := r.RollForward(t.Context(), o); err == nil || Classify(err) != Refused {
			t.Errorf("%s: got %v", strconv.Itoa(i), err)
		}
	}
}

// What is held, available and expired at the end, and what expires when, at a rate: by hand from a program with a hold
// of 14 days and an expiry of one month.
func TestRollForwardOfHoldAndExpiry(t *testing.T) {
	t.Parallel()
	p := story(t)
	write(t, filepath.Join(p.Dir, "programs", "shop.yaml"), "program: shop\nversion: 1\neffective_from: 2026-01-01\ncurrency: EUR\ntime_zone: Europe/Berlin\n"+
		"rewards:\n  points: {scale: 0, hold_days: 14, expires: {after_months: 1}}\nrules:\n  - {id: base, kind: spend, earn: 1, per: 1}\n")
	fresh := t.TempDir()
	for _, dir := range []string{"exports", "programs"} {
		if err := os.CopyFS(filepath.Join(fresh, dir), os.DirFS(filepath.Join(p.Dir, dir))); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(fresh, "accrue.yaml"), "rates: {points: 0.2}\n")
	q := open(t, fresh)
	run(t, q, storyDates...)
	r, err := q.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	to := day(t, "2026-11-30")
	roll, err := r.RollForward(t.Context(), RollOptions{To: &to})
	if err != nil {
		t.Fatal(err)
	}
	// Earned on 1 October: available on the 15th, last day 1 November. On 15 November: available on the 29th. On the 20th:
	// available on 4 December.
	row := roll.Rows[0]
	if row.Closing != "3150" || row.Expired != "1050" || row.Available != "1050" || row.Pending != "1050" {
		t.Errorf("%+v", row)
	}
	want := []RollExpiry{{Program: "shop", Reward: "points", Month: "2026-12", Amount: "2100"}}
	if diff := cmp.Diff(want, roll.Expiring); diff != "" {
		t.Error(diff)
	}
	liable := []RollLiable{{Program: "shop", Reward: "points", Balance: "2100", Rate: "0.2", Worth: "420", Currency: "EUR"}}
	if diff := cmp.Diff(liable, roll.Liable); diff != "" {
		t.Error(diff)
	}
}

// A tier from spend is that of the business day: of 60 bought on 1 October 60 count from the day after on, so that the
// member is gold on 15 November, and 30 days later not any more.
func TestRollForwardByTierFromSpend(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "accrue.yaml"), "exports: {ready: folder}\n")
	write(t, filepath.Join(dir, "programs", "p.yaml"), "program: p\nversion: 1\neffective_from: 2026-01-01\ncurrency: EUR\ntime_zone: UTC\n"+
		"tier_from: spend\ntiers: [{id: plain}, {id: gold, over: 50, within_days: 60}]\nrules:\n  - {id: base, kind: spend, earn: 1, per: 1}\n")
	write(t, filepath.Join(dir, "exports", "date=2026-12-20", "transactions.csv"), "transaction_id,member_id,occurred_at,amount\n"+
		"t1,m1,2026-10-01T10:00,60\nt2,m1,2026-11-15T10:00,7\nt3,m1,2026-12-20T10:00,5\nt4,m2,2026-11-15T10:00,3\n")
	p := open(t, dir)
	run(t, p, "2026-12-20")
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for range 2 { // asked twice in one session
		roll, err := r.RollForward(t.Context(), RollOptions{By: []string{"tier"}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range roll.Rows {
			got = append(got, row.By["tier"]+" "+row.Closing)
		}
		if diff := cmp.Diff([]string{"gold 7", "plain 68"}, got); diff != "" {
			t.Error(diff)
		}
	}
}
