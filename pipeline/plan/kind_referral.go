package plan

import "accrue/pipeline/program"

func init() { builders[program.KindReferral] = buildReferral }

// Qualify is how a referral qualifies: by the first transaction of the referee's life whose spend basis is more than
// Over ten-thousandths.
type Qualify struct{ Over int64 }

// buildReferral: a fixed amount for the referrer, or for the referee, at the time of the referral or of the
// transaction that qualifies it (F7, F8).
func buildReferral(c *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Referral)
	rv.Source, rv.Types, rv.Referee, rv.Qualify = FromReferrals, []string{program.ReferralType}, b.OfReferee, -1
	rv.Earn = []Earn{fixed(rv.Rule, b.Earn)}
	if b.Qualify == nil {
		return
	}
	q := Qualify{Over: units(b.Qualify.Over)}
	for i, known := range c.plan.Qualifies {
		if known == q {
			rv.Qualify = i
		}
	}
	if rv.Qualify < 0 {
		rv.Qualify = len(c.plan.Qualifies)
		c.plan.Qualifies = append(c.plan.Qualifies, q)
	}
	if days := b.Qualify.WithinDays; days != nil {
		n := int64(*days)
		rv.WithinDays = &n
	}
}

// referees ties the rules of referees' grants to those of the referrers, with whom they share a budget.
func (c *compiler) referees() {
	byID := map[string]*Rule{}
	for _, r := range c.plan.Rules {
		byID[r.ID] = r
	}
	for _, r := range c.plan.Rules {
		for _, rv := range r.Versions {
			if rv.Source == FromReferrals && rv.Referee {
				r.Referrers = byID[program.ReferrerOf(r.ID)]
				r.Referrers.Referees = r
			}
		}
	}
}
