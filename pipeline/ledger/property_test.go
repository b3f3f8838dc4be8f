package ledger

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"

	"accrue/pipeline"
)

// TestMain keeps the properties short, unless the command line says how many checks are wanted: each takes dozens of
// statements.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// empty forgets all history.
func (b *book) empty() {
	for _, table := range []string{"ledger", "publications", "horizons"} {
		b.exec("DELETE FROM " + table)
	}
}

// drawEntitlements draws what a program owes: at most one member per rule and source, as evaluation guarantees, and for
// the rule `double` up to two rewards.
func drawEntitlements(t *rapid.T) []string {
	var out []string
	for _, rule := range []string{"base", "double"} {
		for source := range 4 {
			member := rapid.SampledFrom([]string{"", "m1", "m2", "m3"}).Draw(t, "member")
			if member == "" {
				continue
			}
			day := rapid.SampledFrom([]string{"2026-11-18", "2026-11-19", "2026-11-20"}).Draw(t, "earned on")
			version := rapid.IntRange(1, 2).Draw(t, "version")
			rewards := []string{"points"}
			if rule == "double" {
				rewards = rapid.SampledFrom([][]string{{"points"}, {"cashback"}, {"points", "cashback"}}).Draw(t, "rewards")
			}
			for _, reward := range rewards {
				amount := rapid.IntRange(1, 3).Draw(t, "amount")
				out = append(out, fmt.Sprintf("%s t%d %s %d %s %s %d", rule, source, member, amount, reward, day, version))
			}
		}
	}
	return out
}

// P2 and P6, for any history: after each posting the ledger is what is owed and every audit holds, and posting again
// posts nothing. Balance and Audit are part of post.
func TestP6AnyHistoryAddsUp(t *testing.T) {
	b := newBook(t)
	rapid.Check(t, func(rt *rapid.T) {
		b.empty()
		for night := range rapid.IntRange(1, 4).Draw(rt, "nights") {
			b.evaluate(drawEntitlements(rt)...)
			to := fmt.Sprintf("2026-11-%d", 20+night)
			from := to
			if rapid.Bool().Draw(rt, "backfill") {
				from = "2026-11-19"
			}
			b.post(from, to)
			if got := b.post(from, to); len(got) > 0 {
				rt.Fatalf("posting again posts %q", got)
			}
			if t.Failed() {
				rt.FailNow()
			}
		}
	})
}

// P3, for the ledger: however many nights it took, the sums are those of one.
func TestP3SumsDoNotDependOnTheNights(t *testing.T) {
	sums := func(b *book) string {
		var out string
		if err := b.db.QueryRow(context.Background(), `SELECT coalesce(string_agg(line, '; ' ORDER BY line), '') FROM (
				SELECT concat_ws(' ', rule, source_id, member_id, reward, sum(amount)) AS line FROM ledger
				GROUP BY rule, source_id, member_id, reward HAVING sum(amount) <> 0)`).Scan(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	many, one := newBook(t), newBook(t)
	rapid.Check(t, func(rt *rapid.T) {
		many.empty()
		one.empty()
		last := drawEntitlements(rt)
		for range rapid.IntRange(0, 2).Draw(rt, "nights before") {
			many.evaluate(drawEntitlements(rt)...)
			many.post("2026-11-20", "2026-11-20")
		}
		for _, b := range []*book{many, one} {
			b.evaluate(last...)
			b.post("2026-11-20", "2026-11-20")
		}
		if got, want := sums(many), sums(one); got != want {
			rt.Fatalf("after many nights %s\nafter one %s", got, want)
		}
	})
}

// The quick way of a first posting gives the rows of the general one.
func TestTheFirstPostingTakesAShortCut(t *testing.T) {
	b := newBook(t)
	rapid.Check(t, func(rt *rapid.T) {
		b.evaluate(drawEntitlements(rt)...)
		var got [2]string
		for i, prev := range []*Previous{nil, {Horizon: pipeline.MinDate}} {
			if _, err := Difference(context.Background(), b.db, Request{
				Family: b.fam, From: date(t, "2026-11-19"), To: date(t, "2026-11-20"), Previous: prev,
			}); err != nil {
				rt.Fatal(err)
			}
			if err := b.db.QueryRow(context.Background(),
				"SELECT coalesce(string_agg(CAST(d AS VARCHAR), chr(10) ORDER BY CAST(d AS VARCHAR)), '') FROM difference d").Scan(&got[i]); err != nil {
				rt.Fatal(err)
			}
		}
		if got[0] != got[1] {
			rt.Fatalf("short\n%s\nlong\n%s", got[0], got[1])
		}
	})
}
