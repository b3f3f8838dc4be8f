package program

import (
	"regexp"
	"slices"
	"time"

	"accrue/pipeline/yamlpos"
)

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

// calendar reads what turns instants into business dates, and the currency.
func (r *reader) calendar(m *yamlpos.Map) {
	p := r.p
	currency := m.Get("currency")
	if s, ok := r.Text(currency); ok && !currencyForm.MatchString(s) {
		r.Fault(currency.Pos, "write an ISO code, such as INR", "currency must be three capital letters, not %s", yamlpos.Quote(s))
	} else if ok {
		p.Currency = s
	}
	p.TimeZone, p.Location = r.zone(m.Get("time_zone"))
	p.DayStartsAt = r.clock(m.Get("day_starts_at"), 24*time.Hour-time.Minute)
	p.Day = DayProgram
	if s, ok := r.OneOf(m.Get("day"), string(DayProgram), string(DayStore)); ok {
		p.Day = DayZone(s)
	}
}

// zone reads a time zone, UTC by default.
func (r *reader) zone(n *yamlpos.Node) (string, *time.Location) {
	name, ok := r.Text(n)
	if !ok {
		return "UTC", time.UTC
	}
	// Local is the machine's zone, and nothing depends on the machine.
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		r.Fault(n.Pos, "write an IANA name, such as Asia/Kolkata or UTC", "unknown time zone %s", yamlpos.Quote(name))
		return "UTC", time.UTC
	}
	return name, loc
}

// ladder reads the tiers and the default one.
func (r *reader) ladder(m *yamlpos.Map) {
	const tierFrom = "members"
	if n := m.Get("tier_from"); n != nil {
		if s, ok := r.Text(n); ok && s == "spend" {
			r.Fault(n.Pos, "write tier_from: members and deliver the tier with the members", "tier_from: spend is not built yet")
		} else if ok && s != tierFrom {
			r.Fault(n.Pos, "write tier_from: members", "tier_from cannot be %s", yamlpos.Quote(s))
		}
	}
	list, defaultTier := m.Get("tiers"), m.Get("default_tier")
	r.readTiers(list)
	r.tiersUnsure = r.tiersUnsure || m.Has("tiers") && list == nil
	if len(r.p.Tiers) > 0 {
		r.p.DefaultTier = 0 // F37
	}
	if i, ok := r.tier(defaultTier); ok {
		r.p.DefaultTier = i
	}
}

func (r *reader) readTiers(list *yamlpos.Node) {
	r.tiers = map[string]int{}
	items, ok := r.List(list)
	r.tiersUnsure = list != nil && !ok
	for _, it := range items {
		tm := r.Map(it, "write a tier as {id: gold}")
		idNode := tm.Need("id", "write a tier as {id: gold}")
		id := r.tierID(idNode)
		for _, key := range []string{"over", "within_days"} {
			if n := tm.Get(key); n != nil {
				r.Fault(n.Pos, "leave it out and deliver the tier with the members", "%s belongs to tier_from: spend, which is not built yet", key)
			}
		}
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
		r.p.Tiers = append(r.p.Tiers, Tier{Pos: it.Pos, ID: id})
	}
}

// tier reads the name of a tier.
func (r *reader) tier(n *yamlpos.Node) (int, bool) {
	s, ok := r.Text(n)
	if !ok {
		return 0, false
	}
	return r.tierNamed(n.Pos, s)
}

func (r *reader) tierNamed(pos Pos, id string) (int, bool) {
	i, known := r.tiers[id]
	switch {
	case known:
		return i, true
	case r.tiersUnsure:
	case len(r.tiers) == 0:
		r.Fault(pos, "list them under tiers", "unknown tier %s: the program has no tiers", yamlpos.Quote(id))
	default:
		names := make([]string, len(r.p.Tiers))
		for i, t := range r.p.Tiers {
			names[i] = t.ID
		}
		r.Fault(pos, yamlpos.Meant(id, names), "unknown tier %s", yamlpos.Quote(id))
	}
	return 0, false
}

// spend reads which parts of the amount are no spend, and what returns do.
func (r *reader) spend(m *yamlpos.Map) {
	sm := r.Map(m.Get("spend"), "write spend: {exclude: [tax, shipping]}")
	if items, ok := r.List(sm.Get("exclude")); ok {
		r.exclude(items)
	}
	sm.Close()
	r.p.Returns = ReturnsRecompute
	if s, ok := r.OneOf(m.Get("returns"), string(ReturnsRecompute), string(ReturnsIgnore)); ok {
		r.p.Returns = ReturnsMode(s)
	}
}

func (r *reader) exclude(items []*yamlpos.Node) {
	known := make([]string, len(Parts))
	for i, part := range Parts {
		known[i] = string(part)
	}
	nodes, _ := r.Distinct(items)
	for _, n := range nodes {
		if !slices.Contains(known, n.Text) {
			r.Fault(n.Pos, yamlpos.Meant(n.Text, known), "%s is no part of an amount", yamlpos.Quote(n.Text))
			continue
		}
		r.p.Exclude = append(r.p.Exclude, Part(n.Text))
	}
	slices.SortFunc(r.p.Exclude, func(a, b Part) int { return slices.Index(Parts, a) - slices.Index(Parts, b) })
}
