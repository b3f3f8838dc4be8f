package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"accrue/fixtures/sample"
	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// A process of the test binary with this variable runs the project in it, for the date in the next one, or does what
// stands there (`backfill A B`, `close D`, `rebuild`): P7 kills it.
const (
	runProjectVariable = "ACCRUE_TEST_PROJECT"
	runDateVariable    = "ACCRUE_TEST_DATE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(runProjectVariable); dir != "" {
		os.Exit(runProject(dir, os.Getenv(runDateVariable)))
	}
	os.Exit(m.Run())
}

func runProject(dir, what string) int {
	if err := doProject(dir, strings.Fields(what)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func doProject(dir string, words []string) error {
	p, err := Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if words[0] == "rebuild" {
		_, err = Rebuild(ctx, p, RebuildOptions{})
		return err
	}
	var dates []pipeline.Date
	for _, w := range words[len(words)/2:] { // a date alone, or after the verb
		d, err := pipeline.ParseDate(w)
		if err != nil {
			return err
		}
		dates = append(dates, d)
	}
	switch words[0] {
	case "backfill":
		_, err = Backfill(ctx, p, BackfillOptions{From: dates[0], To: dates[1], Restate: true})
	case "close":
		_, err = Close(ctx, p, CloseOptions{Through: &dates[0]})
	default:
		err = runDisturbed(p, dates[0])
	}
	return err
}

func day(t *testing.T, s string) pipeline.Date {
	t.Helper()
	d, err := pipeline.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// nights are the dates of the sample's deliveries.
var nights = []string{"2026-11-20", "2026-11-21"}

// sampleProject writes the sample project into a folder of its own, with the first of its two programs: nights of
// several programs have tests of their own. Files bear a fixed time, so that warehouses can be compared.
func sampleProject(t *testing.T) *Project {
	t.Helper()
	p := wholeSample(t)
	if err := os.Remove(filepath.Join(p.Dir, "programs", "stamps.yaml")); err != nil {
		t.Fatal(err)
	}
	return open(t, p.Dir)
}

// wholeSample writes the sample project as `accrue init` does.
func wholeSample(t *testing.T) *Project {
	t.Helper()
	dir := t.TempDir()
	err := fs.WalkDir(sample.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := sample.Files.ReadFile(path)
		if err != nil {
			return err
		}
		write(t, filepath.Join(dir, path), string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

func open(t *testing.T, dir string) *Project {
	t.Helper()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes a file and its folders.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// run runs the project for the dates, one night after the other, and returns what the last one did.
func run(t *testing.T, p *Project, dates ...string) *Summary {
	t.Helper()
	return runWith(t, p, RunOptions{}, dates...)
}

func runWith(t *testing.T, p *Project, o RunOptions, dates ...string) *Summary {
	t.Helper()
	var s *Summary
	for _, date := range dates {
		d := day(t, date)
		var err error
		o.Date = &d
		if s, err = Run(t.Context(), p, o); err != nil {
			t.Fatalf("run for %s: %v", date, err)
		}
	}
	return s
}

// published returns the SHA-256 of every file below the grants folder, by path; keep says which, nil all.
func published(t *testing.T, p *Project, keep func(name string) bool) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := p.grantsDir()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || keep != nil && !keep(d.Name()) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		sum := sha256.Sum256(text)
		out[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return out
}

// grantFiles keeps what others post, and not the manifest, which names deliveries and runs.
func grantFiles(name string) bool { return !strings.HasPrefix(name, "manifest") }

// digests returns what the warehouse says, the run history aside.
func digests(t *testing.T, p *Project) map[string]string {
	t.Helper()
	var out map[string]string
	read(t, p, func(db *warehouse.DB) {
		var err error
		if out, err = db.Digests(t.Context(), "runs"); err != nil {
			t.Fatal(err)
		}
	})
	return out
}

// read opens the project's warehouse for reading.
func read(t *testing.T, p *Project, fn func(*warehouse.DB)) {
	t.Helper()
	r, err := p.OpenReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	fn(r.db)
}

// number runs a query for one number.
func number(t *testing.T, db *warehouse.DB, query string) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
