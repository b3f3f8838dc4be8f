package jobs

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/explain"
	"accrue/pipeline/program"
	"accrue/schemas"
)

// reportFunnel leads from the rows that were read to the grants: what each rule's conditions and limits took away, as
// `accrue explain --from --to --out` has it.
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
	var facts int64
	if err := r.db.QueryRow(ctx, "SELECT (SELECT count(*) FROM transactions) + (SELECT count(*) FROM activities)").Scan(&facts); err != nil {
		return err
	}
	return r.eachProgram(ctx, "", func(fam *program.Family, horizon *pipeline.Date) error {
		f := rows
		f.Program, f.Rules = fam.ID, []FunnelRule{}
		switch {
		case horizon == nil:
			f.Skipped = "the program has never run"
		case facts > funnelRows:
			f.Skipped = fmt.Sprintf("%d purchases and activities are too many to decide upon again for a page; "+
				"`accrue explain --from %s --to %s --out why.parquet` has every decision", facts, from, to)
		default:
			c := &funnelCount{scales: r.Project.scales(), program: fam.ID, rules: map[string]*funnelRule{}, sources: map[string]bool{}}
			if _, err := explain.Bulk(ctx, r.db, fam, explain.BulkOptions{Horizon: *horizon, From: from, Until: to}, c.row); err != nil {
				return err
			}
			f.Sources, f.Rules = int64(len(c.sources)), c.list(fam.RuleIDs())
		}
		out.Funnel = append(out.Funnel, f)
		return nil
	})
}

// funnelCount counts rows of decisions (schemas.DecisionFields).
type funnelCount struct {
	scales  scales
	program string
	rules   map[string]*funnelRule
	sources map[string]bool
}

type funnelRule struct {
	FunnelRule
	reasons map[string]int64
	taken   map[[2]string]*big.Int // by step and reward
}

// Places of columns in a row of decisions.
var (
	atMember, atType, atSource, atRule   = decisionColumn("member_id"), decisionColumn("source_type"), decisionColumn("source_id"), decisionColumn("rule")
	atReward, atEarned, atAmount, atWhat = decisionColumn("reward"), decisionColumn("earned"), decisionColumn("amount"), decisionColumn("reason")
)

func decisionColumn(name string) int {
	return slices.IndexFunc(schemas.DecisionFields(), func(f schemas.DecisionField) bool { return f.Name == name })
}

func (c *funnelCount) row(values []any) error {
	text := func(at int) string {
		s, _ := values[at].(string)
		return s
	}
	if text(atMember) != "" {
		c.sources[text(atType)+"\x00"+text(atSource)] = true
	}
	rule := c.rules[text(atRule)]
	if rule == nil {
		rule = &funnelRule{FunnelRule: FunnelRule{Rule: text(atRule)}, reasons: map[string]int64{}, taken: map[[2]string]*big.Int{}}
		c.rules[text(atRule)] = rule
	}
	rule.Looked++
	if reason := text(atWhat); reason != "" {
		rule.reasons[reason]++
	} else {
		rule.Pays++
	}
	before, _ := values[atEarned].(*big.Int)
	for at := atEarned + 1; at <= atAmount && before != nil; at++ {
		after, ok := values[at].(*big.Int)
		if !ok {
			break
		}
		if diff := new(big.Int).Sub(before, after); diff.Sign() != 0 {
			name := strings.TrimPrefix(schemas.DecisionFields()[at].Name, "after_")
			if at == atAmount {
				name = "program limits"
			}
			k := [2]string{name, text(atReward)}
			if rule.taken[k] == nil {
				rule.taken[k] = new(big.Int)
			}
			rule.taken[k].Add(rule.taken[k], diff)
		}
		before = after
	}
	return nil
}

// list returns the rules in their order; reasons by how often they apply.
func (c *funnelCount) list(order []string) []FunnelRule {
	out := []FunnelRule{}
	for _, id := range order {
		rule := c.rules[id]
		if rule == nil {
			continue
		}
		f := rule.FunnelRule
		f.Reasons, f.Taken = []FunnelReason{}, []FunnelTaken{}
		for reason, n := range rule.reasons {
			f.Reasons = append(f.Reasons, FunnelReason{Reason: reason, Sources: n})
		}
		slices.SortFunc(f.Reasons, func(a, b FunnelReason) int {
			return cmp.Or(cmp.Compare(b.Sources, a.Sources), strings.Compare(a.Reason, b.Reason))
		})
		for k, n := range rule.taken {
			if sum, err := pipeline.ParseSum(n.String()); err == nil {
				f.Taken = append(f.Taken, FunnelTaken{Step: k[0], Reward: k[1], Amount: c.scales.sum(c.program, k[1], sum)})
			}
		}
		slices.SortFunc(f.Taken, func(a, b FunnelTaken) int {
			return cmp.Or(strings.Compare(a.Step, b.Step), strings.Compare(a.Reward, b.Reward))
		})
		out = append(out, f)
	}
	return out
}
