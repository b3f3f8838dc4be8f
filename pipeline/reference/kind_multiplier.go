package reference

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

// extra is what a multiplier adds for one source in one reward, exact.
type extra struct {
	reward *program.Reward
	exact  *big.Rat
	text   string
}

// concernsMultiplier: a multiplier looks at what one of its rules looks at, as far as its version has them.
func concernsMultiplier(v *program.Program, r *program.Rule, s *source) bool {
	for _, id := range r.Body.(*program.Multiplier).Of {
		if of := v.RuleByID(id); of != nil && looksAt(v, of, s) {
			return true
		}
	}
	return false
}

// multiply adds up what the named rules were granted for the source, by reward, and returns the sums × (factor − 1)
// (F1, F14). The amounts are those left after step 7 (F15).
func multiply(r *program.Rule, _ *source, granted []*grant) []extra {
	b := r.Body.(*program.Multiplier)
	sums, texts := map[*program.Reward]decimal.Decimal{}, map[*program.Reward][]string{}
	for _, g := range granted {
		if slices.Contains(b.Of, g.rule.ID) {
			sums[g.reward] = sums[g.reward].Add(g.amount)
			texts[g.reward] = append(texts[g.reward], fmt.Sprintf("%s %s", g.amount, g.rule.ID))
		}
	}
	var out []extra
	for reward, sum := range sums {
		e := extra{reward: reward, exact: new(big.Rat).Sub(b.Factor.Rat(), big.NewRat(1, 1))}
		e.exact.Mul(e.exact, sum.Rat())
		e.text = fmt.Sprintf("(%s) × (%s − 1) = %s", strings.Join(texts[reward], " + "), b.Factor, ratText{e.exact})
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b extra) int { return cmp.Compare(a.reward.Place, b.reward.Place) })
	return out
}
