package program_test

import (
	"strings"
	"testing"

	"accrue/pipeline/program"
)

// A milestone that pays nothing, or that looks at what orders do not have, is warned of as other kinds are.
func TestWarningsOfMilestones(t *testing.T) {
	for body, want := range map[string]string{
		"every: 5, earn: 0":                            "a: no member can ever earn by it: it earns nothing in any tier that it is for",
		"every: 5, earn: 1, when: {subjects: [x]}":     "a: no member can ever earn by it: transactions have no subject",
		"at: [5], earn: 1":                             "",
		"every: 1, sum: spend, period: month, earn: 1": "",
	} {
		p, faults := program.Parse("f", []byte(frame+"rules: [{id: a, kind: milestone, "+body+"}]"))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		var got []string
		for _, w := range p.Warnings {
			got = append(got, strings.TrimPrefix(program.Fault(w).Error(), "f:6:9: "))
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: warnings %q, want %q", body, got, want)
		}
	}
}
