package jobs

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"accrue/fixtures/random"
	"accrue/pipeline"
	"accrue/pipeline/cases"
)

// Files that were published never change: a hundred random restatements, closings and corrections later every file has
// the bytes that it was published with, and the chain still adds up.
func TestPublishedFilesNeverChange(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	p := plainProject(t, plainProgram)
	date := func(d int) string { return fmt.Sprintf("2026-11-%02d", d) }
	for d := 1; d <= 5; d++ {
		deliver(t, p, date(d), fmt.Sprintf("t%d m %s %d", d, date(d), 100*d), fmt.Sprintf("u%d n %s 900", d, date(d)))
	}
	backfill(t, p, date(1), date(5))
	before := published(t, p, nil)
	for i := range 100 {
		switch rnd.IntN(4) {
		case 0: // a purchase costs something else
			d := 1 + rnd.IntN(5)
			deliver(t, p, date(d), fmt.Sprintf("t%d m %s %d", d, date(d), 100*rnd.IntN(20)), fmt.Sprintf("u%d n %s 900", d, date(d)))
		case 1:
			o := CloseOptions{Reopen: true}
			if d := rnd.IntN(5); d > 0 {
				through := day(t, date(d))
				o.Through = &through
			}
			if _, err := Close(t.Context(), p, o); err != nil {
				o.Reopen = false // it closes more
				if _, err := Close(t.Context(), p, o); err != nil && o.Through != nil {
					t.Fatal(err)
				}
			}
		}
		write(t, filepath.Join(p.Dir, "programs", "p.yaml"), strings.Replace(plainProgram, "earn: 1", fmt.Sprintf("earn: %d", 1+rnd.IntN(9)), 1))
		from := 1 + rnd.IntN(5)
		backfill(t, p, date(from), date(from+rnd.IntN(6-from)), restate)
		after := published(t, p, nil)
		for path, sum := range before {
			if after[path] != sum {
				t.Fatalf("restatement %d has changed %s", i, path)
			}
		}
		before = after
	}
	if len(before) < 100 {
		t.Errorf("only %d files were published: the restatements did little", len(before))
	}
	noFindings(t, p)
}

// A refund that is split into any parts, over any nights, ends at the same points as one that comes at once; and no
// refund ever creates points for what was refunded.
func TestRefundsInParts(t *testing.T) {
	t.Parallel()
	fast, err := NewFastCaseEngine(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &historian{FastCaseEngine: fast}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	refunded := 0
	for seed := range uint64(25) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		c := withoutReturns(random.New(2_000_000 + seed))
		plain, err := cases.Reference{}.Run(c)
		if err != nil {
			t.Fatal(err)
		}
		bought := purchase(c, plain)
		if bought == nil {
			continue
		}
		refunded++
		total := bought.amount.Mul(decimal.New(int64(1+rnd.IntN(100)), -2)).RoundCeil(4)
		once := h.refund(t, c, bought.id, []decimal.Decimal{total})
		parts := h.refund(t, c, bought.id, split(rnd, total))
		if diff := sumsDiffer(once, parts); diff != "" {
			t.Errorf("seed %d: %s returned of %s, at once and in parts:\n%s", seed, total, bought.id, diff)
		}
		for _, sums := range []map[string]pipeline.Amount{once, parts} {
			if before, after := ofSource(bought.sums, bought.id), ofSource(sums, bought.id); after > before {
				t.Errorf("seed %d: %s earned %s, and %s after %s were returned", seed, bought.id, before, after, total)
			}
		}
	}
	if refunded < 12 {
		t.Errorf("only %d purchases were refunded", refunded)
	}
}

// withoutReturns takes the returns out of a case.
func withoutReturns(c cases.Case) cases.Case {
	for i, d := range c.Deliveries {
		c.Deliveries[i].Files = nil
		for _, f := range d.Files {
			if !strings.HasPrefix(f.Name, "returns") {
				c.Deliveries[i].Files = append(c.Deliveries[i].Files, f)
			}
		}
	}
	last := c.Deliveries[len(c.Deliveries)-1].Date
	c.Run = []pipeline.Date{last + 10}
	return c
}

type bought struct {
	id     string
	amount decimal.Decimal
	sums   map[string]pipeline.Amount
}

// purchase finds the first purchase that earned something, and what all earned.
func purchase(c cases.Case, plain cases.Outcome) *bought {
	out := &bought{sums: map[string]pipeline.Amount{}}
	for _, r := range plain.Entitlements {
		a, err := parseAmount(r["amount"])
		if err != nil {
			return nil
		}
		out.sums[ledgerKey(r["program"], r["rule"], r["member_id"], r["reward"], r["source_type"], r["source_id"])] += a
		if r["source_type"] == "transaction" && out.id == "" {
			out.id = r["source_id"]
		}
	}
	for _, d := range c.Deliveries { // the row that holds is the newest one that can be read
		for _, f := range d.Files {
			table, err := cases.ReadTable(f.Text, 1)
			if err != nil || !strings.HasPrefix(f.Name, "transactions") {
				continue
			}
			for _, r := range table.Rows {
				id, amount := "", decimal.Zero
				for i, name := range table.Columns {
					if i < len(r.Cells) && name == "transaction_id" {
						id = r.Cells[i]
					}
					if i < len(r.Cells) && name == "amount" {
						amount, _ = decimal.NewFromString(r.Cells[i])
					}
				}
				if id == out.id && amount.IsPositive() && (out.amount.IsZero() || amount.LessThan(out.amount)) {
					out.amount = amount
				}
			}
		}
	}
	if out.id == "" || out.amount.IsZero() {
		return nil
	}
	return out
}

// split cuts an amount into two to four parts.
func split(rnd *rand.Rand, total decimal.Decimal) []decimal.Decimal {
	var out []decimal.Decimal
	for range 1 + rnd.IntN(3) {
		part := total.Mul(decimal.New(int64(1+rnd.IntN(60)), -2)).RoundFloor(4)
		if part.IsPositive() && part.LessThan(total) {
			out, total = append(out, part), total.Sub(part)
		}
	}
	return append(out, total)
}

// refund plays a case with the parts of a refund delivered one night after the other, and returns the ledger's sums.
func (h *historian) refund(t *testing.T, c cases.Case, id string, parts []decimal.Decimal) map[string]pipeline.Amount {
	t.Helper()
	last := c.Deliveries[len(c.Deliveries)-1].Date
	nights := []random.Night{{Put: c.Deliveries, Run: last}}
	quoted := `"` + strings.ReplaceAll(id, `"`, `""`) + `"`
	for i, part := range parts {
		d := cases.Delivery{Date: last + pipeline.Date(1+i), Files: []cases.Text{
			{Name: "transactions", Text: "transaction_id,occurred_at,amount\n"},
			{Name: "returns", Text: fmt.Sprintf("return_id,transaction_id,amount,occurred_at\nr%d,%s,%s,%sT10:00\n", i, quoted, part, last)},
		}}
		nights = append(nights, random.Night{Put: []cases.Delivery{d}, Run: d.Date})
	}
	nights = append(nights, random.Night{Run: c.Run[0]})
	sums, _, err := h.play(t.Context(), c, way{name: "refund", nights: nights, fresh: true})
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return sums
}

// ofSource adds up what a purchase earned.
func ofSource(sums map[string]pipeline.Amount, id string) pipeline.Amount {
	var out pipeline.Amount
	for k, a := range sums {
		if strings.HasSuffix(k, " transaction "+id) {
			out += a
		}
	}
	return out
}
