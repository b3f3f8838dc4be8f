//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"accrue/pipeline"
)

// firstDate of a history.
const firstDate = "2026-01-01"

// TestBenchHistory measures what the past costs: a backfill of BENCH_DAYS deliveries of BENCH_DAY transactions each beside
// one run over the same rows as one date, and a night with that history beside the same night without one.
func TestBenchHistory(t *testing.T) {
	b := &bench{t: t, accrue: os.Getenv("BENCH_ACCRUE"), size: number(t, "BENCH_DAY")}
	days := number(t, "BENCH_DAYS")
	b.dir = filepath.Join(os.Getenv("BENCH_DIR"), fmt.Sprintf("history-%dx%d", days, b.size))
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	wanted := chosen(t, root)
	first, err := pipeline.ParseDate(firstDate)
	if err != nil {
		t.Fatal(err)
	}
	last := first + pipeline.Date(days) - 1
	next := last + 1
	all := filepath.Join(b.dir, "all")
	if _, err := os.Stat(filepath.Join(all, "date="+next.String(), "_SUCCESS")); err != nil {
		b.must(run(b.accrue, "generate", "--from", firstDate, "--days", strconv.FormatInt(days+1, 10), "--transactions",
			strconv.FormatInt(b.size, 10), "--members", strconv.FormatInt(4*b.size, 10), "--format", "parquet", "--dir", all))
	}
	for _, s := range wanted {
		b.history(s, all, first, last)
	}
}

func number(t *testing.T, variable string) int64 {
	n, err := strconv.ParseInt(os.Getenv(variable), 10, 32)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: want a number; use `make bench-history`", variable, os.Getenv(variable))
	}
	return n
}

// history is what one program's measurements are made of.
type history struct {
	*bench
	subject     subject
	all         string // the folder of all deliveries
	first, last pipeline.Date
}

// history measures one program.
func (b *bench) history(s subject, all string, first, last pipeline.Date) {
	h := &history{bench: b, subject: s, all: all, first: first, last: last}
	days := float64(last - first + 1)
	oneRun := h.oneDate()
	backfill, night, whole := h.dayByDay()
	empty, fresh := h.night(false), h.night(true)

	var out strings.Builder
	fmt.Fprintf(&out, "\n%s, %.0f dates of %s transactions with two lines each; %d threads, memory_limit %s\n\n", s.name, days,
		grouped(b.size), threads(), memoryLimit)
	fmt.Fprintf(&out, "  %-46s %9s %12s %9s\n", "", "seconds", "CPU seconds", "peak MB")
	for _, row := range []struct {
		name string
		m    measurement
	}{
		{"one run over the same rows as one date", oneRun}, {"backfill", backfill}, {"the next night", night},
		{"the same night without past purchases", fresh}, {"the same night, and nothing known of anybody", empty},
		{"everything evaluated again, nothing written", whole},
	} {
		fmt.Fprintf(&out, "  %-46s %9.2f %12.2f %9s\n", row.name, row.m.seconds, row.m.cpu, grouped(row.m.peakKB/1024))
	}
	// A night costs between one without history and one with all of it; one that evaluated everything, that and its share.
	nights := days * (fresh.seconds + night.seconds) / 2
	naive := nights + days*whole.seconds/2
	fmt.Fprintf(&out, "\n  backfill / one run %.2f · night with history / without %.2f, / in an empty warehouse %.2f\n",
		backfill.seconds/oneRun.seconds, night.seconds/fresh.seconds, night.seconds/empty.seconds)
	fmt.Fprintf(&out, "  %.0f nights, at the mean of the first and the last: %.0f s, %.1f times the backfill; if each evaluated everything: %.0f s, %.0f times\n",
		days, nights, nights/backfill.seconds, naive, naive/backfill.seconds)
	b.t.Log(out.String())
}

// project makes a new project and returns its folder and that of its deliveries.
func (h *history) project(name string) (dir, exports string) {
	dir = filepath.Join(h.dir, h.subject.name+"-"+name)
	own := *h.bench
	own.dir = dir
	own.project(dir, h.subject)
	return dir, filepath.Join(dir, "exports")
}

// oneDate is one run over everything as the delivery of the last date.
func (h *history) oneDate() measurement {
	dir, exports := h.project("one")
	defer h.clean(dir)
	for d := h.first; d <= h.last; d++ {
		h.link(h.all, d, exports, h.last)
	}
	return h.must(run(h.accrue, "--project", dir, "run", "--date", h.last.String()))
}

// dayByDay is a backfill over everything, the night after it, and what the last night would cost that evaluated
// everything: nothing differs then, and a backfill looks at all of it.
func (h *history) dayByDay() (backfill, night, whole measurement) {
	dir, exports := h.project("many")
	defer h.clean(dir)
	for d := h.first; d <= h.last; d++ {
		h.link(h.all, d, exports, d)
	}
	next := h.last + 1
	backfill = h.must(run(h.accrue, "--project", dir, "backfill", "--from", h.first.String(), "--to", h.last.String()))
	h.link(h.all, next, exports, next)
	night = h.must(run(h.accrue, "--project", dir, "run", "--date", next.String()))
	whole = h.must(run(h.accrue, "--project", dir, "backfill", "--dry-run", "--from", next.String(), "--to", next.String()))
	return backfill, night, whole
}

// night is that after the history without it: in an empty warehouse, or in one that knows the members, by whose tiers the
// night pays the same.
func (h *history) night(members bool) measurement {
	dir, exports := h.project("alone")
	defer h.clean(dir)
	for d := h.first; members && d <= h.last; d++ {
		h.link(h.all, d, exports, d, "members", "activities") // a delivery has purchases or activities
	}
	if members {
		h.must(run(h.accrue, "--project", dir, "run", "--date", h.last.String()))
	}
	next := h.last + 1
	h.link(h.all, next, exports, next)
	return h.must(run(h.accrue, "--project", dir, "run", "--date", next.String()))
}

// link puts the files of a delivery into another one, as they are, under names of their own: those of some datasets, or all.
func (b *bench) link(all string, from pipeline.Date, exports string, to pipeline.Date, only ...string) {
	source, target := filepath.Join(all, "date="+from.String()), filepath.Join(exports, "date="+to.String())
	files, err := os.ReadDir(source)
	if err == nil {
		err = os.MkdirAll(target, 0o755)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range files {
		name := f.Name()
		stem, ext, _ := strings.Cut(name, ".")
		switch {
		case ext == "parquet" && len(only) > 0 && !slices.Contains(only, stem):
			continue
		case ext == "parquet" && from != to && stem == "members": // one delivery knows a member once
			continue
		case stem == "transactions-settled": // and a transaction; left out everywhere, for the same rows
			continue
		case ext == "parquet":
			name = stem + "-" + from.String() + "." + ext
		case name != "_SUCCESS": // what control.json says is no longer so
			continue
		}
		if err := os.Link(filepath.Join(source, f.Name()), filepath.Join(target, name)); err != nil && !os.IsExist(err) {
			b.t.Fatal(err)
		}
	}
}
