package evaluate

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/sqlgen"
	"accrue/pipeline/warehouse"
)

// FunnelCount is what a program made of the sources of a span of business dates, in counts. It says what the decisions of
// package explain say, without a look at each of them.
type FunnelCount struct {
	Sources int64        // that any rule looks at, with a member
	Rules   []FunnelRule // in their order, those that looked at anything
}

// FunnelRule is what became of the sources of one rule: Looked = Pays + those of all reasons.
type FunnelRule struct {
	Rule         string
	Looked, Pays int64
	Reasons      map[string]int64           // why not, as spec section 6 names it
	Taken        map[[2]string]pipeline.Sum // by stage (FunnelStages) and reward: what limits took of what was earned
}

// FunnelStages are the stages that can take of what was earned, in order.
var FunnelStages = []string{"per_transaction", "best_of", "times", "amounts", "budget", "program limits"}

// Funnel evaluates a program as Run does and counts what each condition and limit took away, rule by rule, of the sources
// with business dates from from to until.
func Funnel(ctx context.Context, db *warehouse.DB, fam *program.Family, horizon, from, until pipeline.Date) (*FunnelCount, error) {
	res, err := Run(ctx, db, fam, horizon, Options{funnel: &sqlgen.Funnel{From: from, Until: until}})
	if err != nil {
		return nil, err
	}
	out := &FunnelCount{}
	rules := map[string]*funnelRule{}
	of := func(rule string) *funnelRule {
		if rules[rule] == nil {
			rules[rule] = &funnelRule{
				FunnelRule: FunnelRule{Rule: rule, Reasons: map[string]int64{}, Taken: map[[2]string]pipeline.Sum{}},
				left:       map[string]left{},
			}
		}
		return rules[rule]
	}
	var rule, why, reward, raw, amount sql.NullString
	var place int
	var step string
	var n int64
	if err := db.Each(ctx, `SELECT u.rule, f.place, f.step, f.why, w.reward, CAST(sum(f.n) AS BIGINT), CAST(sum(f.raw) AS VARCHAR), CAST(sum(f.amount) AS VARCHAR)
		FROM eval_funnel f LEFT JOIN eval_rules u ON u.rule_no = f.rule_no LEFT JOIN eval_rewards w ON w.reward_no = f.reward_no
		GROUP BY ALL ORDER BY f.place, u.rule, w.reward`, nil, []any{&rule, &place, &step, &why, &reward, &n, &raw, &amount}, func() error {
		if step == sqlgen.FunnelSources {
			out.Sources = n
			return nil
		}
		l := left{n: n}
		for text, to := range map[*sql.NullString]*pipeline.Sum{&raw: &l.raw, &amount: &l.amount} {
			if text.Valid {
				sum, err := pipeline.ParseSum(text.String)
				if err != nil {
					return err
				}
				*to = sum
			}
		}
		of(rule.String).row(place, step, why, reward.String, l)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("counting what limits took: %w", err)
	}
	order := map[string]int{}
	for i, r := range res.Plan.Rules {
		order[r.ID] = i
	}
	for id, r := range rules {
		if r.step(0, ""); id != "" && r.Looked > 0 {
			out.Rules = append(out.Rules, r.done())
		}
	}
	slices.SortFunc(out.Rules, func(a, b FunnelRule) int { return cmp.Compare(order[a.Rule], order[b.Rule]) })
	return out, nil
}

// left is what is left after a step.
type left struct {
	n           int64
	raw, amount pipeline.Sum
}

// funnelRule follows a rule from step to step.
type funnelRule struct {
	FunnelRule
	left map[string]left // by reward, after the steps so far
	at   int             // place of the step that is read
	name string
	next map[string]left
}

// row takes a row of eval_funnel; they come in order of place, rows of candidates first.
func (r *funnelRule) row(place int, step string, why sql.NullString, reward string, l left) {
	switch step {
	case sqlgen.FunnelBeaten:
		r.Reasons[why.String] += l.n
	case sqlgen.FunnelCandidates:
		r.Looked += l.n
		r.take("per_transaction", reward, l.raw.Minus(l.amount))
		if why.Valid {
			r.Reasons[why.String] += l.n
			return
		}
		have := r.left[reward]
		r.left[reward] = left{n: have.n + l.n, amount: have.amount.Plus(l.amount)}
	default:
		if place != r.at {
			r.step(place, step)
		}
		if reward != "" {
			r.next[reward] = l
		}
	}
}

// step ends the step that was read, if any, and begins the next one.
func (r *funnelRule) step(place int, name string) {
	if r.next != nil {
		stage, reason := stageOf(r.name)
		for reward, before := range r.left {
			after := r.next[reward]
			r.take(stage, reward, before.amount.Minus(after.amount))
			if reason != "" && before.n != after.n {
				r.Reasons[reason] += before.n - after.n
			}
		}
		r.left = r.next
	}
	r.at, r.name, r.next = place, name, nil
	if place > 0 {
		r.next = map[string]left{}
	}
}

func (r *funnelRule) take(stage, reward string, amount pipeline.Sum) {
	if !amount.IsZero() {
		k := [2]string{stage, reward}
		r.Taken[k] = r.Taken[k].Plus(amount)
	}
}

func (r *funnelRule) done() FunnelRule {
	for _, l := range r.left {
		r.Pays += l.n
	}
	return r.FunnelRule
}

// stageOf returns the stage that a step belongs to, and the reason that it gives; "" where the reason was counted apart.
func stageOf(step string) (stage, reason string) {
	kind, period, _ := strings.Cut(step, " ")
	switch kind {
	case sqlgen.FunnelBestOf:
		return "best_of", ""
	case sqlgen.FunnelCodes:
		return "times", "code_used_up"
	case sqlgen.FunnelBudget:
		return "budget", "budget"
	case "times":
		return "times", "times_limit:" + period
	case "amount":
		return "amounts", "amount_limit:" + period
	}
	return "program limits", "program_limit:" + period
}
