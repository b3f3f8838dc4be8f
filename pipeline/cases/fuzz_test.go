package cases

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"accrue/pipeline/yamlpos"
)

// FuzzCases: a case file is refused, every fault with its place, or holds cases that say the same once Format has
// written them and Parse has read them back.
func FuzzCases(f *testing.F) {
	files, err := filepath.Glob("../../fixtures/cases/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		const most = 3000 // the first case or two, and half a one: a fuzzer is slow on long seeds
		f.Add(text[:min(len(text), most)])
	}
	const head = "cases:\n  - name: a\n    program: |\n      program: p\n      version: 1\n      effective_from: 2026-01-01\n      currency: INR\n" +
		"      time_zone: UTC\n      rules: [{id: r, kind: visit, earn: 1}]\n    deliveries: {2026-11-20: {transactions: \"transaction_id,occurred_at,amount\\n\"}}\n"
	for _, tail := range []string{
		"    expect: |\n      rule,amount\n      r,1\n", "    expect: \"rule,amount\\r\\n\\\"r\\\",1\"\n", "    grants: {2026-11-20: \"amount\\n1,2\\n\"}\n",
		"    rejects: |\n\n      dataset,\"row\n      \"\n", "    covers: ['a: b', \"c,]\"]\n    rules: [r]\n    run: [2026-11-20]\n    expect: amount\n",
	} {
		f.Add([]byte(head + tail))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, faults := ParseFor("f.yaml", text, nil)
		if list != nil && len(faults) > 0 {
			t.Fatalf("cases %v, faults %v", list, faults)
		}
		for _, fault := range faults {
			if fault.Pos.File != "f.yaml" || fault.Pos.Line < 1 || fault.Pos.Column < 1 || fault.Message == "" {
				t.Errorf("a fault without a place: %+v", fault)
			}
			if fault.Source != "" && fault.Caret > utf8.RuneCountInString(fault.Source)+1 {
				t.Errorf("the caret stands behind the line: %+v", fault)
			}
			_ = fault.Text()
		}
		sorted := append(yamlpos.Faults{}, faults...)
		if sorted.Sort(); len(faults) > 0 && cmp.Diff(sorted, faults) != "" {
			t.Errorf("not in order: %v", faults)
		}
		if len(list) == 0 {
			return
		}
		again, faults := ParseFor("f.yaml", []byte(Format(list...)), nil)
		if len(faults) > 0 {
			t.Fatalf("written again:\n%s\n%v", Format(list...), faults)
		}
		if d := cmp.Diff(list, again, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Case{}, "Line"), cmpopts.IgnoreFields(Text{}, "Name", "Line"),
			cmpopts.IgnoreFields(Table{}, "Line", "HeaderLine", "HeaderAt"), cmpopts.IgnoreFields(TableRow{}, "Line", "At")); d != "" {
			t.Errorf("written again (-before +after):\n%s", d)
		}
	})
}
