package jobs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/generate"
)

// settings writes an accrue.yaml and opens the project anew.
func settings(t *testing.T, p *Project, text string) *Project {
	t.Helper()
	write(t, filepath.Join(p.Dir, SettingsName), text)
	return open(t, p.Dir)
}

// P1: the same inputs give byte-identical grant files, whatever the threads and the memory limit. The data is more
// than one row group, so that threads share the work.
func TestP1SameBytesOnAnyMachine(t *testing.T) {
	t.Parallel()
	source := sampleProject(t)
	o := generate.Defaults()
	o.Dir, o.From, o.Transactions, o.Format, o.Members = source.ExportsDir(), day(t, "2026-11-22"), 150_000, "parquet", 2_000
	if _, err := generate.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	for _, machine := range []string{
		"threads: 1\nmemory_limit: 4GB\n", "threads: 2\nmemory_limit: 4GB\n", "threads: 8\nmemory_limit: 600MB\n",
	} {
		p := sampleProject(t)
		link(t, filepath.Join(source.ExportsDir(), "date=2026-11-22"), filepath.Join(p.ExportsDir(), "date=2026-11-22"))
		p = settings(t, p, machine+"grants: {formats: [csv, parquet, ndjson, arrow]}\n")
		run(t, p, "2026-11-22")
		got := published(t, p, nil) // manifests too: they hold nothing of the machine
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with %q published files differ from those of one thread:\n%s", machine, diff)
		}
	}
	if len(want) != 5 {
		t.Errorf("published %v, want four formats and a manifest", want)
	}
}

// link makes a folder whose files are those of another.
func link(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// P1: nor do the order of the rows, the files that they are split over and how many grants are taken out at once change
// a byte of a grant file.
func TestP1SameBytesForAnyOrderOfRows(t *testing.T) {
	t.Parallel()
	source := sampleProject(t)
	o := generate.Defaults()
	o.Dir, o.From, o.Days, o.Transactions, o.Members = source.ExportsDir(), day(t, "2026-11-22"), 2, 1_500, 60
	if _, err := generate.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	dates := []string{"2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"}
	run(t, source, dates...)
	want := published(t, source, grantFiles)
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		p := sampleProject(t)
		shuffle(t, rnd, source.ExportsDir(), p.ExportsDir())
		p = settings(t, p, fmt.Sprintf("exports: {ready: folder}\nthreads: %d\n", 1+rnd.IntN(4)))
		runWith(t, p, RunOptions{SliceRows: 1 + 50*int64(seed)}, dates...)
		if diff := cmp.Diff(want, published(t, p, grantFiles)); diff != "" {
			t.Errorf("seed %d: published files (-as delivered +shuffled):\n%s", seed, diff)
		}
	}
}

// shuffle writes the rows of every CSV file in another order, and over one to four files.
func shuffle(t *testing.T, rnd *rand.Rand, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(from, "date=*", "*.csv"))
	if err != nil || len(paths) < 15 {
		t.Fatalf("%d files to shuffle (%v)", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n")+"\n", "\n")
		head, rows := lines[0], lines[1:len(lines)-1]
		rnd.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		parts := make([]string, 1+rnd.IntN(4))
		for i := range parts {
			parts[i] = head
		}
		for _, row := range rows {
			parts[rnd.IntN(len(parts))] += row
		}
		stem := strings.TrimSuffix(filepath.Base(path), ".csv")
		for i, part := range parts {
			write(t, filepath.Join(to, filepath.Base(filepath.Dir(path)), fmt.Sprintf("%s-%d.csv", stem, i)), part)
		}
	}
}
