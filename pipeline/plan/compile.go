package plan

import (
	"fmt"
	"reflect"
	"slices"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

type compiler struct {
	plan     *Plan
	ruleNo   map[string]int
	rewardNo map[string]int
}

// Compile lays out the passes of an evaluation of all versions of a program up to the horizon. It fails only for a
// kind that no file of this package builds.
func Compile(fam *program.Family, horizon pipeline.Date) (*Plan, error) {
	c := &compiler{
		plan:   &Plan{Family: fam, Horizon: horizon},
		ruleNo: map[string]int{}, rewardNo: map[string]int{},
	}
	c.rewards()
	c.spendTiers()
	for i, id := range fam.RuleIDs() {
		c.ruleNo[id] = i
	}
	for _, id := range fam.RuleIDs() {
		if err := c.rule(id); err != nil {
			return nil, err
		}
	}
	c.referees()
	c.sums()
	c.programLimits()
	c.needs()
	return c.plan, nil
}

func (c *compiler) rewards() {
	for _, v := range c.plan.Family.Versions {
		for _, w := range v.Rewards {
			n, ok := c.rewardNo[w.ID]
			if !ok {
				n = len(c.plan.Rewards)
				c.rewardNo[w.ID] = n
				c.plan.Rewards = append(c.plan.Rewards, Reward{ID: w.ID})
			}
			c.plan.Rewards[n].Scale = max(c.plan.Rewards[n].Scale, w.Scale)
		}
	}
}

func (c *compiler) rule(id string) error {
	r := &Rule{No: c.ruleNo[id], ID: id}
	for ver, v := range c.plan.Family.Versions {
		pr := v.RuleByID(id)
		if pr == nil {
			continue
		}
		build := builders[pr.Kind]
		if build == nil {
			return fmt.Errorf("%s: %s: kind %s is not built yet", pr.Pos, pr.ID, pr.Kind)
		}
		span := c.plan.Family.Span(ver)
		rv := &RuleVersion{
			Ver: ver, Rule: pr, Lines: -1, BestOf: pr.BestOf, RewardNo: -1,
			Days: program.Span{From: max(span.From, pr.Active.From), Until: min(span.Until, pr.Active.Until, c.plan.Horizon)},
		}
		if pr.Reward != nil {
			rv.RewardNo = c.rewardNo[pr.Reward.ID]
		}
		rv.Where = conditions(pr.When)
		build(c, rv)
		for _, l := range pr.Limits.Periods {
			if l.Period == pipeline.PerTransaction {
				rv.Clip = unitsPtr(l.Amount)
			}
		}
		r.Multiplier = rv.Source == FromGranted
		r.Once = r.Once || rv.Source == FromBirthdays || rv.Source == FromReferrals
		r.Versions = append(r.Versions, rv)
	}
	r.Passes = passes(r)
	c.plan.Rules = append(c.plan.Rules, r)
	return nil
}

// lines gives the rule version the filter of its lines, shared with other rules that have the same.
func (c *compiler) lines(rv *RuleVersion, items *program.ItemFilter, m *program.MinSpend) {
	if items == nil {
		if m == nil || !m.OfItems {
			return
		}
		items = &program.ItemFilter{} // F55: without items every line qualifies
	}
	for i, l := range c.plan.Lines {
		if reflect.DeepEqual(l.Filter, *items) {
			rv.Lines = i
			return
		}
	}
	rv.Lines = len(c.plan.Lines)
	c.plan.Lines = append(c.plan.Lines, LineSet{Filter: *items})
}

// passes lays out steps 4 to 7 of spec section 6 for a rule.
func passes(r *Rule) []Pass {
	var out []Pass
	for _, rv := range r.Versions {
		if rv.BestOf != "" {
			out = append(out, Pass{Kind: PassBestOf, Why: "before limits, so that a beaten rule stays beaten (F31)"})
			break
		}
	}
	limit := func(kind PassKind, p pipeline.Period, why string, value func(program.Limit) *int64) {
		pass := Pass{Kind: kind, Period: p, Why: why}
		found := false
		for _, rv := range r.Versions {
			lim := rv.Rule.Limits
			c := Cap{Ver: rv.Ver, PerSubject: lim.PerSubject, Highest: lim.Highest}
			for _, l := range lim.Periods {
				if l.Period == p {
					c.Value = value(l)
				}
			}
			found = found || c.Value != nil
			pass.Caps = append(pass.Caps, c)
		}
		if found {
			out = append(out, pass)
		}
	}
	for _, p := range pipeline.Periods[1:] {
		limit(PassTimes, p, "slots first, shortest period first: a source that has none takes no amount", func(l program.Limit) *int64 {
			if l.Times == nil {
				return nil
			}
			n := int64(*l.Times)
			return &n
		})
	}
	if r.LimitedCodes() {
		out = append(out, Pass{Kind: PassCodes, Why: "after the rule's own slots, over all members (F30)"})
	}
	for _, p := range pipeline.Periods[1:] {
		limit(PassAmount, p, "on what the slots left, shortest period first", func(l program.Limit) *int64 { return unitsPtr(l.Amount) })
	}
	budget := Pass{Kind: PassBudget, Period: pipeline.Lifetime, Why: "over all members, on what their own limits left"}
	found := false
	for _, rv := range r.Versions {
		budget.Caps = append(budget.Caps, Cap{Ver: rv.Ver, Value: unitsPtr(rv.Rule.Budget)})
		found = found || rv.Rule.Budget != nil
	}
	if found {
		out = append(out, budget)
	}
	return out
}

// sums finds the multipliers that work on several rules whose grants of one source may be earned at different times:
// two birthday rules, of which one pays before and the other after a birth date was corrected.
func (c *compiler) sums() {
	for _, r := range c.plan.Rules {
		of := map[int]bool{}
		for _, rv := range r.Versions {
			for _, no := range rv.Of {
				of[no] = of[no] || c.plan.Rules[no].moves()
			}
		}
		moving := 0
		for _, once := range of {
			if once {
				moving++
			}
		}
		r.Sums = moving > 1
	}
}

// moves reports whether grants of the rule may be of a source that earned at another time too: birthdays, and what is
// paid for the row of a referral.
func (r *Rule) moves() bool {
	return r.Once || slices.ContainsFunc(r.Versions, func(rv *RuleVersion) bool { return slices.Contains(rv.Types, program.ReferralType) })
}

func (c *compiler) programLimits() {
	for no := range c.plan.Rewards {
		for _, p := range pipeline.Periods {
			pl := ProgramLimit{RewardNo: no, Period: p}
			for ver, v := range c.plan.Family.Versions {
				for _, l := range v.Limits {
					if c.rewardNo[l.Reward.ID] == no && l.Period == p {
						u := units(l.Amount)
						pl.Caps = append(pl.Caps, Cap{Ver: ver, Value: &u})
					}
				}
			}
			if pl.Caps != nil {
				c.plan.Limits = append(c.plan.Limits, pl)
			}
		}
	}
}

func (c *compiler) needs() {
	n := &c.plan.Needs
	for _, r := range c.plan.Rules {
		for _, rv := range r.Versions {
			n.Transactions = n.Transactions || rv.Source == FromTransactions || rv.Source == FromReferrals && rv.Qualify >= 0
			n.Referrals = n.Referrals || rv.Source == FromReferrals
			n.Activities = n.Activities || rv.Types != nil
			n.Subject = n.Subject || rv.Source == FromGiftCodes || rv.Source == FromReferrals
			n.Birthdays = n.Birthdays || rv.Source == FromBirthdays
			n.Subject = n.Subject || rv.Rule.Limits.PerSubject
			for _, e := range rv.Earn {
				n.Subject = n.Subject || e.Subjects != nil
				n.Values = n.Values || e.Input == InputValue
			}
			for _, cond := range rv.Where {
				n.attr(cond.Attr)
				if cond.Attr == AttrGap {
					n.Gap = max(n.Gap, *cond.Ranges[0].Min)
				}
			}
		}
	}
}

func (n *Needs) attr(a Attr) {
	switch a {
	case AttrTag:
		n.Tags = true
	case AttrStore:
		n.Store = true
	case AttrRegion:
		n.Region = true
	case AttrChannel:
		n.Channel = true
	case AttrMinute:
		n.Hours = true
	case AttrFirstPurchase:
		n.FirstPurchase = true
	case AttrJoinedDays:
		n.Joined = true
	case AttrSubject:
		n.Subject = true
	}
}
