package program

import (
	"sort"

	"accrue/pipeline"
)

// Family is a program with all its versions, ordered by the date that they take effect. Zone, day start, day and
// currency are the same in all of them (F43).
type Family struct {
	ID       string
	Versions []*Program
}

// InForce returns the index of the version in force on d, or -1 before the first.
func (f *Family) InForce(d pipeline.Date) int {
	return sort.Search(len(f.Versions), func(i int) bool { return f.Versions[i].EffectiveFrom > d }) - 1
}

// Span returns the dates on which version i is in force, both inclusive.
func (f *Family) Span(i int) Span {
	until := pipeline.MaxDate
	if i+1 < len(f.Versions) {
		until = f.Versions[i+1].EffectiveFrom - 1
	}
	return Span{From: f.Versions[i].EffectiveFrom, Until: until}
}

// RuleIDs returns the ids of all rules of all versions: a rule keeps its identity by its id. They come in the order
// of first appearance, rules of other kinds before multipliers.
func (f *Family) RuleIDs() []string {
	var base, multipliers []string
	seen := map[string]bool{}
	for _, v := range f.Versions {
		for _, r := range v.Rules {
			if seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			if r.Kind == KindMultiplier {
				multipliers = append(multipliers, r.ID)
			} else {
				base = append(base, r.ID)
			}
		}
	}
	return append(base, multipliers...)
}
