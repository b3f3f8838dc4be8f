package reference

import (
	"fmt"
	"math/big"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// concernsReferral: the sources of a referral rule are made for it.
func concernsReferral(r *program.Rule, s *source) bool { return s.only == r.ID }

func earnReferral(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	b := r.Body.(*program.Referral)
	who := fmt.Sprintf("referring %s pays %s", s.activity.Subject, s.activity.MemberID)
	if b.OfReferee {
		who = fmt.Sprintf("being referred by %s pays %s", s.activity.MemberID, s.activity.Subject)
	}
	if s.qualified != "" {
		d.holds("qualify", "%s", s.qualified)
	}
	earn := b.Earn.For(s.tier)
	return earn.Rat(), d.say("%s %s%s", who, earn, s.rateText(b.Earn))
}

// addReferrals makes the sources of referral rules: each referral for each rule and version under which it pays. It
// stands behind everything that is known of purchases; sources are in order of time.
func (ev *evaluation) addReferrals() {
	first := map[string]*source{} // by referee: it counts for one referral only (F41)
	var rows []*source
	for _, s := range ev.sources {
		if s.kind != pipeline.SourceActivity || s.activity.Type != program.ReferralType {
			continue
		}
		rows = append(rows, s)
		if s.refers() && first[s.activity.Subject] == nil {
			first[s.activity.Subject] = s
		}
	}
	for _, s := range rows {
		done := map[string]bool{}
		for _, v := range ev.family.Versions {
			for _, r := range v.AllRules() {
				if r.Kind == program.KindReferral && !done[r.ID] {
					done[r.ID] = true
					ev.addReferral(s, first[s.activity.Subject], r.ID)
				}
			}
		}
	}
}

// refers reports whether an activity of type referral is a referral at all (F41).
func (s *source) refers() bool {
	return s.status == completed && s.activity.Subject != "" && s.activity.Subject != s.activity.MemberID
}

// addReferral adds a referral's row as a source of a rule, once for each version under which it pays.
func (ev *evaluation) addReferral(s, first *source, id string) {
	pays := false
	why := ""
	var standing *program.Rule // the rule by the version in force on the row's date
	for _, v := range ev.family.Versions {
		r := v.RuleByID(id)
		if r == nil || r.Kind != program.KindReferral {
			continue
		}
		if s.version == v {
			standing = r
		}
		at, reason := ev.qualifies(s, first, r.Body.(*program.Referral))
		switch {
		case reason != "":
			if why == "" || standing == r {
				why = reason
			}
		case at.version == v:
			pays = true
			ev.sources = append(ev.sources, ev.referral(s, at, r))
		case why == "":
			why = fmt.Sprintf("by version %d it would have qualified on %s, when that was not in force", v.Version, at.on)
		}
	}
	if pays || ev.trace == nil {
		return
	}
	if standing != nil {
		ev.refused = append(ev.refused, refusal{ev.referral(s, s, standing), standing, why})
	}
}

// refusal is a referral that no version pays.
type refusal struct {
	*source
	rule *program.Rule
	why  string
}

// referral is a referral's row as a source of one rule, at the time of another source: its own, or the transaction that
// qualifies it. Stores, regions and subjects stay those of the row (F8).
func (ev *evaluation) referral(s, at *source, r *program.Rule) *source {
	out := &source{
		kind: s.kind, id: s.id, memberID: s.activity.MemberID, at: at.at, on: at.on, status: s.status, storeID: s.storeID,
		activity: s.activity, only: r.ID,
	}
	if r.Body.(*program.Referral).OfReferee {
		out.memberID = s.activity.Subject
	}
	if at != s {
		out.qualified = fmt.Sprintf("%s of %s on %s is the first purchase over %s", at.id, at.purchase.basis, at.on,
			r.Body.(*program.Referral).Qualify.Over)
	}
	ev.place(out)
	return out
}

// qualifies returns the source at whose time a referral pays, or why it does not.
func (ev *evaluation) qualifies(s, first *source, b *program.Referral) (*source, string) {
	referee := s.activity.Subject
	switch {
	case s.status != completed:
		return nil, "its status is " + s.status
	case referee == "":
		return nil, "it names nobody who was referred"
	case referee == s.activity.MemberID:
		return nil, "a member cannot refer itself"
	case first != s:
		return nil, fmt.Sprintf("%s was referred before, by %s (%s)", referee, first.activity.MemberID, first.id)
	case b.Qualify == nil:
		return s, ""
	}
	for _, t := range ev.sources {
		if t.purchase == nil || t.memberID != referee || !t.counts() || !t.purchase.basis.GreaterThan(b.Qualify.Over) {
			continue
		}
		days := int(t.on) - int(s.on) // F39
		switch limit := b.Qualify.WithinDays; {
		case t.at.Before(s.at):
			return nil, fmt.Sprintf("%s had bought for more than %s before: %s on %s", referee, b.Qualify.Over, t.id, t.on)
		case limit != nil && (days < 0 || days > *limit):
			return nil, fmt.Sprintf("%s bought for more than %s first on %s (%s), %d days after, not within %d", referee, b.Qualify.Over,
				t.on, t.id, days, *limit)
		}
		return t, ""
	}
	return nil, fmt.Sprintf("%s has not bought for more than %s yet", referee, b.Qualify.Over)
}

// noteUnqualified notes the referrals that pay under no version.
func (ev *evaluation) noteUnqualified() {
	for _, f := range ev.refused {
		if d := ev.decide(f.source, f.rule, f.rule.Reward); f.mayEarn(d) {
			d.refuse(NotQualified, "%s", f.why)
		}
	}
}
