package program_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"accrue/pipeline/program"
	"accrue/pipeline/yamlpos"
	"accrue/schemas"
)

// value is a tree as an editor hands it to its JSON Schema: numbers exact, all other scalars as YAML 1.2 reads them.
func value(n *yamlpos.Node) any {
	switch n.Kind {
	case yamlpos.Mapping:
		out := map[string]any{}
		for _, e := range n.Entries {
			out[e.Key] = value(e.Value)
		}
		return out
	case yamlpos.List:
		out := []any{}
		for _, it := range n.Items {
			out = append(out, value(it))
		}
		return out
	case yamlpos.Number:
		if v := json.Number(strings.TrimLeft(n.Text, "0")); json.Valid([]byte(n.Text)) {
			return json.Number(n.Text)
		} else if json.Valid([]byte(v)) {
			return v // 007
		}
		return n.Text
	case yamlpos.Bool:
		return n.Text == "true"
	case yamlpos.Null:
		return nil
	}
	return n.Text
}

func schema(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func goodFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"/*.yaml", "/versions/*.y*ml", "/../sample/programs/*.yaml"} {
		found, err := filepath.Glob(goodPrograms + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func TestSchemaTakesGoodPrograms(t *testing.T) {
	s := schema(t, schemas.ProgramJSON)
	for _, file := range goodFiles(t) {
		text := read(t, file)
		if _, faults, err := program.Load(file); err != nil || len(faults) > 0 {
			t.Error(err, faults)
			continue
		}
		doc, _ := yamlpos.Parse(file, text)
		if err := s.Validate(value(doc.Root)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaRefusesBadPrograms(t *testing.T) {
	// What one part of a file says about another is beyond a JSON Schema.
	beyond := []string{"unknown-rewards.yaml", "no-tiers.yaml"}
	s := schema(t, schemas.ProgramJSON)
	files, _ := filepath.Glob(filepath.Join(badPrograms, "*.yaml"))
	refused := 0
	for _, file := range files {
		doc, faults := yamlpos.Parse(file, read(t, file))
		if len(faults) > 0 {
			continue // no YAML, or no YAML that is read
		}
		err := s.Validate(value(doc.Root))
		if slices.Contains(beyond, filepath.Base(file)) {
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		} else if err == nil {
			t.Errorf("%s fits the schema", file)
		} else {
			refused++
		}
	}
	if refused < 10 {
		t.Errorf("only %d files were refused", refused)
	}
}

// TestSchemaKnowsKeyFaults tries single faults, so that each is seen by itself.
func TestSchemaKnowsKeyFaults(t *testing.T) {
	s := schema(t, schemas.ProgramJSON)
	rule := func(body string) string { return frame + "rules:\n  - {id: a, " + body + "}\n" }
	good := []string{
		rule("kind: milestone, every: 5, earn: 1, count: orders, period: year"), rule("kind: milestone, at: [5, 20], earn: 1"),
		rule("kind: milestone, at: [0.5], sum: spend, earn: 1"),
		frame + "tier_from: spend\ntiers: [{id: a}, {id: b, over: 5, within_days: 365}]\nrules: [{id: a, kind: visit, earn: 1}]\n",
		rule("kind: spend, earn: 1, per: 100"), rule("kind: activity, on: x, earn: value"), rule("kind: multiplier, of: [b], factor: 1.5"),
		rule("kind: gift_code, codes: {A: {earn: 1, from: 2026-01-01, until: 2026-01-02, times: 3}, 10: {earn: {gold: 2}}}"),
		rule("kind: referral, earn: 1, referee_earn: {gold: 2}, qualify: {over: 0.5, within_days: 0}"), rule("kind: referral, referee_earn: 1"),
		rule("kind: birthday, earn: 1"), rule("kind: birthday, earn: {gold: 2.5}, feb_29: mar_1, budget: 100"),
		rule("kind: visit, earn: {gold: 1}, min_spend: {at_least: 5, of: items}, limits: {per_day: 3, per_month: {times: 1}}"),
	}
	bad := []string{
		rule("kind: milestone, earn: 1"), rule("kind: milestone, every: 5"), rule("kind: milestone, every: 5, at: [5], earn: 1"),
		rule("kind: milestone, every: 2.5, earn: 1"), rule("kind: milestone, at: [2.5], earn: 1"), rule("kind: milestone, at: [], earn: 1"),
		rule("kind: milestone, every: 0, sum: spend, earn: 1"), rule("kind: milestone, every: 5, count: orders, sum: spend, earn: 1"),
		rule("kind: milestone, every: 5, period: week, earn: 1"), rule("kind: milestone, at: 5, earn: 1"),
		rule("kind: spend, earn: 1"), rule("kind: spend, earn: 1, per: 0"), rule("kind: spend, earn: -1, per: 1"),
		rule("kind: spend, ern: 1, per: 1"), rule("kind: visit, earn: 1, per: 1"), rule("kind: visit"), rule("earn: 1"),
		rule("kind: visits, earn: 1"), rule("kind: multiplier, of: [b], factor: 1"),
		rule("kind: multiplier, of: [], factor: 2"), rule("kind: multiplier, of: [b], factor: 2, reward: points"),
		rule("kind: activity, on: x"), rule("kind: activity, earn: 1"), rule("kind: activity, on: x, earn: values"),
		rule("kind: visit, earn: value"), rule("kind: visit, earn: 1, when: {tiers: []}"), rule("kind: visit, earn: 1, when: {}"),
		rule("kind: visit, earn: 1, when: {weekdays: [monday]}"), rule("kind: visit, earn: 1, when: {hours: {from: 9:00, until: 10:00}}"),
		rule("kind: visit, earn: 1, limits: {per_transaction: {times: 1}}"), rule("kind: visit, earn: 1, limits: {per_hour: 1}"),
		rule("kind: visit, earn: 1, limits: {per_day: {times: 1.5}}"), rule("kind: visit, earn: 1, budget: -1"),
		rule("kind: visit, earn: 1, min_gap: 30"), rule("kind: visit, earn: 1, min_gap: soon"), rule("kind: visit, earn: 1, rounding: up"),
		rule("kind: visit, earn: 1, min_spend: {over: 1, at_least: 1}"), rule("kind: spend, earn: 1, per: 1, basis: qualifying"),
		rule("kind: visit, earn: 1, active: {from: tomorrow}"), rule("kind: visit, earn: 1, items: {include: {category: spa}}"),
		rule("kind: referral"), rule("kind: referral, earn: 1, qualify: {}"), rule("kind: referral, earn: 1, qualify: {at_least: 5}"),
		rule("kind: referral, earn: 1, qualify: {over: -1}"), rule("kind: referral, earn: 1, qualify: {within_days: 1.5}"),
		rule("kind: gift_code"), rule("kind: gift_code, codes: {}"), rule("kind: gift_code, codes: {A: 5}"),
		rule("kind: gift_code, codes: {A: {from: 2026-01-01}}"), rule("kind: gift_code, codes: {A: {earn: 1, times: 0}}"),
		rule("kind: gift_code, codes: {A: {earn: 1, til: 2026-01-01}}"), rule("kind: gift_code, codes: [A]"),
		rule("kind: birthday"), rule("kind: birthday, earn: 1, feb_29: feb_30"), rule("kind: birthday, earn: 1, per: 5"),
		frame + "rules: []\n", frame + "rules: [base]\n", frame, "program: p\nrules: [{id: a, kind: visit, earn: 1}]\n",
		frame + "limits: {points: {per_day: {times: 1}}}\nrules: [{id: a, kind: visit, earn: 1}]\n",
		frame + "tiers: [{id: a, over: 5}]\nrules: [{id: a, kind: visit, earn: 1}]\n",
		frame + "tier_from: spend\ntiers: [{id: a}]\nrules: [{id: a, kind: visit, earn: 1}]\n",
		frame + "tier_from: spend\ntiers: [{id: a, over: 5}, {id: b, within_days: 5}]\nrules: [{id: a, kind: visit, earn: 1}]\n",
		frame + "tier_from: spend\nrules: [{id: a, kind: visit, earn: 1}]\n", frame + "tears: []\nrules: [{id: a, kind: visit, earn: 1}]\n",
		frame + "rewards: {points: {scale: 5}}\nrules: [{id: a, kind: visit, earn: 1}]\n",
		frame + "rewards: {points: {expires: {after_days: 1, end_of: year}}}\nrules: [{id: a, kind: visit, earn: 1}]\n",
	}
	check := func(text string, want bool) {
		doc, faults := yamlpos.Parse("f", []byte(text))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if err := s.Validate(value(doc.Root)); (err == nil) != want {
			t.Errorf("fits: %v, want %v: %s%v", err == nil, want, text, err)
		}
	}
	for _, text := range good {
		check(text, true)
	}
	for _, text := range bad {
		check(text, false)
		if p, _ := program.Parse("f", []byte(text)); p != nil {
			t.Errorf("is a program: %s", text)
		}
	}
}

// TestSchemaHasTheKeysOfTheParser holds the two lists of keys against each other, kind by kind.
func TestSchemaHasTheKeysOfTheParser(t *testing.T) {
	var s struct {
		Properties  map[string]any
		Definitions map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(schemas.ProgramJSON, &s); err != nil {
		t.Fatal(err)
	}
	for _, kind := range program.Kinds() {
		// A rule that has no key but its kind and one that nobody knows is asked what could be there.
		_, faults := program.Parse("f", []byte(frame+fmt.Sprintf("rules: [{id: a, kind: %s, zzzzzzzzzzzzzz: 1}]", kind)))
		var want []string
		for _, f := range faults {
			if known, ok := strings.CutPrefix(f.Hint, "known here: "); ok {
				want = strings.Split(known, ", ")
			}
		}
		if kind == program.KindMultiplier {
			want = slices.DeleteFunc(want, func(k string) bool { return k == "reward" })
		}
		slices.Sort(want)
		got := sortedKeys(s.Definitions["rule_"+string(kind)].Properties)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	_, faults := program.Parse("f", []byte("zzzzzzzzzzzzzzzzzzzz: 1"))
	var want []string
	for _, f := range faults {
		if known, ok := strings.CutPrefix(f.Hint, "known here: "); ok {
			want = strings.Split(known, ", ")
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, sortedKeys(s.Properties)); diff != "" {
		t.Error(diff)
	}
}

func sortedKeys(m map[string]any) []string {
	keys := []string{}
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestSchemasDescribeEveryKey: what an editor shows for a key is written at the key or where it refers to.
func TestSchemasDescribeEveryKey(t *testing.T) {
	for name, text := range map[string][]byte{"program": schemas.ProgramJSON, "accrue": schemas.AccrueJSON} {
		var root map[string]any
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		definitions, _ := root["definitions"].(map[string]any)
		seen := 0
		var walk func(path string, v any)
		walk = func(path string, v any) {
			switch v := v.(type) {
			case map[string]any:
				properties, _ := v["properties"].(map[string]any)
				for key, p := range properties {
					seen++
					p := p.(map[string]any)
					if ref, ok := p["$ref"].(string); ok {
						p = definitions[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
					}
					isCondition := strings.HasSuffix(path, ".if")
					if text, _ := p["description"].(string); !isCondition && (len(text) < 4 || !strings.HasSuffix(text, ".")) {
						t.Errorf("%s%s.%s has no description", name, path, key)
					}
				}
				for key, x := range v {
					walk(path+"."+key, x)
				}
			case []any:
				for _, x := range v {
					walk(path, x)
				}
			}
		}
		walk("", root)
		if seen < 10 {
			t.Errorf("%s: only %d keys", name, seen)
		}
	}
}
