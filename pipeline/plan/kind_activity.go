package plan

import (
	"math/big"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

func init() { builders[program.KindActivity] = buildActivity }

// buildActivity: a fixed amount, the row's own value, or an amount by subject (F28, F29).
func buildActivity(_ *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Activity)
	rv.Source, rv.Types = FromActivities, b.On
	for _, s := range b.BySubject {
		e := fixed(rv.Rule, s.Earn)
		e.Subjects = []string{s.Subject}
		rv.Earn = append(rv.Earn, e)
	}
	switch {
	case b.Value:
		scale := rv.Rule.Reward.Scale
		perUnit := new(big.Rat).SetFrac(pow10(scale), big.NewInt(int64(pipeline.Unit)))
		rv.Earn = append(rv.Earn, Earn{Input: InputValue, ByTier: []Rate{rate(perUnit)},
			Rounding: rv.Rule.Rounding, Unit: unit(scale)})
	case b.Earn != nil:
		rv.Earn = append(rv.Earn, fixed(rv.Rule, *b.Earn))
	}
}
