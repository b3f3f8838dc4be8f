package jobs

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline"
	"accrue/pipeline/explain"
)

// reader opens the project for reading until the test ends.
func reader(t *testing.T, p *Project) *Reader {
	t.Helper()
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// decisions are what a program's rules made of a purchase: the amount, or the reason why not.
func decisions(t *testing.T, r *Reader, transaction string) map[string]string {
	t.Helper()
	ex, err := r.ExplainSource(t.Context(), pipeline.SourceTransaction, transaction)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range ex.Programs[0].Answer.Decisions {
		out[d.Rule] = d.Amount.String()
		if d.Reason != "" {
			out[d.Rule] = d.Reason
		}
	}
	if ex.Programs[0].Answer.Differs() {
		t.Errorf("%s: the ledger differs: %+v", transaction, ex.Programs[0].Answer.Sums)
	}
	return out
}

// Every transaction of the sample can be explained, and the explanation is what the ledger holds.
func TestExplainAgreesWithTheLedger(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	run(t, p, nights...)
	r := reader(t, p)
	var ids []string
	var id string
	if err := r.db.Each(t.Context(), "SELECT transaction_id FROM transactions ORDER BY 1", nil, []any{&id}, func() error {
		ids = append(ids, id)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 22 {
		t.Errorf("%d transactions, want 22", len(ids))
	}
	for _, id := range ids {
		if len(decisions(t, r, id)) < 7 {
			t.Errorf("%s: not every rule has a decision", id)
		}
	}
	var grants []string
	if err := r.Grants(t.Context(), GrantFilter{}, func(g Grant) error {
		grants = append(grants, g.GrantID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, id := range grants {
		ge, err := r.ExplainGrant(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if ge.Grant.GrantID != id || ge.File != "grants.csv" || ge.Explanation.Programs[0].Answer.Differs() {
			t.Errorf("%s: %+v", id, ge)
		}
	}
}

// A budget is one for all members: what others took of it is part of the explanation.
func TestExplainBudget(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	write(t, filepath.Join(p.Dir, "programs", "jcb.yaml"), `program: jcb
version: 1
effective_from: 2026-01-01
currency: INR
time_zone: Asia/Kolkata
rules:
  - {id: first, kind: spend, earn: 1, per: 100, budget: 3}
`)
	run(t, p, nights[0])
	r := reader(t, p)
	// In order of time: 1001 at 10:05 takes 1, 1003 at 10:30 takes 1, 1002 and 1010 at 11:00 go by id: 1002 takes the last.
	got := map[string]string{}
	for _, id := range []string{"TX-1001", "TX-1003", "TX-1002", "TX-1010", "TX-1009"} {
		got[id] = decisions(t, r, id)["first"]
	}
	want := map[string]string{"TX-1001": "1", "TX-1003": "1", "TX-1002": "1", "TX-1010": "budget", "TX-1009": "rounds_to_zero"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What was loaded and not posted yet is a difference that explain names.
func TestExplainSaysWhereTheLedgerDiffers(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	start(t, p, nights[0], "")
	start(t, p, nights[1], stepEvaluate)
	ex, err := reader(t, p).ExplainSource(t.Context(), pipeline.SourceTransaction, "TX-1001")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range ex.Programs[0].Answer.Sums {
		if s.Differs() {
			got[s.Rule] = s.Owed.String() + " owed, " + s.Posted.String() + " posted"
		}
	}
	want := map[string]string{"base": "0 owed, 1 posted", "visit": "0 owed, 10 posted"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestExplainSuggestsIDs(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	run(t, p, nights[0])
	r := reader(t, p)
	_, err := r.ExplainSource(t.Context(), pipeline.SourceTransaction, "TX-2008")
	var missing *explain.NotFoundError
	if !errors.As(err, &missing) || !strings.Contains(missing.Hint(), "TX-1008") {
		t.Errorf("got %v", err)
	}
	if _, err := r.ExplainSource(t.Context(), pipeline.SourceTransaction, "something else"); err == nil || err.(*explain.NotFoundError).Hint() != "" {
		t.Errorf("a far id gets the suggestion %v", err)
	}
	// Ids with the characters that grant ids escape.
	f, n, err := parseGrantID("jcb/base/transaction/a%2Fb%25c/12")
	if err != nil || f.SourceID != "a/b%c" || n != 12 {
		t.Errorf("got %+v, %d, %v", f, n, err)
	}
	for _, bad := range []string{"", "a/b/c/d", "a/b/c/d/e", "a/b/c/d/0", "a/b/c/%zz/1", "a/b/c/d/1/2"} {
		if _, _, err := parseGrantID(bad); Classify(err) != Refused {
			t.Errorf("%q gave %v", bad, err)
		}
	}
}
