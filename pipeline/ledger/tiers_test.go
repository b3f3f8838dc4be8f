package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

// With tiers from spend an earlier purchase that is new, or a new refund of one, is why a rule by tier pays something
// else; a later purchase is not, nor is any for a rule that does not look at tiers.
func TestReasonsOfTiersFromSpend(t *testing.T) {
	one := decimal.NewFromInt(1)
	const refund = "a refund"
	for name, c := range map[string]struct {
		byTier bool
		change string
		want   string
	}{
		"an earlier purchase":                  {true, "UPDATE transactions SET load_seq = 2 WHERE transaction_id = 't0'", "tier_changed"},
		"an earlier purchase, the same to all": {false, "UPDATE transactions SET load_seq = 2 WHERE transaction_id = 't0'", "limit_shifted"},
		"a refund of an earlier purchase":      {true, refund, "tier_changed"},
		"a later purchase":                     {true, "UPDATE transactions SET load_seq = 2 WHERE transaction_id = 't9'", "limit_shifted"},
		"another member's purchase":            {true, "UPDATE transactions SET load_seq = 2 WHERE transaction_id = 't2'", "limit_shifted"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			earn := program.Earn{All: &one}
			if c.byTier {
				earn = program.Earn{ByTier: []*decimal.Decimal{&one}}
			}
			for _, v := range b.fam.Versions {
				v.TierFrom = program.TierFromSpend
				v.Rules = []*program.Rule{{ID: "base", Kind: program.KindVisit, Body: &program.Visit{Earn: earn}}}
			}
			b.load(1)
			for id, at := range map[string][2]string{
				"t0": {"m1", "2026-11-01 10:00:00"}, "t1": {"m1", "2026-11-20 10:00:00"}, "t9": {"m1", "2026-12-20 10:00:00"},
				"t2": {"m2", "2026-11-01 10:00:00"},
			} {
				b.fact("transactions", 1, 1, "transaction_id, member_id, occurred_wall",
					"'"+id+"', '"+at[0]+"', epoch_us(TIMESTAMP '"+at[1]+"')")
			}
			b.evaluate("base t1 m1 5", "base t2 m2 5")
			b.post("2026-11-20", "2026-11-20")
			b.load(2)
			if c.change == refund {
				b.fact("returns", 2, 2, "return_id, transaction_id, amount", "'r1', 't0', 10000")
			} else {
				b.exec(c.change)
			}
			b.evaluate("base t1 m1 3", "base t2 m2 5")
			want := []string{"2026-11-21 t1/base/2 m1 -2 points reversal " + c.want}
			if diff := cmp.Diff(want, b.post("2026-11-21", "2026-11-21")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
