package reconcile

import (
	"fmt"
	"maps"
	"slices"

	"accrue/pipeline/warehouse"
)

// Places says how many decimal places amounts are shown with: those of the reward's scale.
type Places struct {
	Rewards map[[2]string]int // by program and reward
	Rules   map[[2]string]int // by program and rule, where all that the rule may pay has one scale
}

// shown is a relation of the breaks with amounts as people expect them, 5.00 and not 5 where the reward has two places.
// What downstream posted and nobody granted has no reward: there the rule in its id says how many.
func (w *Work) shown() (string, error) {
	rewards, rules := w.scope.Places.Rewards, w.scope.Places.Rules
	needed := false
	for _, n := range rewards {
		needed = needed || n > 0
	}
	if !needed {
		return "recon.breaks", nil
	}
	statements := []string{"CREATE OR REPLACE TABLE recon.places (program VARCHAR, of_what VARCHAR, is_rule BOOLEAN, places INTEGER)"}
	for i, of := range []map[[2]string]int{rewards, rules} {
		for _, k := range slices.SortedFunc(maps.Keys(of), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
			statements = append(statements, fmt.Sprintf("INSERT INTO recon.places VALUES (%s, %s, %t, %d)",
				warehouse.Literal(k[0]), warehouse.Literal(k[1]), i == 1, of[k]))
		}
	}
	if err := w.run("the scales of rewards", statements...); err != nil {
		return "", err
	}
	const rule = "replace(replace(split_part(b.key, '/', 2), '%2F', '/'), '%25', '%')"
	return fmt.Sprintf(`(SELECT b.* REPLACE (%s AS expected, %s AS found) FROM recon.breaks b
		LEFT JOIN recon.places p ON p.program = b.program AND p.is_rule = (b.reward IS NULL)
			AND p.of_what = CASE WHEN b.reward IS NOT NULL THEN b.reward WHEN b.tie = '%s' THEN %s END)`,
		padded("b.expected"), padded("b.found"), Acks, rule), nil
}

// padded is SQL for a decimal with at least p.places places; where there are none to be had it stays as it is.
func padded(x string) string {
	places := fmt.Sprintf("CASE WHEN contains(%[1]s, '.') THEN length(%[1]s) - strpos(%[1]s, '.') ELSE 0 END", x)
	return fmt.Sprintf(`CASE WHEN p.places > 0 AND %[1]s IS NOT NULL
			THEN concat(%[1]s, CASE WHEN contains(%[1]s, '.') THEN '' ELSE '.' END, repeat('0', CAST(greatest(0, p.places - %[2]s) AS INTEGER)))
			ELSE %[1]s END`, x, places)
}
