package plan

import (
	"math/big"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// builder fills what is special to a kind into a rule version. Where fields that it does not set are filled by
// compile.
type builder func(c *compiler, rv *RuleVersion)

// builders has one entry per kind of rule; each kind's file registers its own.
var builders = map[program.Kind]builder{}

// unit returns the ten-thousandths of one step of a reward's scale.
func unit(scale int) int64 {
	u := int64(pipeline.Unit)
	for ; scale > 0; scale-- {
		u /= 10
	}
	return u
}

// rates returns one rate per tier (or one for all) for `earn × factor`, in steps of the reward's scale.
func rates(e program.Earn, factor *big.Rat, scale int) []Rate {
	one := func(d decimal.Decimal) Rate {
		r := new(big.Rat).Mul(ratio(d), factor)
		return rate(r.Mul(r, new(big.Rat).SetInt(pow10(scale))))
	}
	if e.All != nil {
		return []Rate{one(*e.All)}
	}
	out := make([]Rate, len(e.ByTier))
	for i := range e.ByTier {
		out[i] = one(e.For(i))
	}
	return out
}

// fixed is an amount that does not depend on an input.
func fixed(r *program.Rule, e program.Earn) Earn {
	return Earn{Input: InputNone, ByTier: rates(e, big.NewRat(1, 1), r.Reward.Scale),
		Rounding: r.Rounding, Unit: unit(r.Reward.Scale)}
}

// perSteps is `⌊input / per⌋ × earn`.
func perSteps(r *program.Rule, e program.Earn, per decimal.Decimal, in Input) Earn {
	// input counts ten-thousandths: ⌊in/10^4 / per⌋ = ⌊in·b / (a·10^4)⌋ with per = a/b.
	p := new(big.Rat).Mul(ratio(per), new(big.Rat).SetInt64(int64(pipeline.Unit)))
	out := fixed(r, e)
	out.Input, out.StepMul, out.StepDiv = in, Int{p.Denom()}, Int{p.Num()}
	return out
}

// perFraction is `input × earn / per`.
func perFraction(r *program.Rule, e program.Earn, per decimal.Decimal, in Input) Earn {
	f := new(big.Rat).Inv(new(big.Rat).Mul(ratio(per), new(big.Rat).SetInt64(int64(pipeline.Unit))))
	out := fixed(r, e)
	out.Input, out.ByTier = in, rates(e, f, r.Reward.Scale)
	return out
}
