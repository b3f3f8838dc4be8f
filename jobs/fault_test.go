//go:build faults

package jobs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every operation on files fails in turn, in all of the process, DuckDB's among them: strace makes the n-th call of each
// kind, in every thread, return an error. What is published is nothing or all of it, every time, and the next night
// publishes the same bytes. ACCRUE_FAULTS is how many calls of a kind to fail at most: where there are more, as many of
// them, evenly spread. A write that is cut short, which strace cannot do, is in package emit.
func TestEveryFileOperationFailsInTurn(t *testing.T) {
	most := 3
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FAULTS")); err == nil {
		most = n
	}
	calm := sampleProject(t)
	run(t, calm, nights[0])
	want, facts := published(t, calm, nil), digests(t, calm)
	var injected, survived atomic.Int64
	t.Run("group", func(t *testing.T) {
		for _, c := range []struct{ calls, fault string }{
			{"fsync,fdatasync", "EIO"}, {"rename,renameat,renameat2", "EIO"}, {"pwrite64", "ENOSPC"}, {"pwrite64", "EIO"},
			{"write", "ENOSPC"}, {"ftruncate,fallocate", "ENOSPC"}, {"mkdir,mkdirat", "ENOSPC"}, {"unlink,unlinkat,rmdir", "EIO"},
			{"pread64", "EIO"}, {"read", "EIO"}, {"openat", "EMFILE"},
		} {
			trace, _, err := traced(t, sampleProject(t), "trace="+c.calls)
			if err != nil {
				t.Fatal(err)
			}
			threads, calls := map[string]int{}, 0
			for line := range strings.Lines(trace) {
				thread, _, _ := strings.Cut(line, " ")
				threads[thread]++
				calls = max(calls, threads[thread])
			}
			t.Logf("%s %s: %d of a thread's %d calls", c.calls, c.fault, min(most, calls), calls)
			for i := range min(most, calls) {
				n := 1 + i*calls/min(most, calls)
				t.Run(fmt.Sprintf("%s %s %d", c.calls, c.fault, n), func(t *testing.T) {
					t.Parallel()
					p := sampleProject(t)
					trace, out, err := traced(t, p, "trace="+c.calls, fmt.Sprintf("inject=%s:error=%s:when=%d", c.calls, c.fault, n))
					if strings.Contains(trace, "(INJECTED)") { // else this night had fewer calls than the first one
						injected.Add(1)
						if err == nil {
							survived.Add(1)
						}
					}
					partial(t, p, want, t.Name())
					d := day(t, nights[0])
					if _, rerr := Run(t.Context(), p, RunOptions{Date: &d}); rerr != nil {
						t.Fatalf("the next night: %v\nthe disturbed one: %v\n%s", rerr, err, out)
					}
					if diff := cmp.Diff(want, published(t, p, nil)); diff != "" {
						t.Errorf("published files (-undisturbed +disturbed):\n%s", diff)
					}
					if diff := cmp.Diff(facts, digests(t, p)); diff != "" {
						t.Errorf("warehouse (-undisturbed +disturbed):\n%s", diff)
					}
				})
			}
		}
	})
	t.Logf("%d faults injected, %d of those nights ended well all the same", injected.Load(), survived.Load())
	if injected.Load() < 9 {
		t.Errorf("only %d faults were injected", injected.Load())
	}
}

// traced runs a night in a process of its own under strace and returns the calls that it says, and what the night says.
func traced(t *testing.T, p *Project, expressions ...string) (trace, out string, err error) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	args := []string{"-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o", log}
	for _, e := range expressions {
		args = append(args, "-e", e)
	}
	cmd := exec.CommandContext(t.Context(), "strace", append(args, os.Args[0])...)
	cmd.Env = append(os.Environ(), runProjectVariable+"="+p.Dir, runDateVariable+"="+nights[0])
	said, err := cmd.CombinedOutput()
	text, terr := os.ReadFile(log)
	if terr != nil {
		t.Fatal(terr)
	}
	return string(text), string(said), err
}
