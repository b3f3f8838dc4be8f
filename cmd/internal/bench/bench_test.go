//go:build bench

package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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

// chosen are all subjects, or the one that BENCH_ONLY names.
func chosen(t *testing.T, root string) []subject {
	t.Helper()
	all, only := subjects(root), os.Getenv("BENCH_ONLY")
	if only == "" {
		return all
	}
	i := slices.IndexFunc(all, func(s subject) bool { return s.name == only })
	if i < 0 {
		t.Fatalf("BENCH_ONLY: there is no program %q", only)
	}
	return all[i : i+1]
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
	wanted := chosen(t, root)
	for _, b := range benches(t, dir, accrue) {
		for _, s := range wanted {
			b.measure(s)
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

// row of a table is what was measured of one of those that are held side by side.
type row struct {
	name string
	m    measurement
}

// measure runs them all and prints them side by side.
func (b *bench) measure(s subject) {
	work := filepath.Join(b.dir, s.name)
	defer b.clean(work)
	byHand, byFloor := filepath.Join(work, "hand.parquet"), filepath.Join(work, "floor.parquet")
	base := task{Exports: filepath.Join(b.exports(), "date="+date), Work: work, Program: s.name}

	hand := base
	hand.Kind, hand.Script, hand.Out = "script", s.script, byHand
	handTook := b.must(runChild(hand))

	project := filepath.Join(work, "accrue")
	took, granted := b.accrueRun(b.accrue, s, project)
	runs := []row{{"accrue run", took}}
	found := b.compare(s.name, base, byHand, granted)
	held := []string{"by hand: " + b.verdict(found)}
	if next := os.Getenv("BENCH_ACCRUE_NEXT"); next != "" {
		took, verdict := b.nextRun(next, s, base, granted)
		runs, held = append(runs, row{nextDriver, took}), append(held, "on the other driver: "+verdict)
	}
	held = append(held, b.agree(s, project))

	floor := base
	floor.Kind, floor.Script, floor.Out = "script", filepath.Join(filepath.Dir(s.script), "floor.sql"), byFloor
	floor.Grants, floor.Size = found.Grants, b.size
	floorTook := b.must(runChild(floor))
	b.report(s, found.Grants, held, runs, handTook, floorTook)
}

// accrueRun makes a project, runs accrue in it and returns the file that it published.
func (b *bench) accrueRun(accrue string, s subject, work string) (measurement, string) {
	b.project(work, s)
	took := b.must(run(accrue, "--project", work, "run", "--date", date, "--json", "--profile"))
	return took, filepath.Join(work, "grants", s.name, "date="+date, "seq=001", "grants.parquet")
}

// nextDriver is the row of the accrue that is built with the driver's successor.
const nextDriver = "accrue run, duckdb-go v2"

// nextRun runs that accrue in a project of its own. What it publishes has to be what accrue has published, to the byte.
func (b *bench) nextRun(next string, s subject, base task, granted string) (measurement, string) {
	project := filepath.Join(base.Work, "accrue-next")
	defer b.clean(project)
	took, again := b.accrueRun(next, s, project)
	if b.digest(again) == b.digest(granted) {
		return took, "every byte the same"
	}
	b.t.Errorf("%s, %s at %s transactions: %s is not what %s is", s.name, nextDriver, grouped(b.size), again, granted)
	b.compare(s.name+", "+nextDriver, base, again, granted)
	return took, differs
}

// digest is the SHA-256 of a file.
func (b *bench) digest(path string) string {
	h := sha256.New()
	f, err := os.Open(path)
	if err == nil {
		_, err = io.Copy(h, f)
		f.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// compare holds a result against accrue's.
func (b *bench) compare(name string, base task, out, granted string) comparison {
	b.t.Helper()
	base.Kind, base.Out, base.Other, base.Full = "compare", out, granted, b.size <= fullCompareUpTo
	return b.found(name, base)
}

// found has a child hold two things together and fails the test with every difference.
func (b *bench) found(name string, t task) comparison {
	b.t.Helper()
	compared := b.must(runChild(t))
	var found comparison
	if err := json.Unmarshal(compared.output, &found); err != nil {
		b.t.Fatalf("%v in %q", err, compared.output)
	}
	for _, d := range found.Differences {
		b.t.Errorf("%s at %s transactions: %s", name, grouped(b.size), d)
	}
	return found
}

// differs is the verdict on what should be the same and is not.
const differs = "DIFFERS"

func (b *bench) verdict(found comparison) string {
	switch {
	case len(found.Differences) > 0:
		return differs
	case b.size > fullCompareUpTo:
		return "rows and sums by rule the same"
	}
	return "every row the same"
}

// project writes the folder that accrue runs in, anew where BENCH_KEEP has kept it. Its grants are Parquet, as those of the
// script.
func (b *bench) project(work string, s subject) {
	settings := fmt.Sprintf("exports: {path: %s}\ngrants: {formats: [parquet]}\nmemory_limit: %s\nthreads: %d\n",
		strconv.Quote(b.exports()), memoryLimit, threads())
	program, err := os.ReadFile(s.program)
	if err == nil {
		err = os.RemoveAll(work)
	}
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

// report prints a table; held says what the grants were held against, and how that came out.
func (b *bench) report(s subject, grants int64, held []string, runs []row, hand, floor measurement) {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s, %s transactions, %s lines, %s grants; %d threads, memory_limit %s\n%s\n\n", s.name, grouped(b.size),
		grouped(2*b.size), grouped(grants), threads(), memoryLimit, strings.Join(held, "; "))
	fmt.Fprintf(&out, "  %-24s %9s %9s %9s %12s %9s %9s\n", "", "seconds", "× hand", "× floor", "CPU seconds", "× hand", "peak MB")
	for _, r := range append(slices.Clone(runs), row{"hand-written script", hand}, row{"floor: read and write", floor}) {
		fmt.Fprintf(&out, "  %-24s %9.2f %9.2f %9.2f %12.2f %9.2f %9s\n", r.name, r.m.seconds, r.m.seconds/hand.seconds,
			r.m.seconds/floor.seconds, r.m.cpu, r.m.cpu/hand.cpu, grouped(r.m.peakKB/1024))
	}
	b.writeStages(&out, runs)
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
