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
		if gap := s.at.Sub(s.previous.at); gap < b.MinGap {
			d.refuse(SameVisit, "%s after %s, less than %s", gap, s.previous.id, b.MinGap)
			return nil, ""
		}
	}
	earn := b.Earn.For(s.tier)
	return earn.Rat(), d.say("one visit pays %s", earn)
}
