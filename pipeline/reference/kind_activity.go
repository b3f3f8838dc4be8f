package reference

import (
	"math/big"
	"slices"

	"accrue/pipeline/program"
)

// concernsActivity: a rule looks only at activities of its own types.
func concernsActivity(r *program.Rule, s *source) bool {
	return slices.Contains(r.Body.(*program.Activity).On, s.activity.Type)
}

// earnActivity pays by subject where the subject is listed, else `earn` or the row's own value, else nothing (F28,
// F29).
func earnActivity(r *program.Rule, s *source, d *Decision) (*big.Rat, string) {
	b := r.Body.(*program.Activity)
	for _, by := range b.BySubject {
		if by.Subject == s.activity.Subject {
			earn := by.Earn.For(s.tier)
			return earn.Rat(), d.say("%s with subject %s pays %s%s", s.activity.Type, by.Subject, earn, s.rateText(by.Earn))
		}
	}
	switch {
	case b.Value:
		// Only a number as F49 has them earns: what accrue could not read as an amount is not paid.
		earn, reason := parseNumber(s.activity.Value)
		switch {
		case reason != "":
			return new(big.Rat), d.say("the row's value %q is no number (%s) and pays nothing", s.activity.Value, reason)
		case earn.IsNegative():
			return new(big.Rat), d.say("the row's value %s is below zero and pays nothing", earn)
		}
		return earn.Rat(), d.say("the row's value pays %s", earn)
	case b.Earn != nil:
		earn := b.Earn.For(s.tier)
		return earn.Rat(), d.say("one %s pays %s%s", s.activity.Type, earn, s.rateText(*b.Earn))
	}
	if s.activity.Subject == "" {
		return new(big.Rat), "it has no subject, and the rule pays by subject"
	}
	return new(big.Rat), d.say("subject %q is not listed", s.activity.Subject)
}
