package program

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

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
		for _, r := range v.AllRules() {
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

// NewFamily puts the versions of one program side by side, in any order, and returns either the family or what does
// not fit together.
func NewFamily(versions []*Program) (*Family, Faults) {
	f := &Family{Versions: slices.Clone(versions)}
	slices.SortFunc(f.Versions, func(a, b *Program) int {
		return cmp.Or(cmp.Compare(a.EffectiveFrom, b.EffectiveFrom), cmp.Compare(a.Version, b.Version), strings.Compare(a.File, b.File))
	})
	var faults Faults
	for i, p := range f.Versions {
		f.ID = p.ID
		if i > 0 {
			faults = append(faults, order(f.Versions[:i], p)...)
			faults = append(faults, unchanged(f.Versions[0], p)...)
		}
	}
	faults = append(faults, f.sameKinds()...)
	if len(faults) > 0 {
		faults.Sort()
		return nil, faults
	}
	return f, nil
}

// Families groups programs by id, in byte order of their ids.
func Families(programs []*Program) ([]*Family, Faults) {
	byID := map[string][]*Program{}
	var ids []string
	for _, p := range programs {
		if byID[p.ID] == nil {
			ids = append(ids, p.ID)
		}
		byID[p.ID] = append(byID[p.ID], p)
	}
	sort.Strings(ids)
	var families []*Family
	var faults Faults
	for _, id := range ids {
		f, found := NewFamily(byID[id])
		faults = append(faults, found...)
		families = append(families, f)
	}
	if len(faults) > 0 {
		faults.Sort()
		return nil, faults
	}
	return families, nil
}

// order checks that a version takes effect after the earlier ones and has a greater number.
func order(earlier []*Program, p *Program) Faults {
	last := earlier[len(earlier)-1]
	for _, o := range earlier {
		if o.Version == p.Version {
			return Faults{p.fault("version", "give each version a number of its own",
				fmt.Sprintf("version %d of program %s is also in %s", p.Version, p.ID, o.File))}
		}
	}
	switch {
	case last.EffectiveFrom == p.EffectiveFrom:
		return Faults{p.fault("effective_from", "versions follow each other: choose another date for one of them",
			fmt.Sprintf("version %d of program %s takes effect on %s too (%s)", last.Version, p.ID, last.EffectiveFrom, last.File))}
	case last.Version > p.Version:
		return Faults{p.fault("version", "count versions in the order of their effective_from",
			fmt.Sprintf("version %d takes effect on %s, after version %d on %s (%s)", p.Version, p.EffectiveFrom, last.Version, last.EffectiveFrom, last.File))}
	}
	return nil
}

// unchanged checks what must be the same in all versions (F43).
func unchanged(first, p *Program) Faults {
	clock := func(p *Program) string {
		return fmt.Sprintf("%02d:%02d", int(p.DayStartsAt.Hours()), int(p.DayStartsAt.Minutes())%60)
	}
	var faults Faults
	for _, k := range []struct{ key, is, was string }{
		{"time_zone", p.TimeZone, first.TimeZone}, {"day_starts_at", clock(p), clock(first)},
		{"day", string(p.Day), string(first.Day)}, {"currency", p.Currency, first.Currency},
	} {
		if k.is != k.was {
			faults = append(faults, p.fault(k.key, "it is the same in all versions: earlier grants depend on it",
				fmt.Sprintf("%s is %s here and %s in version %d (%s)", k.key, orNone(k.is), orNone(k.was), first.Version, first.File)))
		}
	}
	return faults
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// sameKinds checks that no rule id is a multiplier in one version and another kind in another: the rule's grants
// would follow from themselves.
func (f *Family) sameKinds() Faults {
	var faults Faults
	first := map[string]*Rule{}
	for _, p := range f.Versions {
		for _, r := range p.Rules {
			o := first[r.ID]
			if o == nil {
				first[r.ID] = r
			} else if (o.Kind == KindMultiplier) != (r.Kind == KindMultiplier) {
				faults = append(faults, p.faultAt(r.Pos, r.ID, "give the new rule another id",
					fmt.Sprintf("%s is a %s here and a %s at %s", r.ID, r.Kind, o.Kind, o.Pos)))
			}
		}
	}
	return faults
}

// fault makes a fault at a key of the file's top level, or at its start where the key is not there.
func (p *Program) fault(key, hint, message string) Fault {
	pos := Pos{File: p.File, Line: 1, Column: 1}
	if p.doc != nil {
		pos = p.doc.Root.Pos
		if n := p.doc.Root.Get(key); n != nil {
			pos = n.Pos
		}
	}
	return p.faultAt(pos, "", hint, message)
}

func (p *Program) faultAt(pos Pos, rule, hint, message string) Fault {
	if p.doc == nil {
		return Fault{Pos: pos, Rule: rule, Message: message, Hint: hint}
	}
	return p.doc.Fault(pos, rule, message, hint)
}
