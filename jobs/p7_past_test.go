package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/emit"
)

// restatedProject has one night behind it, a changed program, and deliveries for two more dates.
func restatedProject(t *testing.T) *Project {
	t.Helper()
	p := plainProject(t, plainProgram)
	deliver(t, p, "2026-11-01", "t1 m 2026-11-01 100", "t2 m 2026-11-01 300")
	run(t, p, "2026-11-01")
	write(t, filepath.Join(p.Dir, "programs", "p.yaml"), strings.Replace(plainProgram, "earn: 1", "earn: 2", 1))
	deliver(t, p, "2026-11-02", "t2 m 2026-11-01 50", "t3 m 2026-11-02 400")
	deliver(t, p, "2026-11-03", "t4 m 2026-11-03 500")
	return p
}

// copyProject copies a project folder, so that the nights behind it need not be run again.
func copyProject(t *testing.T, from *Project) *Project {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from.Dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(from.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from.Dir, path)
		if err != nil {
			return err
		}
		return os.Chtimes(filepath.Join(dir, rel), info.ModTime(), info.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

// P7 for a backfill that restates: killed at the first and at the last passing of any step and started again, it ends
// in the same files and the same warehouse.
func TestP7CrashInABackfill(t *testing.T) {
	t.Parallel()
	before := restatedProject(t)
	calm := copyProject(t, before)
	var passes []string
	backfill(t, calm, "2026-11-01", "2026-11-03", restate, func(o *BackfillOptions) {
		o.Step = func(name string) { passes = append(passes, name) }
	})
	wantFiles, wantFacts := published(t, calm, nil), digests(t, calm)
	if len(wantFiles) != 8 {
		t.Fatalf("published %v, want a file and a manifest for each of four folders", wantFiles)
	}
	last, seen := map[string]int{}, map[string]int{}
	for _, step := range passes {
		last[step]++
	}
	for _, step := range passes {
		if seen[step]++; seen[step] != 1 && seen[step] != last[step] {
			continue
		}
		at := fmt.Sprintf("%s:%d", step, seen[step])
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			p := copyProject(t, before)
			start(t, p, "backfill 2026-11-01 2026-11-03", at)
			start(t, p, "backfill 2026-11-01 2026-11-03", "")
			if diff := cmp.Diff(wantFiles, published(t, p, nil)); diff != "" {
				t.Errorf("published files (-undisturbed +killed):\n%s", diff)
			}
			if diff := cmp.Diff(wantFacts, digests(t, p)); diff != "" {
				t.Errorf("warehouse (-undisturbed +killed):\n%s", diff)
			}
		})
	}
}

// P7 for a closing: killed before its commit nothing is closed; killed after it, the next start writes its file.
func TestP7CrashInAClosing(t *testing.T) {
	t.Parallel()
	before := restatedProject(t)
	for step, want := range map[string]int{stepCloseCommit: 0, stepClosePublish: 1} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			p := copyProject(t, before)
			start(t, p, "close 2026-11-01", step)
			if list, err := emit.ReadClosings(p.grantsDir()); err != nil || len(list) != 0 {
				t.Errorf("written before its time: %v, %v", list, err)
			}
			start(t, p, "backfill 2026-11-01 2026-11-03", "")
			list, err := emit.ReadClosings(p.grantsDir())
			if err != nil || len(list) != want {
				t.Errorf("closings %v (%v), want %d", list, err, want)
			}
			_, err = os.Stat(filepath.Join(p.grantsDir(), "p/date=2026-11-01/seq=002"))
			if closed := os.IsNotExist(err); closed != (want == 1) {
				t.Errorf("closed: %v, and the 1st was posted to: %v", want == 1, !closed)
			}
			noFindings(t, p)
		})
	}
}
