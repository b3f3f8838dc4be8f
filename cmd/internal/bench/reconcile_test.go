//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"accrue/jobs"
)

// Reconciling grants with their acknowledgements, beside the same full outer join written by hand on the same files.
func TestBenchReconcile(t *testing.T) {
	root, dir, accrue := places(t)
	s := chosen(t, root)[0]
	for _, b := range benches(t, dir, accrue) {
		b.reconcile(s, filepath.Join(root, "fixtures", "bench"))
	}
}

func (b *bench) reconcile(s subject, scripts string) {
	work := filepath.Join(b.dir, "reconcile")
	defer b.clean(work)
	_, granted := b.accrueRun(b.accrue, s, work)
	// What was loaded once stays: each form begins with the warehouse as the run left it.
	warehouse, before := filepath.Join(work, "warehouse"), filepath.Join(work, "before")
	if err := os.CopyFS(before, os.DirFS(warehouse)); err != nil {
		b.t.Fatal(err)
	}
	for _, form := range []string{"parquet", "csv"} {
		acks := filepath.Join(work, "acks", date+"."+form)
		if err := errors.Join(os.RemoveAll(warehouse), os.CopyFS(warehouse, os.DirFS(before)), os.MkdirAll(filepath.Dir(acks), 0o755)); err != nil {
			b.t.Fatal(err)
		}
		base := task{Kind: "script", Work: work, Program: s.name, GrantsFile: granted, Other: acks}
		write := base
		write.Script, write.Out = filepath.Join(scripts, "acks.sql"), acks
		b.must(runChild(write))
		hand := base
		hand.Script, hand.Out = filepath.Join(scripts, "hold-acks.sql"), filepath.Join(work, "hand.parquet")
		handTook := b.must(runChild(hand))

		whole := base
		whole.Kind = "reconcile"
		took := b.must(runChild(whole))
		var found reconciled
		if err := json.Unmarshal(took.output, &found); err != nil {
			b.t.Fatalf("%v in %q", err, took.output)
		}
		if found.Open != 0 {
			b.t.Errorf("%d breaks of grants that are all acknowledged", found.Open)
		}
		b.reportTie(form, found, handTook, took)
		if err := os.RemoveAll(filepath.Dir(acks)); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) reportTie(form string, found reconciled, hand, whole measurement) {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s grants and their acknowledgements (%s); %d threads, memory_limit %s\n\n  %-44s %9s %9s %12s %9s %9s\n",
		grouped(found.Grants), form, threads(), memoryLimit, "", "seconds", "× hand", "CPU seconds", "× hand", "peak MB")
	line := func(name string, l lap, peak string) {
		fmt.Fprintf(&out, "  %-44s %9.2f %9.2f %12.2f %9.2f %9s\n", name, l.Seconds, l.Seconds/hand.seconds, l.CPU, l.CPU/hand.cpu, peak)
	}
	line("full outer join by hand", lap{hand.seconds, hand.cpu}, grouped(hand.peakKB/1024))
	line("accrue reconcile: grants ↔ acknowledgements", lap{found.Load.Seconds + found.Hold.Seconds, found.Load.CPU + found.Hold.CPU}, "")
	line("  of that, loading the acknowledgements", found.Load, "")
	line("  of that, holding them together", found.Hold, "")
	line("accrue reconcile: all five ties", lap{whole.seconds, whole.cpu}, grouped(whole.peakKB/1024))
	b.t.Log(out.String())
}

// reconciled is what reconcileChild found, and what the tie of acknowledgements took.
type reconciled struct {
	Grants, Open int64
	Load, Hold   lap
}

// lap is a part of what a process did.
type lap struct{ Seconds, CPU float64 }

// since is the lap from one moment to another.
func (l lap) since(start lap) lap { return lap{l.Seconds - start.Seconds, l.CPU - start.CPU} }

// moment is the time, and what the process has used up to it.
func moment() lap {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return lap{}
	}
	cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return lap{float64(time.Now().UnixNano()) / float64(time.Second), cpu.Seconds()}
}

// reconcileChild reconciles a project and takes the time of the tie of acknowledgements: from the start until the next
// tie begins, and from where it is held until the end.
func reconcileChild(ctx context.Context, t task) error {
	p, err := jobs.Open(t.Work)
	if err != nil {
		return err
	}
	start := moment()
	var loaded, holding lap
	rec, err := jobs.Reconcile(ctx, p, jobs.ReconcileOptions{Progress: func(what string) {
		if os.Getenv("BENCH_LAPS") != "" {
			fmt.Fprintf(os.Stderr, "%6.2f s  %s\n", moment().since(start).Seconds, what)
		}
		if strings.HasPrefix(what, "holding the deliveries") && loaded == (lap{}) {
			loaded = moment()
		}
		if strings.HasPrefix(what, "holding acknowledgements") {
			holding = moment()
		}
	}})
	if err != nil {
		return err
	}
	out := reconciled{Open: rec.Summary.Open, Load: loaded.since(start)}
	for _, tie := range rec.Summary.Ties {
		if tie.Tie == "files-acks" {
			out.Grants += tie.LeftRows
		}
	}
	if err := rec.Close(); err != nil {
		return err
	}
	out.Hold = moment().since(holding)
	return json.NewEncoder(os.Stdout).Encode(out)
}
