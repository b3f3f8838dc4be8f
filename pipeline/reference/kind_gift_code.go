package reference

import (
	"math/big"
	"slices"

	"accrue/pipeline/program"
)

// concernsGiftCode: the rule looks at every redemption, of whatever code.
func concernsGiftCode(_ *program.Rule, s *source) bool {
	return s.activity.Type == program.GiftCodeType
}

// earnGiftCode pays what the code says that is the activity's subject, on the days on which it can be redeemed (F30).
func earnGiftCode(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	code := r.Body.(*program.GiftCode).Find(s.activity.Subject)
	switch {
	case s.activity.Subject == "":
		d.refuse(NoSuchCode, "it names no code")
		return nil, ""
	case code == nil:
		d.refuse(NoSuchCode, "the rule has no code %s", s.activity.Subject)
		return nil, ""
	case !code.Active.Contains(s.on):
		d.refuse(CodeExpired, "%s is not within %s, when code %s can be redeemed", s.on, spanText(code.Active), code.Code)
		return nil, ""
	}
	earn := code.Earn.For(s.tier)
	return earn.Rat(), d.say("code %s pays %s%s", code.Code, earn, s.rateText(code.Earn))
}

// code returns the gift code that a grant redeemed, nil for other grants.
func (g *grant) code() *program.Code {
	if b, ok := g.rule.Body.(*program.GiftCode); ok {
		return b.Find(g.activity.Subject)
	}
	return nil
}

// withCodes stands between steps 5 and 6: of the redemptions of a code by all members together, under all versions, those
// past what the code's own version allows drop out.
func withCodes(grants []*grant) []*grant {
	queues := map[string][]*grant{}
	for _, g := range grants {
		if c := g.code(); c != nil {
			queues[c.Code] = append(queues[c.Code], g)
		}
	}
	dropped := map[*grant]bool{}
	for _, queue := range queues {
		slices.SortFunc(queue, way{}.compare)
		for i, g := range queue {
			c := g.code()
			switch {
			case c.Times == nil:
			case i >= *c.Times:
				dropped[g] = true
				g.decision.refuse(CodeUsedUp, "code %s: %s redemption, %d allowed%s", c.Code, ordinal(i+1), *c.Times,
					g.decision.cameFirst(queue[:i], way{}))
			default:
				g.decision.step("code", g.amount, "code %s: %s redemption of %d", c.Code, ordinal(i+1), *c.Times)
			}
		}
	}
	return without(grants, dropped)
}
