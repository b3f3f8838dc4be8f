package program

import (
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// ruleHead is what other rules need to know of a rule before it is read.
type ruleHead struct {
	kind   string  // as written
	reward *Reward // nil where it is not known
	line   int
	place  int
	// referees: it is a referral with referee_earn, so that there is a rule for their grants too.
	referees bool
}

// ruleReader reads one rule.
type ruleReader struct {
	*reader
	m    *yamlpos.Map
	rule *Rule
	// rewards are those that the rule grants in: one, or for a multiplier those of the rules that it names.
	rewards []*Reward
}

// refereeSuffix marks the rule id of a referee's grants (F9).
const refereeSuffix = ".referee"

// ReferrerOf returns the id of the rule whose referees a rule id stands for; the id itself for others.
func ReferrerOf(id string) string { return strings.TrimSuffix(id, refereeSuffix) }

func (r *reader) readRules(list *yamlpos.Node) {
	items, _ := r.Items(list, "a program needs at least one rule")
	r.rules = map[string]ruleHead{}
	for i, it := range items {
		if id := it.Get("id"); id != nil && r.rules[id.Text].line == 0 {
			r.rules[id.Text] = r.head(i, it)
		}
	}
	seen := map[string]bool{}
	for i, it := range items {
		r.readRule(i, it, seen)
	}
	r.In("")
}

func (r *reader) head(place int, n *yamlpos.Node) ruleHead {
	h := ruleHead{line: n.Get("id").Pos.Line, place: place}
	if kind := n.Get("kind"); kind != nil {
		h.kind = kind.Text
		h.referees = h.kind == string(KindReferral) && n.Get("referee_earn") != nil
	}
	if reward := n.Get("reward"); reward != nil {
		h.reward = r.rewards[reward.Text]
	} else if len(r.p.Rewards) > 0 {
		h.reward = r.p.Rewards[0]
	}
	return h
}

func (r *reader) readRule(place int, n *yamlpos.Node, seen map[string]bool) {
	r.In(fmt.Sprintf("rule %d", place+1))
	m := r.Map(n, "write a rule as {id: base, kind: spend, …}")
	if m == nil {
		return
	}
	idNode := m.Need("id", "give the rule an id; its grants carry it")
	id := r.id(idNode)
	if id != "" {
		r.In(id)
		r.checkRuleID(idNode, seen)
	}
	rr := &ruleReader{reader: r, m: m, rule: &Rule{Pos: n.Pos, ID: id, Place: place}}
	kind := rr.kind()
	rr.rule.Kind = kind.kind
	rr.reward()
	rr.common()
	if kind.read != nil {
		if body := kind.read(rr); body != nil {
			rr.rule.Body = body
		}
	}
	rr.bounds()
	rr.close(kind)
	r.p.Rules = append(r.p.Rules, rr.rule)
}

func (r *reader) checkRuleID(n *yamlpos.Node, seen map[string]bool) {
	if seen[n.Text] {
		r.Fault(n.Pos, fmt.Sprintf("the first one is on line %d; give each rule an id of its own", r.rules[n.Text].line),
			"the rule %s is there twice", yamlpos.Quote(n.Text))
	}
	seen[n.Text] = true
	if strings.HasSuffix(n.Text, refereeSuffix) {
		r.Fault(n.Pos, "choose another id", "ids that end in %s are those of referees' grants", refereeSuffix)
	}
}

// kind reads the kind; its read is nil where the rule cannot be read any further.
func (r *ruleReader) kind() kindEntry {
	n := r.m.Need("kind", "kinds: "+joinKinds(Kinds()))
	s, ok := r.Text(n)
	if !ok {
		return kindEntry{}
	}
	k, known := kindNamed(s)
	if !known {
		names := kindNames()
		hint := "kinds: " + joinKinds(Kinds())
		if near := yamlpos.Nearest(s, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		r.Fault(n.Pos, hint, "unknown kind %s", yamlpos.Quote(s))
	}
	return k
}

// reward reads what the rule pays in, the program's first reward by default.
func (r *ruleReader) reward() {
	n := r.m.Get("reward")
	switch {
	case r.rule.Kind == KindMultiplier:
		if n != nil {
			r.Fault(n.Pos, "leave it out", "a multiplier has no reward: it pays in that of the grants it multiplies")
		}
		return
	case n != nil:
		r.rule.Reward = r.rewardNamed(n)
	case !r.m.Has("reward") && len(r.p.Rewards) > 0:
		r.rule.Reward = r.p.Rewards[0]
	}
	if r.rule.Reward != nil {
		r.rewards = []*Reward{r.rule.Reward}
	}
}

// common reads what every kind may have, but what is held against the scale of its rewards.
func (r *ruleReader) common() {
	rule := r.rule
	rule.Description = r.optionalText(r.m.Get("description"))
	rule.BestOf = r.optionalText(r.m.Get("best_of"))
	rule.Rounding = r.rounding(r.m.Get("rounding"))
	if rule.Rounding == "" && rule.Reward != nil {
		rule.Rounding = rule.Reward.Rounding
	}
	rule.Active = r.active(r.m.Get("active"))
	rule.When = r.when(r.m.Get("when"))
}

func (r *ruleReader) active(n *yamlpos.Node) Span {
	span := Span{From: pipeline.MinDate, Until: pipeline.MaxDate}
	m := r.Map(n, "write {from: 2026-04-01, until: 2026-04-30}")
	if m == nil {
		return span
	}
	from, until := m.Get("from"), m.Get("until")
	span.From, span.Until = r.date(from, pipeline.MinDate), r.date(until, pipeline.MaxDate)
	m.Close()
	if span.Until < span.From {
		r.Fault(until.Pos, "both days count", "until (%s) is before from (%s)", span.Until, span.From)
	}
	return span
}

// bounds reads limits and budget, once it is known what the rule pays in.
func (r *ruleReader) bounds() {
	r.rule.Limits = r.limits(r.m.Get("limits"), r.rewards)
	if v, ok := r.amount(r.m.Get("budget"), r.rewards); ok {
		r.rule.Budget = &v
	}
}

// close reports the keys that the rule cannot have, each with the place where it could stand.
func (r *ruleReader) close(kind kindEntry) {
	for _, e := range r.m.Rest() {
		owners := kindsWith(e.Key)
		switch {
		case kind.read == nil && (slices.Contains(kind.keys, e.Key) || kind.kind == "" && len(owners) > 0):
			// The kind is the fault; what it could have is not known.
		case len(owners) > 0 && kind.kind != "":
			r.Fault(e.KeyPos, fmt.Sprintf("%s is a key of %s", e.Key, joinKinds(owners)), "%s has no key %s", kind.kind, yamlpos.Quote(e.Key))
		default:
			r.Fault(e.KeyPos, r.elsewhere(e.Key, kind), "unknown key %s", yamlpos.Quote(e.Key))
		}
	}
}

// elsewhere is the hint for a key that no kind has.
func (r *ruleReader) elsewhere(key string, kind kindEntry) string {
	known := r.m.Taken()
	if kind.read == nil {
		known = append(slices.Clone(known), kind.keys...)
	}
	if near := yamlpos.Nearest(key, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	for _, under := range []struct {
		name string
		keys []string
	}{{"when", whenKeys}, {"limits", limitKeys()}} {
		if near := yamlpos.Nearest(key, under.keys); near != "" {
			return fmt.Sprintf("%s belongs under %s", near, under.name)
		}
	}
	return yamlpos.Meant(key, known)
}
