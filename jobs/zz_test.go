package jobs

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/evaluate"
)

func TestZZ(t *testing.T) {
	dir := os.Getenv("ZZ")
	if dir == "" {
		t.Skip()
	}
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	cpu := func() time.Duration {
		var r syscall.Rusage
		syscall.Getrusage(0, &r)
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	last, cl, name := time.Now(), cpu(), "start"
	log := func(next string) {
		if d := cpu() - cl; d > 400*time.Millisecond {
			var r syscall.Rusage
			syscall.Getrusage(0, &r)
			fmt.Printf("%-45s cpu %8v wall %8v rss %d MB\n", name, d.Round(10*time.Millisecond), time.Since(last).Round(10*time.Millisecond), r.Maxrss/1024)
		}
		last, cl, name = time.Now(), cpu(), next
	}
	d := pipeline.NewDate(2026, 11, 20)
	start, c0 := time.Now(), cpu()
	_, err = Run(context.Background(), p, RunOptions{Date: &d, Step: func(s string) { log("STEP " + s) }, Progress: func(s string) { log("prog " + s) },
		Trace: func(s evaluate.Statement) { log("  " + s.Name + " " + s.Rule) }})
	log("")
	fmt.Println("total", time.Since(start), cpu()-c0, err)
}
