package reference

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// limit returns what the grant's own version allows for a period (F6), nil where it says nothing.
func (g *grant) limit(p pipeline.Period) *program.Limit {
	for i := range g.rule.Limits.Periods {
		if l := &g.rule.Limits.Periods[i]; l.Period == p {
			return l
		}
	}
	return nil
}

// way is how a version ranks the sources of a rule: each source is ranked in the way its own version says, among all
// sources of the rule (F6, F32).
type way struct{ perSubject, highest bool }

func (g *grant) way() way {
	return way{g.rule.Limits.PerSubject, g.rule.Limits.Highest}
}

// compare is the order of ranks and running sums: (occurred_at, source id), with `pick: highest` the amount that step
// 4 left before them, largest first.
func (w way) compare(a, b *grant) int {
	if w.highest {
		return cmp.Or(b.ranked.Cmp(a.ranked), compareSources(a.source, b.source))
	}
	return compareSources(a.source, b.source)
}

// queues parts the grants of one rule by member and period, and with per_subject by subject, each part in order.
func (w way) queues(grants []*grant, p pipeline.Period) [][]*grant {
	type part struct {
		member  string
		start   pipeline.Date
		subject string
	}
	parts := map[part][]*grant{}
	for _, g := range grants {
		k := part{member: g.memberID, start: p.Start(g.on)}
		if w.perSubject {
			k.subject = g.subject() // sources without subject share the empty one
		}
		parts[k] = append(parts[k], g)
	}
	out := make([][]*grant, 0, len(parts))
	for _, q := range parts {
		slices.SortFunc(q, w.compare)
		out = append(out, q)
	}
	return out
}

// waysOf returns the ways of all grants, each once.
func waysOf(grants []*grant) []way {
	var out []way
	for _, g := range grants {
		if !slices.Contains(out, g.way()) {
			out = append(out, g.way())
		}
	}
	return out
}

// withLimits takes the grants of each rule through steps 5 to 7. A rule keeps its identity by its id over all
// versions. A multiplier has a source per reward (F14), so that it counts each reward by itself.
func (ev *evaluation) withLimits(grants []*grant) []*grant {
	type rule struct{ id, reward string }
	byRule := map[rule][]*grant{}
	var order []rule
	for _, g := range grants {
		k := rule{id: g.rule.ID}
		if g.isExtra() {
			k.reward = g.reward.ID
		}
		if byRule[k] == nil {
			order = append(order, k)
		}
		byRule[k] = append(byRule[k], g)
	}
	var budgets []rule
	atBudget := map[rule][]*grant{} // referrers and referees of a rule share its budget (F9)
	for _, k := range order {
		left := byRule[k]
		for _, p := range pipeline.Periods[1:] { // shortest first; per_transaction was step 3
			left = withTimes(left, p)
		}
		left = withCodes(left)
		for _, p := range pipeline.Periods[1:] {
			left = withAmount(left, p)
		}
		k.id = program.ReferrerOf(k.id)
		if _, known := atBudget[k]; !known {
			budgets = append(budgets, k)
		}
		atBudget[k] = append(atBudget[k], left...)
	}
	var out []*grant
	for _, k := range budgets {
		out = append(out, withBudget(atBudget[k])...)
	}
	return out
}

// withTimes is step 5 for one period: of what is left, those past N in their queue drop out.
func withTimes(grants []*grant, p pipeline.Period) []*grant {
	dropped := map[*grant]bool{}
	for _, w := range waysOf(grants) {
		for _, queue := range w.queues(grants, p) {
			for i, g := range queue {
				l := g.limit(p)
				if g.way() != w || l == nil || l.Times == nil {
					continue
				}
				if i >= *l.Times {
					dropped[g] = true
					g.decision.refuse(TimesLimit+string(p), "%s%s: %s%s, %d allowed%s", p, inPeriod(p, g.on), ordinal(i+1),
						w.byAmount(), *l.Times, g.decision.cameFirst(queue[:i], w))
				} else {
					g.decision.step("times:"+string(p), g.amount, "%s%s: %s%s of %d", p, inPeriod(p, g.on), ordinal(i+1), w.byAmount(), *l.Times)
				}
			}
		}
	}
	return without(grants, dropped)
}

