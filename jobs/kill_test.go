package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline"
)

// Variables for processes of the test binary: the first says where one kills itself, `<passing> <microseconds>`: so
// long after that step of the run was passed, counting from 1; the second that it stays in its evaluation for a while.
const (
	killVariable = "ACCRUE_TEST_KILL"
	holdVariable = "ACCRUE_TEST_HOLD"
)

// runDisturbed runs a night as the variables say.
func runDisturbed(p *Project, d pipeline.Date) error {
	var at, after int
	if _, err := fmt.Sscan(os.Getenv(killVariable), &at, &after); err != nil {
		at = 0
	}
	hold, err := time.ParseDuration(os.Getenv(holdVariable))
	if err != nil {
		hold = 0
	}
	start, passed := time.Now(), 0
	_, err = Run(context.Background(), p, RunOptions{Date: &d, Step: func(name string) {
		if passed++; passed == at {
			time.AfterFunc(time.Duration(after)*time.Microsecond, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
		}
		if name == stepEvaluate {
			time.Sleep(hold)
		}
	}})
	fmt.Printf("took %d ms\n", time.Since(start).Milliseconds())
	return err
}

// disturbed starts a night in a process of its own and returns its output.
func disturbed(t *testing.T, p *Project, date, kill, hold string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), runProjectVariable+"="+p.Dir, runDateVariable+"="+date, killVariable+"="+kill, holdVariable+"="+hold)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// Twenty starts at once: one runs, and the others say within a second who has the warehouse.
func TestTwentyStartsAtOnce(t *testing.T) {
	p := sampleProject(t)
	var wg sync.WaitGroup
	outs, errs := make([]string, 20), make([]error, 20)
	for i := range outs {
		wg.Go(func() { outs[i], errs[i] = disturbed(t, p, nights[0], "", "20s") })
	}
	wg.Wait()
	ran := 0
	for i, out := range outs {
		if errs[i] == nil {
			ran++
			continue
		}
		first, _, _ := strings.Cut(out, "\n")
		took, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(first, "took "), " ms"))
		if err != nil || took > 1000 {
			t.Errorf("it took more than a second: %s", out)
		}
		if !strings.Contains(out, "the warehouse is in use by `") || !strings.Contains(out, "(process ") {
			t.Errorf("does not say who has the warehouse: %s", out)
		}
	}
	if ran != 1 {
		t.Errorf("%d of 20 ran", ran)
	}
	if got := run(t, p, nights[0]); got.State != RunUnchanged {
		t.Errorf("the next run is %s", got.State)
	}
}

// P7, off the beaten steps: killed a while after any step, some nights several times, a run ends in the same files and
// the same warehouse.
func TestP7KilledAtSeededPoints(t *testing.T) {
	t.Parallel()
	kills := 6
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_KILLS")); err == nil {
		kills = n
	}
	calm := sampleProject(t)
	steps := map[string]int{}
	for _, date := range nights {
		d := day(t, date)
		if _, err := Run(t.Context(), calm, RunOptions{Date: &d, Step: func(string) { steps[date]++ }}); err != nil {
			t.Fatal(err)
		}
	}
	wantFiles, wantFacts := published(t, calm, nil), digests(t, calm)
	killed := 0
	for seed := 0; killed < kills; seed++ {
		rng := rand.New(rand.NewPCG(7, uint64(seed)))
		p := sampleProject(t)
		var points []string
		for _, date := range nights {
			for range 1 + rng.IntN(3) {
				point := fmt.Sprintf("%d %d", 1+rng.IntN(steps[date]), rng.IntN(40_000))
				out, err := disturbed(t, p, date, point, "")
				var exit *exec.ExitError
				switch {
				case err == nil: // it was done before it was killed
				case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
					killed++
					points = append(points, date+"/"+point)
				default:
					t.Fatalf("seed %d, %v: %v\n%s", seed, point, err, out)
				}
				partial(t, p, wantFiles, points)
			}
			if out, err := disturbed(t, p, date, "", ""); err != nil {
				t.Fatalf("seed %d, after kills at %v: %v\n%s", seed, points, err, out)
			}
		}
		if diff := cmp.Diff(wantFiles, published(t, p, nil)); diff != "" {
			t.Errorf("seed %d, kills at %v: published files (-undisturbed +killed):\n%s", seed, points, diff)
		}
		if diff := cmp.Diff(wantFacts, digests(t, p)); diff != "" {
			t.Errorf("seed %d, kills at %v: warehouse (-undisturbed +killed):\n%s", seed, points, diff)
		}
	}
	t.Logf("%d kills", killed)
}

// partial finds published names under which something else stands than in the end.
func partial(t *testing.T, p *Project, want map[string]string, points any) {
	t.Helper()
	for path, sum := range published(t, p, nil) {
		if !strings.Contains(path, ".staging") && want[path] != sum {
			t.Errorf("after %v, %s is published and is not what it should be", points, path)
		}
	}
}
