package plan

import (
	"math/big"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

func init() { builders[program.KindMultiplier] = buildMultiplier }

// buildMultiplier: granted × (factor − 1) on the amounts that the named rules have left after their budgets, added
// up per source, member and reward and rounded once (F1, F14, F15). Rounding and unit are those of the reward that
// is multiplied, which differ by grant: there is one Earn per reward of the version.
func buildMultiplier(c *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Multiplier)
	rv.Source, rv.RewardNo = FromGranted, -1
	for _, id := range b.Of {
		rv.Of = append(rv.Of, c.ruleNo[id])
	}
	extra := new(big.Rat).Sub(ratio(b.Factor), big.NewRat(1, 1))
	for _, w := range c.plan.Family.Versions[rv.Ver].Rewards {
		f := new(big.Rat).Mul(extra, new(big.Rat).SetFrac(pow10(w.Scale), big.NewInt(int64(pipeline.Unit))))
		e := Earn{Input: InputGranted, Reward: c.rewardNo[w.ID], ByTier: []Rate{rate(f)},
			Rounding: w.Rounding, Unit: unit(w.Scale)}
		if rv.Rule.Rounding != "" {
			e.Rounding = rv.Rule.Rounding
		}
		rv.Earn = append(rv.Earn, e)
	}
}