// withAmount is step 6 for one period: with S the running sum of what the step before left, a source keeps
// min(cap, S) − min(cap, S − own).
func withAmount(grants []*grant, p pipeline.Period) []*grant {
	after := map[*grant]decimal.Decimal{}
	for _, w := range waysOf(grants) {
		for _, queue := range w.queues(grants, p) {
			sum := decimal.Zero
			for _, g := range queue {
				sum = sum.Add(g.amount)
				if l := g.limit(p); g.way() == w && l != nil && l.Amount != nil {
					after[g] = kept(g.amount, sum, *l.Amount)
					g.decision.step("amount:"+string(p), after[g], "%s %s%s: %s", p, l.Amount, inPeriod(p, g.on), g.capText(sum, after[g]))
				}
			}
		}
	}
	return take(grants, after, AmountLimit+string(p))
}

// withBudget is step 7: in order of (occurred_at, source id) over all members, same formula. Of a referral the referrer
// comes before the referee; where one multiplier has both of them, their ids decide.
func withBudget(grants []*grant) []*grant {
	queue := slices.Clone(grants)
	slices.SortFunc(queue, func(a, b *grant) int {
		return cmp.Or(way{}.compare(a, b), strings.Compare(a.rule.ID, b.rule.ID), strings.Compare(a.memberID, b.memberID))
	})
	after := map[*grant]decimal.Decimal{}
	sum := decimal.Zero
	for _, g := range queue {
		sum = sum.Add(g.amount)
		if b := g.rule.Budget; b != nil {
			after[g] = kept(g.amount, sum, *b)
			g.decision.step("budget", after[g], "budget %s: %s", b, g.capText(sum, after[g]))
		}
	}
	return take(grants, after, OverBudget)
}

// withProgramLimits is step 9: per member and reward, over all rules' amounts, shortest period first.
func (ev *evaluation) withProgramLimits(grants []*grant) []*grant {
	for _, p := range pipeline.Periods {
		type part struct {
			member, reward string
			start          pipeline.Date
			source         sourceKey // per_transaction is one source
		}
		parts := map[part][]*grant{}
		for _, g := range grants {
			k := part{member: g.memberID, reward: g.reward.ID}
			if p == pipeline.PerTransaction {
				k.source = g.key()
			} else {
				k.start = p.Start(g.on)
			}
			parts[k] = append(parts[k], g)
		}
		after := map[*grant]decimal.Decimal{}
		for _, queue := range parts {
			slices.SortFunc(queue, compareForProgram)
			sum := decimal.Zero
			for _, g := range queue {
				sum = sum.Add(g.amount)
				for _, l := range g.version.Limits {
					if l.Period == p && l.Reward.ID == g.reward.ID {
						after[g] = kept(g.amount, sum, l.Amount)
						g.decision.step("program:"+string(p), after[g], "program %s %s%s: %s",
							p, l.Amount, inPeriod(p, g.on), g.capText(sum, after[g]))
					}
				}
			}
		}
		grants = take(grants, after, OverProgramLimit+string(p))
	}
	return grants
}

// compareForProgram orders the amounts of all rules: (occurred_at, source id, source type), rules before multipliers,
// place in the file (F33).
func compareForProgram(a, b *grant) int {
	multiplier := func(g *grant) int {
		if g.isExtra() {
			return 1
		}
		return 0
	}
	return cmp.Or(compareSources(a.source, b.source), cmp.Compare(multiplier(a), multiplier(b)),
		cmp.Compare(a.rule.Place, b.rule.Place), strings.Compare(a.rule.ID, b.rule.ID))
}

// take sets the amounts after a step and drops the grants of which nothing is left.
func take(grants []*grant, after map[*grant]decimal.Decimal, reason string) []*grant {
	dropped := map[*grant]bool{}
	for g, amount := range after {
		g.amount = amount
		if amount.IsZero() {
			dropped[g] = true
			g.decision.refuse(reason, "%s", g.decision.lastText())
		}
	}
	return without(grants, dropped)
}

func without(grants []*grant, dropped map[*grant]bool) []*grant {
	if len(dropped) == 0 {
		return grants
	}
	return slices.DeleteFunc(slices.Clone(grants), func(g *grant) bool { return dropped[g] })
}
