package program

import (
	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// maxDays and maxMonths keep what is counted from a business date within the calendar.
const (
	maxDays   = 36_525
	maxMonths = 1_200
)

// readRewards reads the rewards; without any, the program pays in points.
func (r *reader) readRewards(m *yamlpos.Map) {
	n := m.Get("rewards")
	if !m.Has("rewards") {
		points := &Reward{Pos: Pos{File: r.p.File, Line: 1, Column: 1}, ID: "points", Rounding: Floor}
		r.p.Rewards, r.rewards = []*Reward{points}, map[string]*Reward{points.ID: points}
		return
	}
	r.rewards = map[string]*Reward{}
	if rm := r.Map(n, "write rewards: {points: {scale: 0}}"); rm == nil {
		r.rewardsUnsure = true
		return
	}
	for _, e := range n.Entries {
		if !r.isID(e.KeyPos, "a reward", e.Key) {
			r.rewardsUnsure = true
			continue
		}
		reward := r.reward(e)
		reward.Place = len(r.p.Rewards)
		r.p.Rewards = append(r.p.Rewards, reward)
		r.rewards[e.Key] = reward
	}
}

// reward reads one reward. It returns one even where its scale is faulty, so that its name is known.
func (r *reader) reward(e yamlpos.Entry) *Reward {
	out := &Reward{Pos: e.KeyPos, ID: e.Key, Rounding: Floor}
	if e.Value.Kind == yamlpos.Null {
		r.Fault(e.Value.Pos, "write {} for the defaults", "%s has no value", e.Key)
		return out
	}
	m := r.MapOrEmpty(e.Value, "write {scale: 0, rounding: floor}")
	if scale, ok := r.Int(m.Get("scale"), 0, pipeline.AmountPlaces); ok {
		out.Scale = int(scale)
	} else if m.Has("scale") {
		out.Scale = pipeline.AmountPlaces // faulty: no amount is held against it
	}
	if rounding := r.rounding(m.Get("rounding")); rounding != "" {
		out.Rounding = rounding
	}
	hold, _ := r.Int(m.Get("hold_days"), 0, maxDays)
	out.HoldDays = int(hold)
	r.expiry(m.Get("expires"), &out.Expires)
	m.Close()
	return out
}

func (r *reader) rounding(n *yamlpos.Node) Rounding {
	s, _ := r.OneOf(n, string(Floor), string(Ceil), string(HalfUp), string(HalfEven))
	return Rounding(s)
}

func (r *reader) expiry(n *yamlpos.Node, out *Expiry) {
	m := r.Map(n, "write {after_days: 365}, {after_months: 12} or {end_of: month, after_months: 12}")
	if m == nil {
		return
	}
	days, months, end := m.Get("after_days"), m.Get("after_months"), m.Get("end_of")
	m.Close()
	if days != nil && (months != nil || end != nil) {
		r.Fault(days.Pos, "keep one of them", "after_days does not go with after_months or end_of")
	}
	if v, ok := r.Int(days, 0, maxDays); ok {
		out.AfterDays = ptr(int(v))
	}
	if v, ok := r.Int(months, 0, maxMonths); ok {
		out.AfterMonths = ptr(int(v))
	}
	out.EndOf, _ = r.OneOf(end, "month", "year")
}

func ptr[T any](v T) *T { return &v }

// rewardNamed reads the name of a reward; nil where there is none.
func (r *reader) rewardNamed(n *yamlpos.Node) *Reward {
	s, ok := r.Text(n)
	if !ok {
		return nil
	}
	return r.findReward(n.Pos, s)
}

func (r *reader) findReward(pos Pos, id string) *Reward {
	if reward := r.rewards[id]; reward != nil || r.rewardsUnsure {
		return reward
	}
	names := make([]string, len(r.p.Rewards))
	for i, reward := range r.p.Rewards {
		names[i] = reward.ID
	}
	r.Fault(pos, yamlpos.Meant(id, names), "unknown reward %s", yamlpos.Quote(id))
	return nil
}
