package program_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
)

const badPrograms = "../../fixtures/bad-programs"

// TestBadPrograms holds everything that is said about each bad file, to the letter, against the text that stands
// beside it.
func TestBadPrograms(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(badPrograms, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad programs: %v", err)
	}
	said := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, faults := program.Parse(filepath.Base(file), read(t, file))
			if p != nil {
				t.Error("there is a program beside the faults")
			}
			said += len(faults)
			want := string(read(t, strings.TrimSuffix(file, ".yaml")+".txt"))
			if diff := cmp.Diff(want, faults.Error()); diff != "" {
				t.Error(diff)
			}
			for _, f := range faults {
				if f.Hint == "" {
					t.Errorf("no hint: %v", f)
				}
			}
		})
	}
	if said < 40 {
		t.Errorf("the bad programs show only %d faults", said)
	}
}

// TestBadFolders does the same for files that are wrong beside each other.
func TestBadFolders(t *testing.T) {
	t.Chdir(badPrograms)
	expected, err := filepath.Glob("*/expected.txt")
	if err != nil || len(expected) == 0 {
		t.Fatalf("no folders: %v", err)
	}
	for _, file := range expected {
		dir := filepath.Dir(file)
		t.Run(dir, func(t *testing.T) {
			families, faults, err := program.LoadDir(dir)
			if err != nil || families != nil {
				t.Errorf("families %v, error %v", families, err)
			}
			want := string(read(t, file))
			if diff := cmp.Diff(want, faults.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
