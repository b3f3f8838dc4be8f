package jobs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// P7: killed at any named step of either night and started again, a run ends in the same files and the same
// warehouse as one that nobody disturbed.
func TestP7CrashAnywhere(t *testing.T) {
	t.Parallel()
	calm := crashProject(t)
	passes := map[string][]string{} // steps by night, in order, as often as they are passed
	for _, date := range nights {
		d := day(t, date)
		if _, err := Run(t.Context(), calm, RunOptions{Date: &d, Step: func(name string) {
			passes[date] = append(passes[date], name)
		}}); err != nil {
			t.Fatal(err)
		}
	}
	wantFiles, wantFacts := published(t, calm, nil), digests(t, calm)
	for i, date := range nights {
		seen := map[string]int{}
		for _, step := range passes[date] {
			seen[step]++
			at := fmt.Sprintf("%s:%d", step, seen[step])
			t.Run(date+"/"+at, func(t *testing.T) {
				t.Parallel()
				p := crashProject(t)
				for _, before := range nights[:i] {
					start(t, p, before, "")
				}
				start(t, p, date, at)
				start(t, p, date, "")
				for _, after := range nights[i+1:] {
					start(t, p, after, "")
				}
				if diff := cmp.Diff(wantFiles, published(t, p, nil)); diff != "" {
					t.Errorf("published files (-undisturbed +killed):\n%s", diff)
				}
				if diff := cmp.Diff(wantFacts, digests(t, p)); diff != "" {
					t.Errorf("warehouse (-undisturbed +killed):\n%s", diff)
				}
			})
		}
	}
	for _, step := range Steps() {
		if !strings.Contains(strings.Join(append(passes[nights[0]], passes[nights[1]]...), " ")+" ", step+" ") {
			t.Errorf("no night passes the step %s", step)
		}
	}
}

// P7 with several programs: killed while the second of them is at work, when the first is published already.
func TestP7CrashInTheSecondProgram(t *testing.T) {
	t.Parallel()
	calm := wholeSample(t)
	passes := map[string]int{}
	for _, date := range nights {
		clear(passes)
		d := day(t, date)
		if _, err := Run(t.Context(), calm, RunOptions{Date: &d, Step: func(name string) { passes[name]++ }}); err != nil {
			t.Fatal(err)
		}
	}
	wantFiles, wantFacts := published(t, calm, nil), digests(t, calm)
	for step, times := range passes {
		if times < 2 {
			continue // once for both programs
		}
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			p := wholeSample(t)
			start(t, p, nights[0], "")
			start(t, p, nights[1], fmt.Sprintf("%s:%d", step, times))
			start(t, p, nights[1], "")
			if diff := cmp.Diff(wantFiles, published(t, p, nil)); diff != "" {
				t.Errorf("published files (-undisturbed +killed):\n%s", diff)
			}
			if diff := cmp.Diff(wantFacts, digests(t, p)); diff != "" {
				t.Errorf("warehouse (-undisturbed +killed):\n%s", diff)
			}
		})
	}
}

// P7 of a night that works out only those for whom something has changed: killed at any step and started again, it posts
// what an undisturbed one does, once.
func TestP7CrashInANightOfFew(t *testing.T) {
	t.Parallel()
	before := func() *Project {
		p := plainProject(t, sinceProgram)
		deliver(t, p, "2027-02-20", "t1 m1 2027-02-20 100", "t2 m2 2027-02-20 200", "t3 m3 2027-02-20 300", "t4 m4 2027-02-20 400", "t5 m5 2027-02-20 500")
		run(t, p, "2027-02-20")
		// New, late, and one that now belongs to somebody else.
		deliver(t, p, "2027-02-22", "u1 m1 2027-02-22 500", "u2 m2 2027-02-18 400", "t3 m6 2027-02-20 300")
		return p
	}
	calm := before()
	var passed []string
	d := day(t, "2027-02-22")
	s, err := Run(t.Context(), calm, RunOptions{Date: &d, Step: func(name string) { passed = append(passed, name) }})
	if err != nil {
		t.Fatal(err)
	}
	worksOut(t, calm, s, 4)
	// u1 has 4 left of m1's 5; u2 takes 4 of m2's 5, so that 1 is left to t2; t3's 3 go from m3 to m6.
	if got := grantsOf(s); got != "base 3 11 · base 2 -4" {
		t.Errorf("undisturbed: %s", got)
	}
	wantFiles, wantFacts := published(t, calm, nil), digests(t, calm)
	seen := map[string]int{}
	for _, step := range passed {
		seen[step]++
		at := fmt.Sprintf("%s:%d", step, seen[step])
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			p := before()
			start(t, p, "2027-02-22", at)
			start(t, p, "2027-02-22", "")
			start(t, p, "2027-02-22", "")
			if diff := cmp.Diff(wantFiles, published(t, p, nil)); diff != "" {
				t.Errorf("published files (-undisturbed +killed):\n%s", diff)
			}
			if diff := cmp.Diff(wantFacts, digests(t, p)); diff != "" {
				t.Errorf("warehouse (-undisturbed +killed):\n%s", diff)
			}
		})
	}
}

// crashProject is the sample with an acknowledgement, so that a night passes every step.
func crashProject(t *testing.T) *Project {
	t.Helper()
	p := sampleProject(t)
	write(t, filepath.Join(p.Dir, "acks", "a.csv"), "grant_id,status,amount\njcb/base/transaction/TX-1001/1,posted,1\n")
	return p
}

// start runs a night in a process of its own. With a step it must be killed there.
func start(t *testing.T, p *Project, date, crashAt string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), runProjectVariable+"="+p.Dir, runDateVariable+"="+date, CrashVariable+"="+crashAt)
	out, err := cmd.CombinedOutput()
	if crashAt == "" {
		if err != nil {
			t.Fatalf("run for %s: %v\n%s", date, err, out)
		}
		return
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("run for %s, to be killed at %s, ended with %v\n%s", date, crashAt, err, out)
	}
}
