package sqlgen

import (
	"fmt"
	"math"
	"strings"

	"accrue/pipeline/plan"
)

// codesBatch is how many gift codes one statement lists.
const codesBatch = 2000

// noTier stands for the tier of a member that has none.
const noTier = -1

func codesTable(r *plan.Rule) string { return fmt.Sprintf("eval_codes_%d", r.No) }

// codes lists the gift codes of all versions of a rule: earn in millionths, and the tiers that it is for. They are a
// stretch, so that a left join compares with what is in one column: "any, or this one" would be tried row by row.
func (g *generator) codes(r *plan.Rule) {
	var rows []string
	has := false
	for _, rv := range r.Versions {
		has = has || rv.Source == plan.FromGiftCodes
		for _, c := range rv.Codes {
			for tier, earn := range c.Earn {
				from, until := noTier, math.MaxInt8
				if c.ByTier {
					from, until = tier, tier
				}
				rows = append(rows, fmt.Sprintf("(%d, %s, %d, %d, %s, %d, %d, %d)", rv.Ver, text(c.Code), from, until, literal(bigOf(earn)),
					c.Days.From, c.Days.Until, c.Times))
			}
		}
	}
	if !has {
		return
	}
	g.addRule(r, "codes", "CREATE TEMP TABLE "+codesTable(r)+` (ver TINYINT, code VARCHAR, from_tier TINYINT, until_tier TINYINT, code_earn HUGEINT,
  from_day INTEGER, until_day INTEGER, code_times BIGINT)`)
	for len(rows) > 0 {
		n := min(codesBatch, len(rows))
		g.addRule(r, "codes", "INSERT INTO "+codesTable(r)+" VALUES\n  "+strings.Join(rows[:n], ",\n  "))
		rows = rows[n:]
	}
}

func (g *generator) fromGiftCodes(r *plan.Rule, rv *plan.RuleVersion) drawn {
	join := "JOIN"
	if g.funnel != nil {
		join = "LEFT JOIN"
	}
	out := drawn{
		cols: common(rv, stypeActivity) + ", t.subject, k.code_earn, k.code_times",
		from: fmt.Sprintf("eval_act t %s %s k ON k.code = t.subject AND k.ver = %d AND coalesce(t.tier_no, %d) >= k.from_tier"+
			" AND coalesce(t.tier_no, %[4]d) <= k.until_tier", join, codesTable(r), rv.Ver, noTier),
		given: []string{"t.type IN (" + textList(rv.Types) + ")"},
		asked: append(inForceAndOpen(rv), asks(rv, activityAttributes)...),
	}
	out.asked = append(out.asked, asked{noSuchCode, "k.code IS NOT NULL"}, asked{codeExpired, "t.day BETWEEN k.from_day AND k.until_day"})
	return out
}

// limitCodes drops the redemptions of a code, by all members together, that are past what the row's own version allows;
// redemptions under all versions are ranked (F30).
func (g *generator) limitCodes(r *plan.Rule) {
	over, next, prev := fmt.Sprintf("r%d_over_codes", r.No), fmt.Sprintf("r%d_codes", r.No), g.table[r.No]
	g.addRule(r, "codes: which are used up", fmt.Sprintf(`CREATE TEMP TABLE %s AS
SELECT subject FROM %s WHERE code_times IS NOT NULL GROUP BY subject
HAVING count(*) > min(CASE WHEN code_times >= 0 THEN code_times END)`, over, prev))
	cols := g.candidateColumns(r)
	s := g.addRule(r, "codes", fmt.Sprintf(`CREATE TEMP TABLE %s AS
SELECT %s FROM %s c WHERE code_times IS NULL OR NOT EXISTS (SELECT 1 FROM %s o WHERE o.subject = c.subject)
UNION ALL
SELECT %s FROM (
  SELECT c.*, row_number() OVER (PARTITION BY c.subject ORDER BY c.us, c.source_id) AS k
  FROM %s c WHERE c.code_times IS NOT NULL AND EXISTS (SELECT 1 FROM %s o WHERE o.subject = c.subject)
) WHERE code_times < 0 OR k <= code_times`, next, cols, prev, over, cols, prev, over))
	s.elseHandOn(over, prev, next)
	s.Drop = []string{prev}
	g.table[r.No] = next
}
