package program

import (
	"cmp"
	"slices"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// maxTimes keeps counts within an INTEGER column.
const maxTimes = 1_000_000_000

// limitKeys are the keys of a rule's limits.
func limitKeys() []string {
	var keys []string
	for _, p := range pipeline.Periods {
		keys = append(keys, string(p))
	}
	return append(keys, "per_subject", "pick")
}

// limits reads the limits of one rule that pays in the rewards.
func (r *reader) limits(n *yamlpos.Node, rewards []*Reward) Limits {
	var out Limits
	m := r.Map(n, "write limits: {per_day: {times: 2, amount: 1000}}")
	if m == nil {
		return out
	}
	for _, p := range pipeline.Periods {
		if limit, ok := r.limit(p, m.Get(string(p)), rewards); ok {
			out.Periods = append(out.Periods, limit)
		}
	}
	out.PerSubject, _ = r.Bool(m.Get("per_subject"))
	pick, _ := r.OneOf(m.Get("pick"), "first", "highest")
	out.Highest = pick == "highest"
	m.Close()
	return out
}

// limit reads what one period allows: an amount, or {times, amount}.
func (r *reader) limit(p pipeline.Period, n *yamlpos.Node, rewards []*Reward) (Limit, bool) {
	if n == nil {
		return Limit{}, false
	}
	out := Limit{Pos: n.Pos, Period: p}
	if n.Kind != yamlpos.Mapping {
		v, ok := r.amount(n, rewards)
		out.Amount = &v
		return out, ok
	}
	m := r.Map(n, "")
	if times := m.Get("times"); p == pipeline.PerTransaction && times != nil {
		r.Fault(times.Pos, "write an amount, or count over a day: per_day: {times: 1}", "per_transaction has no times: a transaction pays a rule once")
	} else if v, ok := r.Int(times, 0, maxTimes); ok {
		out.Times = ptr(int(v))
	}
	if v, ok := r.amount(m.Get("amount"), rewards); ok {
		out.Amount = &v
	}
	m.Close()
	return out, out.Times != nil || out.Amount != nil
}

// programLimits reads the limits of the whole program: amounts only, by reward (F33).
func (r *reader) programLimits(n *yamlpos.Node) {
	if m := r.Map(n, "write limits: {points: {per_day: 5000}}"); m == nil {
		return
	}
	for _, e := range n.Entries {
		reward := r.findReward(e.KeyPos, e.Key)
		m := r.Map(e.Value, "write limits: {points: {per_day: 5000}}")
		for _, p := range pipeline.Periods {
			r.programLimit(p, m.Get(string(p)), reward)
		}
		m.Close()
	}
	slices.SortStableFunc(r.p.Limits, func(a, b RewardLimit) int { return cmp.Compare(a.Reward.Place, b.Reward.Place) })
}

func (r *reader) programLimit(p pipeline.Period, n *yamlpos.Node, reward *Reward) {
	if n == nil {
		return
	}
	var rewards []*Reward
	if reward != nil {
		rewards = []*Reward{reward}
	}
	amount := n
	if n.Kind == yamlpos.Mapping {
		m := r.Map(n, "")
		if times := m.Get("times"); times != nil {
			r.Fault(times.Pos, "limit times in a rule", "program limits are amounts; times is not one")
			amount = m.Get("amount")
		} else {
			amount = m.Need("amount", "write the amount: per_day: 5000")
		}
		m.Close()
	}
	if v, ok := r.amount(amount, rewards); ok && reward != nil {
		r.p.Limits = append(r.p.Limits, RewardLimit{Pos: n.Pos, Reward: reward, Period: p, Amount: v})
	}
}
