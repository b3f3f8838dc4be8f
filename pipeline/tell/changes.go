package tell

import (
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline/program"
)

// Changes says in sentences how the second version of a program differs from the first: what holds for all rules, then
// rule by rule in the order of the second, then the rules that are gone. It is empty where nothing is said otherwise:
// descriptions and comments are not looked at.
func Changes(from, to *program.Program) []string {
	out := frameChanges(from, to)
	for _, r := range to.Rules {
		old := from.RuleByID(r.ID)
		if old == nil {
			out = append(out, fmt.Sprintf("Rule %s is new: %s", r.ID, strings.Join(ruleSentences(to, r), " ")))
			continue
		}
		for _, said := range ruleChanges(from, old, to, r) {
			out = append(out, fmt.Sprintf("Rule %s: %s.", r.ID, said))
		}
	}
	for _, r := range from.Rules {
		if to.RuleByID(r.ID) == nil {
			out = append(out, fmt.Sprintf("Rule %s is gone: %s", r.ID, strings.Join(ruleSentences(from, r), " ")))
		}
	}
	if a, b := common(from, to), common(to, from); !slices.Equal(a, b) {
		out = append(out, fmt.Sprintf("The rules stand in another order, which decides ties: %s instead of %s.", list(b, "and"), list(a, "and")))
	}
	return out
}

// common lists the rules of p that the other version has too, in p's order.
func common(p, other *program.Program) []string {
	var out []string
	for _, r := range p.Rules {
		if other.RuleByID(r.ID) != nil {
			out = append(out, r.ID)
		}
	}
	return out
}

func frameChanges(from, to *program.Program) []string {
	was, is := framePieces(from), framePieces(to)
	index := func(list []framePiece, key string) int {
		return slices.IndexFunc(list, func(p framePiece) bool { return p.key == key })
	}
	has := func(list []framePiece, topic string) bool {
		return slices.ContainsFunc(list, func(p framePiece) bool { return p.topic == topic })
	}
	var out []string
	whole := map[string]bool{} // rewards that are new or gone, which are told at once
	for _, p := range is {
		i := index(was, p.key)
		switch {
		case p.isReward && !has(was, p.topic):
			if !whole[p.topic] {
				out = append(out, fmt.Sprintf("%s is new: %s.", p.topic, topicWords(is, p.topic)))
			}
			whole[p.topic] = true
		case i < 0:
			out = append(out, fmt.Sprintf("%s: now %s.", p.topic, p.words))
		case was[i].words != p.words:
			out = append(out, fmt.Sprintf("%s: %s instead of %s.", p.topic, p.words, was[i].words))
		}
	}
	for _, p := range was {
		switch {
		case p.isReward && !has(is, p.topic):
			if !whole[p.topic] {
				out = append(out, p.topic+" is gone.")
			}
			whole[p.topic] = true
		case index(is, p.key) < 0:
			out = append(out, fmt.Sprintf("%s: no longer %s.", p.topic, p.words))
		}
	}
	return out
}

// topicWords joins all that is said under a topic.
func topicWords(pieces []framePiece, topic string) string {
	var words []string
	for _, p := range pieces {
		if p.topic == topic {
			words = append(words, p.words)
		}
	}
	return list(words, "and")
}

// ruleChanges says what one rule says otherwise, in words.
func ruleChanges(from *program.Program, old *program.Rule, to *program.Program, r *program.Rule) []string {
	if old.Kind != r.Kind {
		return []string{changedKind(old.Kind, r.Kind) + ": " + strings.TrimSuffix(strings.Join(ruleSentences(to, r), " "), ".")}
	}
	was, is := ruleWords(from, old), ruleWords(to, r)
	out := earningChanges(was.earnings, is.earnings, tierIDs(from, to))
	if was.what != is.what {
		out = append(out, is.what+" instead of "+was.what)
	}
	index := func(list []piece, key string) int {
		return slices.IndexFunc(list, func(p piece) bool { return p.key == key })
	}
	for _, p := range is.pieces {
		i := index(was.pieces, p.key)
		switch {
		case i < 0:
			out = append(out, "now "+p.words)
		case was.pieces[i].words != p.words:
			out = append(out, p.words+" instead of "+was.pieces[i].words)
		}
	}
	for _, p := range was.pieces {
		if index(is.pieces, p.key) < 0 {
			out = append(out, "no longer "+p.words)
		}
	}
	return out
}

// tierIDs lists the tiers of both versions, low to high, those of the second first.
func tierIDs(from, to *program.Program) []string {
	var out []string
	for _, p := range []*program.Program{to, from} {
		for _, t := range p.Tiers {
			if !slices.Contains(out, t.ID) {
				out = append(out, t.ID)
			}
		}
	}
	return out
}

// earningChanges holds who earns what against each other, tier by tier where one side goes by tier.
func earningChanges(was, is []earning, tiers []string) []string {
	var conds []string
	for _, e := range append(slices.Clone(is), was...) {
		if !slices.Contains(conds, e.cond) {
			conds = append(conds, e.cond)
		}
	}
	var out []string
	for _, cond := range conds {
		type change struct {
			words string
			tiers []string
		}
		var changes []change
		for _, tier := range tiersOf(was, is, cond, tiers) {
			words := earningChange(find(was, cond, tier), find(is, cond, tier))
			if words == "" {
				continue
			}
			if i := slices.IndexFunc(changes, func(c change) bool { return c.words == words }); i >= 0 {
				changes[i].tiers = append(changes[i].tiers, tier)
			} else {
				changes = append(changes, change{words, []string{tier}})
			}
		}
		for _, c := range changes {
			out = append(out, strings.TrimSuffix(fmt.Sprintf("%s %s %s", whoWords(c.tiers), c.words, cond), " "))
		}
	}
	return out
}

// tiersOf lists what to compare for a condition: every tier where one side has tiers, else all members as one.
func tiersOf(was, is []earning, cond string, tiers []string) []string {
	for _, e := range append(slices.Clone(was), is...) {
		if e.cond == cond && e.tier != "" {
			return tiers
		}
	}
	return []string{""}
}

// find returns what a tier earns under a condition; nothing where it is not told.
func find(earnings []earning, cond, tier string) earning {
	for _, e := range earnings {
		if e.cond == cond && (e.tier == tier || e.tier == "") {
			return e
		}
	}
	return earning{}
}

// earningChange says what is earned otherwise; empty where it is the same.
func earningChange(was, is earning) string {
	switch {
	case was.what() == is.what():
		return ""
	case was.what() == "nothing":
		return "now earn " + is.what()
	case is.what() == "nothing":
		return "no longer earn " + was.what()
	case was.amount != nil && is.amount != nil && was.unit == is.unit:
		return "earn " + is.what() + " instead of " + padded(*was.amount, was.unit.places)
	}
	return "earn " + is.what() + " instead of " + was.what()
}
