package plan

import "accrue/pipeline/program"

func init() { builders[program.KindBirthday] = buildBirthday }

// buildBirthday: a fixed amount on each birthday, at most one per member and year (F35).
func buildBirthday(_ *compiler, rv *RuleVersion) {
	b := rv.Rule.Body.(*program.Birthday)
	rv.Source, rv.Feb29 = FromBirthdays, b.Feb29
	rv.Earn = []Earn{fixed(rv.Rule, b.Earn)}
}
