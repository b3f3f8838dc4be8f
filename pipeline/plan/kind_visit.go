package plan

import (
	"time"

	"accrue/pipeline/program"
)

func init() { builders[program.KindVisit] = buildVisit }

// buildVisit: a fixed amount per transaction; less than min_gap after the member's previous one it is the same
// visit, exactly the gap apart a new one (F24).
func buildVisit(c *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Visit)
	c.lines(rv, b.Items, b.MinSpend)
	rv.AnyLine = b.Items != nil
	rv.Source = FromTransactions
	rv.Where = append(rv.Where, minSpend(b.MinSpend)...)
	if b.MinGap > 0 {
		gap := int64(b.MinGap / time.Microsecond)
		rv.Where = append(rv.Where, Cond{Key: "same_visit", Attr: AttrGap, Ranges: []Range{{Min: &gap}}, OrAbsent: true})
	}
	rv.Earn = []Earn{fixed(rv.Rule, b.Earn)}
}
