package program

import (
	"fmt"

	"accrue/pipeline/yamlpos"
)

// TierSource says where a member's tier comes from.
type TierSource string

// Sources of tiers.
const (
	TierFromMembers TierSource = "members" // the members export
	TierFromSpend   TierSource = "spend"   // what the member spent before the date (F21)
)

// ladder reads the tiers, where they come from, and the default one.
func (r *reader) ladder(m *yamlpos.Map) {
	r.p.TierFrom = TierFromMembers
	from := m.Get("tier_from")
	s, known := r.OneOf(from, string(TierFromMembers), string(TierFromSpend))
	if known {
		r.p.TierFrom = TierSource(s)
	}
	list, defaultTier := m.Get("tiers"), m.Get("default_tier")
	before := r.Count()
	r.readTiers(list, known || from == nil && !m.Has("tier_from"))
	r.tiersUnsure = r.tiersUnsure || m.Has("tiers") && list == nil
	if r.p.TierFrom == TierFromSpend && r.Count() == before && !r.tiersUnsure {
		r.needThreshold(from.Pos)
	}
	if len(r.p.Tiers) > 0 {
		r.p.DefaultTier = 0 // F37
	}
	if i, ok := r.tier(defaultTier); ok {
		r.p.DefaultTier = i
	}
}

// needThreshold refuses tiers from spend that no spend can change.
func (r *reader) needThreshold(at Pos) {
	for _, t := range r.p.Tiers {
		if t.Over != nil {
			return
		}
	}
	const hint = "write tiers: [{id: silver}, {id: gold, over: 50000, within_days: 365}]"
	if len(r.p.Tiers) == 0 {
		r.Fault(at, hint, "tier_from: spend, and the program has no tiers")
		return
	}
	r.Fault(at, hint, "tier_from: spend, and no tier says over which spend it begins")
}

// readTiers reads the list. Where it is not known what tiers come from, thresholds are not judged.
func (r *reader) readTiers(list *yamlpos.Node, sourceKnown bool) {
	r.tiers = map[string]int{}
	items, ok := r.List(list)
	r.tiersUnsure = list != nil && !ok
	for _, it := range items {
		tm := r.Map(it, "write a tier as {id: gold}")
		idNode := tm.Need("id", "write a tier as {id: gold}")
		id := r.tierID(idNode)
		tier := Tier{Pos: it.Pos, ID: id}
		r.tierThreshold(tm, &tier, sourceKnown)
		tm.Close()
		if id == "" {
			r.tiersUnsure = true
			continue
		}
		if _, twice := r.tiers[id]; twice {
			r.Fault(idNode.Pos, "name it once", "the tier %s is there twice", yamlpos.Quote(id))
			continue
		}
		r.tiers[id] = len(r.p.Tiers)
		r.p.Tiers = append(r.p.Tiers, tier)
	}
}

// tierThreshold reads over which spend a tier begins, and within how many days it must be spent.
func (r *reader) tierThreshold(m *yamlpos.Map, t *Tier, sourceKnown bool) {
	over, days := m.Get("over"), m.Get("within_days")
	if sourceKnown && r.p.TierFrom == TierFromMembers {
		for _, n := range []*yamlpos.Node{over, days} {
			if n != nil {
				r.Fault(n.Pos, "write tier_from: spend beside the tiers, or leave it out and deliver the tier with the members",
					"%s belongs to tier_from: spend", n.Name)
			}
		}
		return
	}
	if v, ok := r.number(over, "over", bounds{places: spendPlaces, placesHint: spendHint}); ok {
		t.Over = &v
	}
	if v, ok := r.Int(days, 1, maxDays); ok {
		t.WithinDays = ptr(int(v))
	}
	if days != nil && !m.Has("over") {
		r.Fault(days.Pos, "write what must be spent in these days: over: 50000", "within_days without over")
	}
}

// warnTiers names tiers from spend that no member can ever be in: whoever is over their threshold is over that of a
// higher one too.
func (p *Program) warnTiers() Faults {
	if p.TierFrom != TierFromSpend {
		return nil
	}
	var found Faults
	for i, t := range p.Tiers {
		for _, higher := range p.Tiers[i+1:] {
			if why := alwaysAbove(t, higher); why != "" {
				found = append(found, p.faultAt(t.Pos, "", "tiers go from low to high: the highest that is reached counts",
					fmt.Sprintf("no member can ever be %s: %s", t.ID, why)))
				break
			}
		}
	}
	return found
}

// alwaysAbove says why whoever reaches a tier reaches the higher one too; "" where that need not be.
func alwaysAbove(t, higher Tier) string {
	span := func(t Tier) string {
		if t.WithinDays == nil {
			return ""
		}
		return " within " + count(*t.WithinDays, "day")
	}
	switch {
	case higher.Over == nil:
		return fmt.Sprintf("%s comes after it and has no threshold", higher.ID)
	case t.Over == nil || higher.Over.GreaterThan(*t.Over):
		return ""
	case higher.WithinDays == nil || t.WithinDays != nil && *t.WithinDays <= *higher.WithinDays:
		return fmt.Sprintf("%s comes after it and begins over %s%s, it over %s%s", higher.ID, higher.Over, span(higher), t.Over, span(t))
	}
	return ""
}

// RestingTier returns the tier of a member who spent nothing, in a program with tiers from spend: the highest without a
// threshold, else the default one. -1 without tiers.
func (p *Program) RestingTier() int {
	for i := len(p.Tiers) - 1; i >= 0; i-- {
		if p.Tiers[i].Over == nil {
			return i
		}
	}
	return p.DefaultTier
}

// LooksAtTiers reports whether what the rule pays may depend on the member's tier, by its condition, by its earn or by
// that of the rules that it multiplies.
func (r *Rule) LooksAtTiers() bool {
	if r.When.Tiers != nil {
		return true
	}
	switch b := r.Body.(type) {
	case *Spend:
		return b.Earn.ByTier != nil
	case *Visit:
		return b.Earn.ByTier != nil
	case *Quantity:
		return b.Earn.ByTier != nil
	case *Milestone:
		return b.Earn.ByTier != nil
	}
	return true
}
