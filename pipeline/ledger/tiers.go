package ledger

import (
	"slices"
	"strings"

	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// tiersFromSpend makes what the reason tier_changed needs where tiers follow from spend: difference_tiered lists the
// rules that pay by such tiers, difference_respent the members whose spend changed. Both are empty, and nothing is read,
// where no version takes its tiers from spend.
func (d *difference) tiersFromSpend() error {
	for _, s := range []string{
		"CREATE OR REPLACE TEMP TABLE difference_tiered (rule_no INTEGER)",
		"CREATE OR REPLACE TEMP TABLE difference_respent (member_no INTEGER, since_us BIGINT)",
	} {
		if _, err := d.db.Exec(d.ctx, s); err != nil {
			return err
		}
	}
	rules := rulesBySpendTier(d.req.Family)
	if len(rules) == 0 {
		return nil
	}
	for i, id := range rules {
		rules[i] = warehouse.Literal(id)
	}
	if _, err := d.db.Exec(d.ctx, "INSERT INTO difference_tiered SELECT rule_no FROM difference_rules WHERE rule IN ("+
		strings.Join(rules, ", ")+")"); err != nil {
		return err
	}
	return d.run("respent")
}

// rulesBySpendTier returns the ids of the rules that look at tiers in a version that takes them from spend.
func rulesBySpendTier(fam *program.Family) []string {
	var out []string
	for _, v := range fam.Versions {
		for _, r := range v.Rules {
			if v.TierFrom == program.TierFromSpend && r.LooksAtTiers() && !slices.Contains(out, r.ID) {
				out = append(out, r.ID)
			}
		}
	}
	return out
}
