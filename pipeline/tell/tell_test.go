package tell_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
	"accrue/pipeline/tell"
)

const told = "../../fixtures/tell"

// Every program of the fixtures is told as the text beside it says, to the letter.
func TestPrograms(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(told, "*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d programs: %v", len(files), err)
	}
	kinds := program.Kinds()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := read(t, file)
			p, faults := program.Parse(file, []byte(text))
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			v := tell.Family(&program.Family{ID: p.ID, Versions: []*program.Program{p}})[0]
			var got strings.Builder
			fmt.Fprintf(&got, "%s, version %d\n", v.Program, v.Number)
			for _, s := range v.Frame {
				fmt.Fprintf(&got, "- %s\n", s)
			}
			for _, r := range v.Rules {
				fmt.Fprintf(&got, "%s: %s\n", r.ID, strings.Join(r.Sentences, " "))
				kinds = slices.DeleteFunc(kinds, func(k program.Kind) bool { return k == r.Kind })
			}
			if diff := cmp.Diff(read(t, strings.TrimSuffix(file, ".yaml")+".txt"), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(kinds) > 0 {
		t.Errorf("no program of %s has a rule of the kinds %v", told, kinds)
	}
}

// What each version changed is told as the folder's text says.
func TestChanges(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(told, "*", "expected.txt"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("%d folders: %v", len(folders), err)
	}
	for _, expected := range folders {
		dir := filepath.Dir(expected)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			families, faults, err := program.LoadDir(dir)
			if err != nil || len(faults) > 0 || len(families) != 1 {
				t.Fatal(faults, err)
			}
			var got strings.Builder
			for _, v := range tell.Family(families[0])[1:] {
				fmt.Fprintf(&got, "changes of version %d\n", v.Number)
				for _, s := range v.Changes {
					fmt.Fprintf(&got, "- %s\n", s)
				}
			}
			if diff := cmp.Diff(read(t, expected), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever program can be read can be told, and does not differ from itself.
func TestAllGoodProgramsAreTold(t *testing.T) {
	for _, pattern := range []string{"../../fixtures/good-programs/*.yaml", "../../fixtures/sample/programs/*.yaml", "../../fixtures/bench/programs/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			p, faults, err := program.Load(file)
			if err != nil || len(faults) > 0 {
				t.Fatal(err, faults)
			}
			for _, r := range tell.Family(&program.Family{Versions: []*program.Program{p}})[0].Rules {
				for _, s := range r.Sentences {
					if !strings.HasSuffix(s, ".") || strings.Contains(s, "  ") || strings.Contains(s, " ,") {
						t.Errorf("%s: %s: no sentence: %q", file, r.ID, s)
					}
				}
			}
			if c := tell.Changes(p, p); len(c) > 0 {
				t.Errorf("%s differs from itself: %v", file, c)
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
