package reference

import (
	"slices"
	"sort"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// members answers what is known of a member on a business date.
type members map[string][]Member // by id, in order of delivery

func indexMembers(rows []Member) members {
	out := members{}
	for _, m := range rows {
		out[m.ID] = append(out[m.ID], m)
	}
	for _, versions := range out {
		sort.Slice(versions, func(i, j int) bool { return versions[i].Delivery < versions[j].Delivery })
	}
	return out
}

// on returns the row that holds for the member on d: that of the newest delivery on or before it, before the first
// delivery the first one. A member that no file names has an empty row.
func (ms members) on(id string, d pipeline.Date) Member {
	versions := ms[id]
	if len(versions) == 0 {
		return Member{ID: id}
	}
	holds := versions[0]
	for _, m := range versions[1:] {
		if m.Delivery <= d {
			holds = m
		}
	}
	if holds.Delivery > d {
		holds.Closed = false // F36: a first row that says closed does not close the time before it
	}
	return holds
}

// tierOf returns the index of a member's tier in the version's list; an empty or unknown one is the default tier (F37).
func tierOf(p *program.Program, m Member) int {
	if i := slices.IndexFunc(p.Tiers, func(t program.Tier) bool { return t.ID == m.Tier }); i >= 0 {
		return i
	}
	return p.DefaultTier
}

// tierName returns a tier's id for people.
func tierName(p *program.Program, tier int) string {
	if tier < 0 || tier >= len(p.Tiers) {
		return "none"
	}
	return p.Tiers[tier].ID
}

// joinedOn returns the date of joining: a joined_at with a time becomes a business date of the program (F39). ok is
// false where it is empty.
func (c clock) joinedOn(m Member) (d pipeline.Date, ok bool) {
	if m.JoinedAt == nil {
		return 0, false
	}
	if m.JoinedAt.Form&pipeline.FormDateOnly != 0 {
		return pipeline.DateOf(instant(*m.JoinedAt, time.UTC)), true
	}
	_, d = c.place(*m.JoinedAt, c.zone)
	return d, true
}
