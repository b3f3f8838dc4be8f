//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"accrue/pipeline"
	"accrue/pipeline/generate"
)

// date is a Saturday, so that the sample's weekend rule is at work.
const date = "2026-11-21"

// memoryLimit bounds DuckDB, in accrue.yaml and in the scripts alike.
const memoryLimit = "4GB"

// fullCompareUpTo transactions, every row of the two results is compared; above, counts and sums by rule.
const fullCompareUpTo = 2_000_000

// subject is a program and the script that does the same by hand.
type subject struct{ name, program, script string }

func subjects(root string) []subject {
	fixtures := filepath.Join(root, "fixtures")
	return []subject{
		{"two-rules", filepath.Join(fixtures, "bench", "programs", "two-rules.yaml"), filepath.Join(fixtures, "bench", "two-rules.sql")},
		{"jcb", filepath.Join(fixtures, "bench", "programs", "jcb.yaml"), filepath.Join(fixtures, "bench", "sample.sql")},
	}
}

func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		os.Exit(child(task))
	}
	os.Exit(m.Run())
}

// places are the module's folder, that of the data, and the accrue that is measured.
func places(t *testing.T) (root, dir, accrue string) {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if accrue = os.Getenv("BENCH_ACCRUE"); accrue == "" {
		t.Fatal("BENCH_ACCRUE must name the accrue binary; use `make bench`")
	}
	if dir = os.Getenv("BENCH_DIR"); dir == "" {
		dir = filepath.Join(root, "bench")
	}
	return root, dir, accrue
}

// benches gives one for each of BENCH_SIZES, with its delivery in place when its turn comes.
func benches(t *testing.T, dir, accrue string) iter.Seq2[int, *bench] {
	t.Helper()
	return func(yield func(int, *bench) bool) {
		for i, text := range strings.Fields(os.Getenv("BENCH_SIZES")) {
			size, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatalf("BENCH_SIZES: %v", err)
			}
			b := &bench{t: t, accrue: accrue, dir: filepath.Join(dir, text), size: size}
			b.generate()
			if !yield(i, b) {
				return
			}
		}
	}
}

func TestBench(t *testing.T) {
	root, dir, accrue := places(t)
	for _, b := range benches(t, dir, accrue) {
		for _, s := range subjects(root) {
			if only := os.Getenv("BENCH_ONLY"); only == "" || only == s.name {
				b.measure(s)
			}
		}
	}
}

type bench struct {
	t           *testing.T
	accrue, dir string
	size        int64
}

func (b *bench) exports() string { return filepath.Join(b.dir, "exports") }

// generate writes the delivery unless it is there; what it holds depends on the options alone.
func (b *bench) generate() {
	if _, err := os.Stat(filepath.Join(b.exports(), "date="+date, "_SUCCESS")); err == nil {
		b.t.Logf("%s transactions: the delivery is there already", grouped(b.size))
		return
	}
	m := b.must(runChild(task{Kind: "generate", Exports: b.exports(), Size: b.size}))
	b.t.Logf("%s transactions with two lines each, generated in %.1f s", grouped(b.size), m.seconds)
}

// generateChild is what the child process does for generate.
func generateChild(ctx context.Context, t task) error {
	o := generate.Defaults()
	from, err := pipeline.ParseDate(date)
	if err != nil {
		return err
	}
	o.Dir, o.From, o.Transactions, o.Format = t.Exports, from, t.Size, "parquet"
	_, err = generate.Run(ctx, o)
	return err
}

func (b *bench) must(m measurement, err error) measurement {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// measure runs the three and prints them side by side.
func (b *bench) measure(s subject) {
	work := filepath.Join(b.dir, s.name)
	b.clean(work)
	defer b.clean(work)
	b.project(work, s)
	byHand, byFloor := filepath.Join(work, "hand.parquet"), filepath.Join(work, "floor.parquet")
	base := task{Exports: filepath.Join(b.exports(), "date="+date), Work: work, Program: s.name}

	hand := base
	hand.Kind, hand.Script, hand.Out = "script", s.script, byHand
	handTook := b.must(runChild(hand))

	granted := filepath.Join(work, "grants", s.name, "date="+date, "seq=001", "grants.parquet")
	accrueTook := b.must(run(b.accrue, "--project", work, "run", "--date", date))

	found := b.compare(s.name, base, byHand, granted)

	floor := base
	floor.Kind, floor.Script, floor.Out = "script", filepath.Join(filepath.Dir(s.script), "floor.sql"), byFloor
	floor.Grants, floor.Size = found.Grants, b.size
	floorTook := b.must(runChild(floor))
	b.report(s, found, accrueTook, handTook, floorTook)
}

// compare holds a result against accrue's and fails the test with every difference.
func (b *bench) compare(name string, base task, out, granted string) comparison {
	b.t.Helper()
	base.Kind, base.Out, base.Other, base.Full = "compare", out, granted, b.size <= fullCompareUpTo
	compared := b.must(runChild(base))
	var found comparison
	if err := json.Unmarshal(compared.output, &found); err != nil {
		b.t.Fatalf("%v in %q", err, compared.output)
	}
	for _, d := range found.Differences {
		b.t.Errorf("%s at %s transactions: %s", name, grouped(b.size), d)
	}
	return found
}

// project writes the folder that accrue runs in. Its grants are Parquet, as those of the script.
func (b *bench) project(work string, s subject) {
	settings := fmt.Sprintf("exports: {path: %s}\ngrants: {formats: [parquet]}\nmemory_limit: %s\nthreads: %d\n",
		strconv.Quote(b.exports()), memoryLimit, threads())
	program, err := os.ReadFile(s.program)
	if err == nil {
		err = os.MkdirAll(filepath.Join(work, "programs"), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(work, "accrue.yaml"), []byte(settings), 0o644)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(work, "programs", filepath.Base(s.program)), program, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) clean(work string) {
	if os.Getenv("BENCH_KEEP") == "" {
		if err := os.RemoveAll(work); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) report(s subject, found comparison, accrue, hand, floor measurement) {
	how := "every row the same"
	if b.size > fullCompareUpTo {
		how = "the same rows and sums by rule"
	}
	if len(found.Differences) > 0 {
		how = "THE RESULTS DIFFER"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s, %s transactions, %s lines, %s grants; %d threads, memory_limit %s; %s\n\n", s.name,
		grouped(b.size), grouped(2*b.size), grouped(found.Grants), threads(), memoryLimit, how)
	fmt.Fprintf(&out, "  %-22s %9s %9s %9s %12s %9s %9s\n", "", "seconds", "× hand", "× floor", "CPU seconds", "× hand", "peak MB")
	for _, row := range []struct {
		name string
		m    measurement
	}{{"accrue run", accrue}, {"hand-written script", hand}, {"floor: read and write", floor}} {
		fmt.Fprintf(&out, "  %-22s %9.2f %9.2f %9.2f %12.2f %9.2f %9s\n", row.name, row.m.seconds, row.m.seconds/hand.seconds,
			row.m.seconds/floor.seconds, row.m.cpu, row.m.cpu/hand.cpu, grouped(row.m.peakKB/1024))
	}
	b.t.Log(out.String())
}

func threads() int { return runtime.NumCPU() }

// grouped writes a number with a comma between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
