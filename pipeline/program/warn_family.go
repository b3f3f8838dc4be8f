package program

import "fmt"

// WarningsOf returns the warnings of version i, with those that follow from the versions beside it, in the order of
// their places.
func (f *Family) WarningsOf(i int) []Warning {
	p, span := f.Versions[i], f.Span(i)
	var found Faults
	for _, w := range p.Warnings {
		found = append(found, Fault(w))
	}
	for _, r := range p.Rules {
		if r.Active.From > span.Until {
			next := f.Versions[i+1]
			found = append(found, p.faultAt(r.Pos, r.ID, fmt.Sprintf("write it into version %d too, or correct the dates", next.Version),
				fmt.Sprintf("no member can ever earn by it: it begins on %s, and version %d takes over on %s", r.Active.From, next.Version, next.EffectiveFrom)))
		}
	}
	found.Sort()
	var out []Warning
	for _, w := range found {
		out = append(out, Warning(w))
	}
	return out
}
