package plan

import (
	"math/big"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

func init() { builders[program.KindGiftCode] = buildGiftCode }

// Code is a gift code. Its amount is an input of the rule's earnings.
type Code struct {
	Code   string
	Earn   []Int // millionths: one per tier of the version where ByTier, else exactly one
	ByTier bool
	Days   program.Span
	Times  int64 // by all members together; -1 without end
}

// codePlaces: an earn has at most six places.
const codePlaces = 6

// buildGiftCode: the amount of the code that is the activity's subject (F30).
func buildGiftCode(_ *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.GiftCode)
	rv.Source, rv.Types = FromGiftCodes, []string{program.GiftCodeType}
	millionths := func(d decimal.Decimal) Int { return Int{d.Shift(codePlaces).BigInt()} }
	for _, c := range b.Codes {
		out := Code{Code: c.Code, Days: c.Active, Times: -1}
		if c.Times != nil {
			out.Times = int64(*c.Times)
		}
		if c.Earn.All != nil {
			out.Earn = []Int{millionths(*c.Earn.All)}
		} else {
			out.ByTier = true
			for tier := range c.Earn.ByTier {
				out.Earn = append(out.Earn, millionths(c.Earn.For(tier)))
			}
		}
		rv.Codes = append(rv.Codes, out)
	}
	scale := rv.Rule.Reward.Scale
	rv.Earn = []Earn{{Input: InputCode, ByTier: []Rate{rate(new(big.Rat).SetFrac(pow10(scale), pow10(codePlaces)))},
		Rounding: rv.Rule.Rounding, Unit: unit(scale)}}
}

// Largest is the largest amount that a code can have, in millionths.
func (Code) Largest() *big.Int {
	return new(big.Int).Mul(big.NewInt(int64(pipeline.MaxAmount/pipeline.Unit)), pow10(codePlaces))
}

// LimitedCodes reports whether any version of the rule limits how often a code can be redeemed.
func (r *Rule) LimitedCodes() bool {
	for _, rv := range r.Versions {
		for _, c := range rv.Codes {
			if c.Times >= 0 {
				return true
			}
		}
	}
	return false
}
