package jobs

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/program"
	"accrue/schemas"
)

// reportFunnel leads from the rows that were read to the grants: what each rule's conditions and limits took away, as
// `accrue explain --from --to --out` has it decision by decision.
func (r *Reader) reportFunnel(ctx context.Context, out *Report, from, to pipeline.Date) error {
	out.Funnel = []ReportFunnel{}
	var rows ReportFunnel
	for _, d := range out.Datasets {
		if d.Dataset == schemas.Transactions.Name || d.Dataset == schemas.Activities.Name {
			rows.Read += d.Read
			rows.Aside += d.Duplicate + d.Superseded
			rows.Reject += d.Rejected
		}
	}
	scales := r.Project.scales()
	return r.eachProgram(ctx, "", func(fam *program.Family, horizon *pipeline.Date) error {
		f := rows
		f.Program, f.Rules = fam.ID, []FunnelRule{}
		if horizon == nil {
			f.Skipped = "the program has never run"
		} else {
			count, err := evaluate.Funnel(ctx, r.db, fam, *horizon, from, to)
			if err != nil {
				return err
			}
			f.Sources = count.Sources
			for _, rule := range count.Rules {
				f.Rules = append(f.Rules, funnelRule(fam.ID, rule, scales))
			}
		}
		out.Funnel = append(out.Funnel, f)
		return nil
	})
}

// funnelRule orders reasons by how often they apply, and what was taken by stage.
func funnelRule(programID string, c evaluate.FunnelRule, scales scales) FunnelRule {
	out := FunnelRule{Rule: c.Rule, Looked: c.Looked, Pays: c.Pays, Reasons: []FunnelReason{}, Taken: []FunnelTaken{}}
	for reason, n := range c.Reasons {
		out.Reasons = append(out.Reasons, FunnelReason{Reason: reason, Sources: n})
	}
	slices.SortFunc(out.Reasons, func(a, b FunnelReason) int {
		return cmp.Or(cmp.Compare(b.Sources, a.Sources), strings.Compare(a.Reason, b.Reason))
	})
	for k, sum := range c.Taken {
		out.Taken = append(out.Taken, FunnelTaken{Step: k[0], Reward: k[1], Amount: scales.sum(programID, k[1], sum)})
	}
	slices.SortFunc(out.Taken, func(a, b FunnelTaken) int {
		return cmp.Or(cmp.Compare(slices.Index(evaluate.FunnelStages, a.Step), slices.Index(evaluate.FunnelStages, b.Step)),
			strings.Compare(a.Reward, b.Reward))
	})
	return out
}
