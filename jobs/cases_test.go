package jobs

import (
	"io/fs"
	"path/filepath"
	"testing"

	"accrue/pipeline/cases"
)

// corpus reads all cases worked by hand.
func corpus(t *testing.T) []cases.Case {
	t.Helper()
	var out []cases.Case
	err := filepath.WalkDir("../fixtures/cases", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		list, err := cases.ParseFile(path)
		out = append(out, list...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("only %d cases: the corpus is not all there", len(out))
	}
	return out
}

// Every case worked by hand comes out the same on both engines: the real nights, with ledger and files, and the
// reference.
func TestCasesOnBothEngines(t *testing.T) {
	t.Parallel()
	whole := CaseEngine{Dir: t.TempDir()}
	for _, c := range corpus(t) {
		t.Run(filepath.Base(c.File)+"/"+c.Name, func(t *testing.T) {
			t.Parallel() // each in a folder of its own
			night, err := whole.Run(c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := c.Diff(night); diff != "" {
				t.Error("the nights differ from the case:\n" + diff)
			}
			plain, err := cases.Reference{}.Run(c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := c.Diff(plain); diff != "" {
				t.Error("the reference differs from the case:\n" + diff)
			}
			if diff := cases.Compare("the nights", night, "the reference", plain); diff != "" {
				t.Error(diff)
			}
		})
	}
}
