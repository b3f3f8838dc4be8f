package program

import (
	"github.com/shopspring/decimal"

	"accrue/pipeline/yamlpos"
)

// KindReferral pays who referred a member, and the member who was referred.
const KindReferral Kind = "referral"

// ReferralType is the type of the activities that refer: their member is the referrer, their subject the referee.
const ReferralType = "referral"

// Referral pays Earn to the referrer and RefereeEarn to the referee, at once or when the referral qualifies.
type Referral struct {
	Earn        Earn
	RefereeEarn *Earn    // nil: referees earn nothing, and there is no rule for their grants
	Qualify     *Qualify // nil: it pays at once
	// OfReferee marks the rule `<id>.referee` of the referees' grants (F9); Earn is what they earn then.
	OfReferee bool
}

// Qualify says when a referral pays: with the first transaction of the referee's life over an amount (F7).
type Qualify struct {
	Pos        Pos
	Over       decimal.Decimal // of the spend basis
	WithinDays *int            // business dates after the referral (F39); nil without end
}

// Kind returns KindReferral.
func (*Referral) Kind() Kind { return KindReferral }

func readReferral(r *ruleReader) Body {
	zero := decimal.Zero
	b := &Referral{Earn: Earn{Pos: r.rule.Pos, All: &zero}}
	if n := r.m.Get("earn"); n != nil {
		b.Earn = r.earn(n)
	}
	if n := r.m.Get("referee_earn"); n != nil {
		earn := r.earn(n)
		b.RefereeEarn = &earn
	}
	if !r.m.Has("earn") && !r.m.Has("referee_earn") {
		r.Fault(r.rule.Pos, "write earn: 100 for the referrer, referee_earn: 50 for the referee", "earn is missing")
	}
	b.Qualify = r.qualify(r.m.Get("qualify"))
	return b
}

func (r *ruleReader) qualify(n *yamlpos.Node) *Qualify {
	m := r.Map(n, "write qualify: {over: 500, within_days: 30}")
	if m == nil {
		return nil
	}
	q := &Qualify{Pos: n.Pos}
	q.Over, _ = r.number(m.Get("over"), "over", bounds{places: spendPlaces, placesHint: spendHint})
	if days, ok := r.Int(m.Get("within_days"), 0, maxDays); ok {
		q.WithinDays = ptr(int(days))
	}
	m.Close()
	return q
}

// refereeRule is the rule of the referees' grants: at the same place, with the same conditions, limits, best_of and
// rounding, and one budget with the referrers' (F9). Nil where referees earn nothing.
func refereeRule(r *Rule) *Rule {
	b, ok := r.Body.(*Referral)
	if !ok || b.RefereeEarn == nil {
		return nil
	}
	out := *r
	out.ID += refereeSuffix
	out.Body = &Referral{Earn: *b.RefereeEarn, Qualify: b.Qualify, OfReferee: true}
	return &out
}

// TwoSided returns the ids of the rules that may pay two members for one source: multipliers that name a referral and its
// referees, in one version or in several.
func (f *Family) TwoSided() []string {
	of := map[string]map[string]bool{}
	for _, v := range f.Versions {
		for _, r := range v.Rules {
			m, ok := r.Body.(*Multiplier)
			if !ok {
				continue
			}
			if of[r.ID] == nil {
				of[r.ID] = map[string]bool{}
			}
			for _, id := range m.Of {
				of[r.ID][id] = true
			}
		}
	}
	var out []string
	for _, id := range f.RuleIDs() {
		for named := range of[id] {
			if of[id][named+refereeSuffix] {
				out = append(out, id)
				break
			}
		}
	}
	return out
}

// AllRules returns the rules in file order, behind each referral the rule of its referees' grants.
func (p *Program) AllRules() []*Rule {
	if p.all == nil {
		return withReferees(p.Rules)
	}
	return p.all
}

func withReferees(rules []*Rule) []*Rule {
	out := make([]*Rule, 0, len(rules))
	for _, r := range rules {
		out = append(out, r)
		if referee := refereeRule(r); referee != nil {
			out = append(out, referee)
		}
	}
	return out
}
