package jobs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/ledger"
	"accrue/pipeline/program"
	"accrue/pipeline/simulate"
	"accrue/pipeline/tell"
)

// SimulateOptions are the arguments of a simulation.
type SimulateOptions struct {
	File     string // of the candidate: a version of a program of the project, or a new program
	From, To pipeline.Date
	Top      int    // members to list on either side
	Parquet  string // file to write everything to; "" for none
	Progress func(what string)
}

// Simulation holds a candidate beside what was granted, by the dates on which it was earned. Amounts are decimal texts.
type Simulation struct {
	Program string   `json:"program"`
	Version int      `json:"version"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Says    []string `json:"says"` // what the candidate pays otherwise than the version that it replaces or follows
	// Rows are the comparison in all and by rule, tier, date and channel.
	Rows   []SimulationRow `json:"rows"`
	Gains  []SimulationRow `json:"gains"`  // the members with the greatest gains
	Losses []SimulationRow `json:"losses"` // and losses
	// Gaining and Losing count members, each once per reward.
	Gaining  int      `json:"gaining"`
	Losing   int      `json:"losing"`
	Warnings []string `json:"warnings"`

	members []SimulationRow
}

// SimulationRow is one line of a comparison.
type SimulationRow struct {
	By         string `json:"by"` // total, rule, tier, date, channel or member
	Key        string `json:"key"`
	Reward     string `json:"reward"`
	Granted    string `json:"granted"`
	Candidate  string `json:"candidate"`
	Difference string `json:"difference"`
}

// Everything lists the rows and all members with a difference.
func (s *Simulation) Everything() []SimulationRow { return append(slices.Clone(s.Rows), s.members...) }

// Simulate answers what a candidate would have granted for what was earned from first to last, beside what was granted.
// The candidate is evaluated over all facts known, with limits, tiers, milestones and budgets as they chain; nothing is
// loaded, and nothing is written to the warehouse.
func (r *Reader) Simulate(ctx context.Context, o SimulateOptions) (*Simulation, error) {
	if o.From > o.To {
		return nil, &hintError{error: fmt.Errorf("from %s to %s there are no dates", o.From, o.To), class: Refused}
	}
	candidate, err := ReadProgram(o.File)
	if err != nil {
		return nil, err
	}
	fam, before, err := r.Project.with(candidate)
	if err != nil {
		return nil, err
	}
	out := &Simulation{Program: fam.ID, Version: candidate.Version, From: o.From.String(), To: o.To.String(), Says: []string{},
		Rows: []SimulationRow{}, Gains: []SimulationRow{}, Losses: []SimulationRow{}, Warnings: []string{}}
	if before != nil {
		out.Says = append(out.Says, tell.Changes(before, candidate)...)
	}
	if candidate.EffectiveFrom > o.To {
		out.Warnings = append(out.Warnings, fmt.Sprintf("the candidate takes effect on %s, after the dates that were asked for: it changes nothing", candidate.EffectiveFrom))
	}
	prev, err := ledger.ReadPrevious(ctx, r.db, fam.ID)
	if err != nil {
		return nil, err
	}
	horizon := o.To
	if prev != nil { // what no run knew was not granted either
		if horizon = prev.Horizon; o.To > horizon {
			out.Warnings = append(out.Warnings, fmt.Sprintf("program %s was run through %s: what came after it is not looked at", fam.ID, horizon))
		}
	}
	if o.Progress != nil {
		o.Progress("working out what the candidate would grant")
	}
	if _, err := evaluate.Run(ctx, r.db, fam, horizon, evaluate.Options{}); err != nil {
		return nil, err
	}
	if err := simulate.Compare(ctx, r.db, fam, o.From, o.To); err != nil {
		return nil, err
	}
	if err := out.read(ctx, r, fam, o.Top); err != nil {
		return nil, err
	}
	if o.Parquet != "" {
		return out, simulate.WriteParquet(ctx, r.db, o.Parquet)
	}
	return out, nil
}

// with puts a candidate into its program: in the place of the version of its number, or beside the others. It returns
// also the version that it is to be compared with, nil for a new program.
func (p *Project) with(candidate *program.Program) (*program.Family, *program.Program, error) {
	families, err := p.Programs()
	if err != nil {
		return nil, nil, err
	}
	versions := []*program.Program{candidate}
	var before *program.Program
	for _, fam := range families {
		if fam.ID != candidate.ID {
			continue
		}
		for _, v := range fam.Versions {
			if v.Version == candidate.Version {
				before = v
				continue
			}
			if before == nil || v.Version < candidate.Version {
				before = v
			}
			versions = append(versions, v)
		}
		if i := slices.IndexFunc(fam.Versions, func(v *program.Program) bool { return v.Version == candidate.Version }); i >= 0 {
			before = fam.Versions[i]
		}
	}
	fam, faults := program.NewFamily(versions)
	if len(faults) > 0 {
		return nil, nil, &FaultsError{faults}
	}
	return fam, before, nil
}

// read takes the comparison over.
func (s *Simulation) read(ctx context.Context, r *Reader, fam *program.Family, top int) error {
	scales := familyScales(fam)
	for k, places := range r.Project.scales() {
		if k[0] == fam.ID {
			scales[k[1]] = max(scales[k[1]], places)
		}
	}
	format := func(reward string, sum pipeline.Sum) string {
		if places, ok := scales[reward]; ok {
			return sum.Format(places)
		}
		return sum.String()
	}
	order := map[string]int{}
	for i, id := range fam.RuleIDs() {
		order[id] = i
	}
	if err := simulate.Rows(ctx, r.db, func(row simulate.Row) error {
		diff := row.Candidate.Minus(row.Granted)
		line := SimulationRow{By: row.By, Key: row.Key, Reward: row.Reward, Granted: format(row.Reward, row.Granted),
			Candidate: format(row.Reward, row.Candidate), Difference: format(row.Reward, diff)}
		if row.By != simulate.ByMember {
			s.Rows = append(s.Rows, line)
			return nil
		}
		s.members = append(s.members, line)
		if strings.HasPrefix(line.Difference, "-") {
			s.Losing++
		} else {
			s.Gaining++
		}
		return nil
	}); err != nil {
		return err
	}
	s.Gains = append(s.Gains, s.members[:min(top, s.Gaining)]...)
	for i := len(s.members) - 1; i >= s.Gaining && len(s.Losses) < top; i-- {
		s.Losses = append(s.Losses, s.members[i])
	}
	place := []string{simulate.ByTotal, simulate.ByRule, simulate.ByTier, simulate.ByDate, simulate.ByChannel}
	slices.SortStableFunc(s.Rows, func(a, b SimulationRow) int {
		by := cmp.Compare(slices.Index(place, a.By), slices.Index(place, b.By))
		if by != 0 || a.By != simulate.ByRule {
			return by
		}
		return cmp.Compare(order[a.Key], order[b.Key])
	})
	return nil
}
