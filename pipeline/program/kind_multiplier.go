package program

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline/yamlpos"
)

// KindMultiplier pays an extra on other rules' grants.
const KindMultiplier Kind = "multiplier"

// Multiplier adds granted × (Factor − 1) to what the rules in Of were granted.
type Multiplier struct {
	Of     []string        // rule ids of this version, none of them a multiplier
	Factor decimal.Decimal // > 1
}

// Kind returns KindMultiplier.
func (*Multiplier) Kind() Kind { return KindMultiplier }

func readMultiplier(r *ruleReader) Body {
	m := &Multiplier{}
	list := r.m.Need("of", "write the ids of the rules that it multiplies: of: [base]")
	items, _ := r.Items(list, "name the rules that it multiplies: of: [base]")
	nodes, _ := r.Distinct(items)
	for _, n := range nodes {
		if r.multiplied(n) {
			m.Of = append(m.Of, n.Text)
		}
	}
	const hint = "write factor: 2 to pay as much again"
	m.Factor, _ = r.number(r.m.Need("factor", hint), "factor", bounds{least: decimal.NewFromInt(1), above: true, tooLittle: hint,
		places: ratePlaces, placesHint: rateHint})
	return m
}

// multiplied checks one rule that a multiplier names, and notes what that rule pays in.
func (r *ruleReader) multiplied(n *yamlpos.Node) bool {
	head, known := r.rules[n.Text]
	base, isReferee := strings.CutSuffix(n.Text, refereeSuffix)
	switch {
	case known && head.kind == string(KindMultiplier):
		r.Fault(n.Pos, "name the rules that it multiplies", "%s is a multiplier; a multiplier of a multiplier is not possible", yamlpos.Quote(n.Text))
		return false
	case !known && isReferee && r.rules[base].referees:
		head = r.rules[base]
	case !known && isReferee && r.rules[base].kind == string(KindReferral):
		r.Fault(n.Pos, "give it a referee_earn, or name "+base, "%s pays referees nothing", yamlpos.Quote(base))
		return false
	case !known:
		names := make([]string, 0, len(r.rules))
		for id, h := range r.rules {
			if h.kind != string(KindMultiplier) {
				names = append(names, id)
			}
			if h.referees {
				names = append(names, id+refereeSuffix)
			}
		}
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(r.rules[ReferrerOf(a)].place-r.rules[ReferrerOf(b)].place, strings.Compare(a, b))
		})
		r.Fault(n.Pos, yamlpos.Meant(n.Text, names), "unknown rule %s", yamlpos.Quote(n.Text))
		return false
	}
	if head.reward != nil && !slices.Contains(r.rewards, head.reward) {
		r.rewards = append(r.rewards, head.reward)
	}
	return true
}
