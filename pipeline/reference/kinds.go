package reference

import (
	"math/big"
	"slices"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// kind is how rules of one kind earn. Of earn and extra one is set.
type kind struct {
	// source is the type of sources that rules of this kind look at; empty for both.
	source pipeline.SourceType
	// concerns reports, where it is set, whether the rule looks at the source at all.
	concerns func(r *program.Rule, s *source) bool
	// earn holds min_spend, items and the kind's own conditions against an otherwise eligible source and returns the
	// exact amount, with its arithmetic; nil where one does not hold, which it has noted in the decision.
	earn func(r *program.Rule, s *source, d *Decision) (*big.Rat, string)
	// once is set where a source may earn at several times, of which only the earliest stands: it names the limit that
	// refuses the others.
	once pipeline.Period
	// extra returns what the rule adds to the amounts that other rules granted for one source, by reward.
	extra func(r *program.Rule, s *source, granted []*grant) []extra
}

// kinds is the table of all kinds of rules: a new one is a file and a line here.
var kinds = map[program.Kind]kind{
	program.KindSpend:      {source: pipeline.SourceTransaction, earn: earnSpend},
	program.KindVisit:      {source: pipeline.SourceTransaction, earn: earnVisit},
	program.KindQuantity:   {source: pipeline.SourceTransaction, earn: earnQuantity},
	program.KindMilestone:  {source: pipeline.SourceTransaction, earn: earnMilestone},
	program.KindActivity:   {source: pipeline.SourceActivity, concerns: concernsActivity, earn: earnActivity},
	program.KindReferral:   {source: pipeline.SourceActivity, concerns: concernsReferral, earn: earnReferral, once: pipeline.Lifetime},
	program.KindGiftCode:   {source: pipeline.SourceActivity, concerns: concernsGiftCode, earn: earnGiftCode},
	program.KindBirthday:   {source: pipeline.SourceBirthday, concerns: concernsBirthday, earn: earnBirthday, once: pipeline.PerYear},
	program.KindMultiplier: {extra: multiply},
}

// Kinds returns the kinds of rules that the reference can evaluate, sorted.
func Kinds() []program.Kind {
	var out []program.Kind
	for k := range kinds {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// isExtra reports whether the grant builds on those of other rules.
func (g *grant) isExtra() bool { return kinds[g.rule.Kind].extra != nil }

// looksAt reports whether a rule of a version looks at a source at all; if not, there is no decision to explain.
func looksAt(v *program.Program, r *program.Rule, s *source) bool {
	k := kinds[r.Kind]
	if s.only != "" && k.extra == nil {
		return r.ID == s.only
	}
	if k.extra != nil && !concernsMultiplier(v, r, s) {
		return false
	}
	return (k.source == "" || k.source == s.kind) && (k.concerns == nil || k.concerns(r, s))
}

// meetsMinSpend holds min_spend against the spend basis or the qualifying sum.
func meetsMinSpend(m *program.MinSpend, f *program.ItemFilter, s *source, d *Decision) bool {
	if m == nil {
		return true
	}
	spent, what := s.purchase.basis, "spend basis"
	if m.OfItems {
		spent, what = s.purchase.qualifyingSum(f), "qualifying sum"
	}
	if m.AtLeast {
		if spent.LessThan(m.Amount) {
			d.refuse(BelowMinSpend, "%s %s is less than %s", what, spent, m.Amount)
			return false
		}
		d.holds("min_spend", "%s %s is at least %s", what, spent, m.Amount)
		return true
	}
	if !spent.GreaterThan(m.Amount) {
		d.refuse(BelowMinSpend, "%s %s is not more than %s", what, spent, m.Amount)
		return false
	}
	d.holds("min_spend", "%s %s is more than %s", what, spent, m.Amount)
	return true
}

// hasItems holds the condition that at least one line qualifies, where the rule has items.
func hasItems(f *program.ItemFilter, s *source, d *Decision) bool {
	if f == nil {
		return true
	}
	d.judgeLines(f, s.purchase, line.qualifies)
	if !s.purchase.anyQualifies(f) {
		d.refuse(NoQualifyingItems, "%s qualifies", noneOf(s.purchase.lines))
		return false
	}
	return true
}

// rateText names the tier that an amount is for, where it goes by tier.
func (s *source) rateText(e program.Earn) string {
	switch {
	case e.All != nil || s.version == nil:
		return ""
	case s.tier < 0 || s.tier >= len(e.ByTier) || e.ByTier[s.tier] == nil:
		return " (tier " + tierName(s.version, s.tier) + " is left out and earns nothing)"
	}
	return " (tier " + tierName(s.version, s.tier) + ")"
}
