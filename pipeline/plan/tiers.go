package plan

import (
	"slices"

	"accrue/pipeline/program"
)

// SpendTiers says how a version makes tiers out of what a member spent before a date (F21).
type SpendTiers struct {
	Ver     int
	Steps   []TierStep // from the highest tier down: the first whose threshold is exceeded decides
	Resting int        // the tier where none is
}

// TierStep is a tier with a threshold.
type TierStep struct {
	Tier   int
	Over   int64 // ten-thousandths of spend
	Window int   // index in Plan.Windows: the days that the spend is added up over
}

// spendTiers lays out the tiers of the versions that take them from spend, and the windows that they look at.
func (c *compiler) spendTiers() {
	for ver, v := range c.plan.Family.Versions {
		if v.TierFrom != program.TierFromSpend {
			continue
		}
		st := SpendTiers{Ver: ver, Resting: v.RestingTier()}
		for i := len(v.Tiers) - 1; i >= 0 && v.Tiers[i].Over != nil; i-- {
			days := 0
			if v.Tiers[i].WithinDays != nil {
				days = *v.Tiers[i].WithinDays
			}
			w := slices.Index(c.plan.Windows, days)
			if w < 0 {
				w = len(c.plan.Windows)
				c.plan.Windows = append(c.plan.Windows, days)
			}
			st.Steps = append(st.Steps, TierStep{Tier: i, Over: units(*v.Tiers[i].Over), Window: w})
		}
		c.plan.SpendTiers = append(c.plan.SpendTiers, st)
	}
}
