package jobs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"accrue/pipeline/program"
)

// The sample is there to be looked at: in its two nights every rule, a referral's second one too, pays at least once and
// is refused at least once.
func TestSampleShowsEveryRule(t *testing.T) {
	t.Parallel()
	p := wholeSample(t)
	run(t, p, nights...)
	r := reader(t, p)
	out := filepath.Join(t.TempDir(), "why.ndjson")
	if _, err := r.ExplainRange(t.Context(), BulkExplainOptions{
		From: day(t, nights[0]), Until: day(t, nights[1]), Out: out,
	}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pays, refused := map[string]bool{}, map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var row struct{ Program, Rule, Reason string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if rule := row.Program + "/" + row.Rule; row.Reason == "" {
			pays[rule] = true
		} else {
			refused[rule] = row.Reason
		}
	}
	families, err := p.Programs()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[program.Kind]bool{}
	for _, fam := range families {
		for _, rule := range fam.Versions[0].Rules {
			kinds[rule.Kind] = true
		}
		for _, rule := range fam.RuleIDs() {
			if name := fam.ID + "/" + rule; !pays[name] || refused[name] == "" {
				t.Errorf("%s: pays %v, refused %q", name, pays[name], refused[name])
			}
		}
	}
	for _, k := range program.Kinds() {
		if !kinds[k] {
			t.Errorf("no rule of the sample is of the kind %s", k)
		}
	}
	// Both sides of a referral, and each way in which a code is refused.
	for _, want := range []string{`"rule":"refer_a_friend.referee"`, `"code_used_up"`, `"code_expired"`, `"no_such_code"`, `"not_qualified"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("nothing says %s", want)
		}
	}
}
