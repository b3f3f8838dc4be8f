package reference

import (
	"math/big"

	"accrue/pipeline/program"
)

// earnVisit pays a fixed amount per transaction. Less than min_gap after the member's previous transaction, whether or
// not that one counted as a visit, it is the same visit (F24).
func earnVisit(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	b := r.Body.(*program.Visit)
	if !meetsMinSpend(b.MinSpend, b.Items, s, d) || !hasItems(b.Items, s, d) {
		return nil, ""
	}
	if b.MinGap > 0 && s.previous != nil {
		gap := s.at.Sub(s.previous.at)
		if gap < b.MinGap {
			d.refuse(SameVisit, "%s after %s, less than %s", spanOfTime(gap), s.previous.id, spanOfTime(b.MinGap))
			return nil, ""
		}
		d.holds("min_gap", "%s after %s, at least %s", spanOfTime(gap), s.previous.id, spanOfTime(b.MinGap))
	}
	earn := b.Earn.For(s.tier)
	return earn.Rat(), d.say("one visit pays %s%s", earn, s.rateText(b.Earn))
}
