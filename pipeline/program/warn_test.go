package program_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
)

const warnings = "../../fixtures/warnings"

// warned is all that is said about a family, as people read it.
func warned(t *testing.T, f *program.Family) string {
	t.Helper()
	var texts []string
	for i := range f.Versions {
		for _, w := range f.WarningsOf(i) {
			if w.Hint == "" || w.Source == "" {
				t.Errorf("no hint or no line: %v", w)
			}
			texts = append(texts, w.Text())
		}
	}
	return strings.Join(texts, "\n")
}

// TestWarnings holds everything that is said about each dangerous program, to the letter, against the text that stands
// beside it. The files hold sane rules too, about which nothing is said.
func TestWarnings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(warnings, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dangerous programs: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, faults := program.Parse(filepath.Base(file), read(t, file))
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			want := string(read(t, strings.TrimSuffix(file, ".yaml")+".txt"))
			if diff := cmp.Diff(want, warned(t, &program.Family{Versions: []*program.Program{p}})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWarningsOfVersions does the same for what follows from versions beside each other.
func TestWarningsOfVersions(t *testing.T) {
	t.Chdir(warnings)
	folders, err := filepath.Glob("*/expected.txt")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no folders: %v", err)
	}
	for _, file := range folders {
		dir := filepath.Dir(file)
		t.Run(dir, func(t *testing.T) {
			families, faults, err := program.LoadDir(dir)
			if err != nil || len(faults) > 0 || len(families) != 1 {
				t.Fatal(faults, err)
			}
			if diff := cmp.Diff(string(read(t, file)), warned(t, families[0])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoWarnings(t *testing.T) {
	p, faults := program.Parse("f", []byte(frame+"rules: [{id: a, kind: visit, earn: 1}]"))
	if len(faults) > 0 || len(p.Warnings) > 0 {
		t.Error(faults, p)
	}
}

// The sample and the README's programs are sane.
func TestSampleHasNoWarnings(t *testing.T) {
	families, faults, err := program.LoadDir("../../fixtures/sample/programs")
	if err != nil || len(faults) > 0 {
		t.Fatal(faults, err)
	}
	for _, f := range families {
		if said := warned(t, f); said != "" {
			t.Error(said)
		}
	}
}
