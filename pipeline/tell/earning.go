package tell

import (
	"slices"

	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

// earning says what one tier earns under one condition of its kind.
type earning struct {
	tier string // "" for all members
	cond string // "with the subject vip"; "" for none
	// what is earned: an amount in a unit, or other words. Both empty: nothing.
	amount *decimal.Decimal
	unit   unit
	other  string
}

// what is the words for what is earned.
func (e earning) what() string {
	switch {
	case e.amount != nil:
		return e.unit.amount(*e.amount)
	case e.other != "":
		return e.other
	}
	return "nothing"
}

// earn takes an earn apart, by the tiers that the rule is for. A tier that earns nothing is left out, unless all do.
func (t teller) earn(e program.Earn, cond string) []earning {
	allowed := t.rule.When.Tiers
	nothing := []earning{{cond: cond}}
	if e.All != nil && e.All.IsZero() {
		return nothing
	}
	if e.All != nil && allowed == nil {
		return []earning{{cond: cond, amount: e.All, unit: t.unit()}}
	}
	var out []earning
	for i, tier := range t.p.Tiers {
		if v := e.For(i); !v.IsZero() && (allowed == nil || slices.Contains(allowed, i)) {
			out = append(out, earning{tier: tier.ID, cond: cond, amount: &v, unit: t.unit()})
		}
	}
	if len(out) == 0 {
		return nothing
	}
	return out
}

// same is for what is earned that is no amount, by the tiers that the rule is for.
func (t teller) same(what, cond string) []earning {
	if t.rule.When.Tiers == nil {
		return []earning{{cond: cond, other: what}}
	}
	var out []earning
	for _, i := range t.rule.When.Tiers {
		out = append(out, earning{tier: t.p.Tiers[i].ID, cond: cond, other: what})
	}
	return out
}

// earningWords says who earns what: "silver members earn 1 point, gold and diamond members 3 points".
func earningWords(earnings []earning) string {
	var parts []string
	last := ""
	for i := 0; i < len(earnings); {
		e := earnings[i]
		var tiers []string
		for ; i < len(earnings) && earnings[i].cond == e.cond && earnings[i].what() == e.what(); i++ {
			tiers = append(tiers, earnings[i].tier)
		}
		who := whoWords(tiers)
		part := e.what()
		switch {
		case last == "":
			part = who + " earn " + part
		case who != last:
			part = who + " " + part
		}
		if e.cond != "" {
			part += " " + e.cond
		}
		last = who
		parts = append(parts, part)
	}
	return list(parts, "and")
}

// whoWords names the members of tiers; "" stands for all.
func whoWords(tiers []string) string {
	if slices.Contains(tiers, "") {
		return "members"
	}
	return list(tiers, "and") + " members"
}
