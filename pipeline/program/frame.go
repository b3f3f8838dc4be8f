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
