package program

import (
	"github.com/shopspring/decimal"

	"accrue/pipeline/yamlpos"
)

// earn reads an amount or a map of amounts by tier.
func (r *reader) earn(n *yamlpos.Node) Earn {
	if n == nil {
		return Earn{}
	}
	out := Earn{Pos: n.Pos}
	if n.Kind != yamlpos.Mapping {
		if n.Text == byValue && n.Kind == yamlpos.Text {
			r.Fault(n.Pos, "only the earn of an activity rule can be the word value", "%s must be a number, not %q", n.Name, n.Text)
			return out
		}
		if v, ok := r.number(n, n.Name, rate()); ok {
			out.All = &v
		}
		return out
	}
	if m := r.Map(n, ""); m == nil {
		return out
	}
	if len(r.tiers) == 0 && !r.tiersUnsure {
		r.Fault(n.Pos, "list the tiers under tiers, or write one number", "%s goes by tier, and the program has no tiers", n.Name)
		return out
	}
	out.ByTier = make([]*decimal.Decimal, len(r.p.Tiers))
	for _, e := range n.Entries {
		tier, known := r.tierNamed(e.KeyPos, e.Key)
		if v, ok := r.number(e.Value, n.Name+" of "+e.Value.Name, rate()); ok && known {
			out.ByTier[tier] = &v
		}
	}
	return out
}

// needEarn reads the earn that a rule must have.
func (r *ruleReader) needEarn() Earn {
	return r.earn(r.m.Need("earn", "write how much it pays: earn: 1"))
}

// needPer reads the step that a rule pays for.
func (r *ruleReader) needPer(hint string) decimal.Decimal {
	n := r.m.Need("per", hint)
	v, _ := r.number(n, "per", bounds{above: true, tooLittle: hint, places: ratePlaces, placesHint: rateHint})
	return v
}

func (r *ruleReader) minSpend() *MinSpend {
	n := r.m.Get("min_spend")
	if n == nil {
		return nil
	}
	const hint = "write 500 or {over: 500} for more than 500, {at_least: 500} for 500 and more"
	out := &MinSpend{Pos: n.Pos}
	b := bounds{places: spendPlaces, placesHint: spendHint}
	if n.Kind != yamlpos.Mapping {
		out.Amount, _ = r.number(n, n.Name, b)
		return out
	}
	m := r.Map(n, hint)
	if m == nil {
		return nil
	}
	over, atLeast := m.Get("over"), m.Get("at_least")
	switch {
	case over != nil && atLeast != nil:
		r.Fault(atLeast.Pos, "keep one of them", "min_spend has both over and at_least")
	case atLeast != nil:
		out.AtLeast = true
		out.Amount, _ = r.number(atLeast, "at_least", b)
	case over != nil:
		out.Amount, _ = r.number(over, "over", b)
	case !m.Has("over") && !m.Has("at_least"):
		r.Fault(n.Pos, hint, "min_spend has neither over nor at_least")
	}
	of, _ := r.OneOf(m.Get("of"), "items")
	out.OfItems = of == "items"
	m.Close()
	return out
}

func (r *ruleReader) items() *ItemFilter {
	n := r.m.Get("items")
	const hint = "write items: {include: {category: [spa]}}"
	m := r.Map(n, hint)
	if m == nil {
		return nil
	}
	out := &ItemFilter{Include: r.itemMatch(m.Get("include")), Exclude: r.itemMatch(m.Get("exclude"))}
	m.Close()
	return out
}

func (r *ruleReader) itemMatch(n *yamlpos.Node) ItemMatch {
	var out ItemMatch
	m := r.Map(n, "write {category: [spa]}, {brand: [..]} or {item_id: [..]}")
	out.ItemIDs, _ = r.Texts(m.Get("item_id"))
	out.Categories, _ = r.Texts(m.Get("category"))
	out.Brands, _ = r.Texts(m.Get("brand"))
	m.Close()
	return out
}
