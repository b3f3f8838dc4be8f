//go:build faults

package jobs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One operation on files after the other fails, in all of the process, DuckDB's among them: strace makes the n-th call
// of each kind, in every thread, return an error. What is published is nothing or all of it, every time, and the next
// night publishes the same bytes. ACCRUE_FAULTS is how many calls of a kind to fail at most.
func TestEveryFileOperationFailsInTurn(t *testing.T) {
	most := 3
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FAULTS")); err == nil {
		most = n
	}
	calm := sampleProject(t)
	run(t, calm, nights[0])
	want, facts := published(t, calm, nil), digests(t, calm)
	injected, survived := 0, 0
	for _, c := range []struct{ calls, fault string }{
		{"fsync,fdatasync", "EIO"}, {"rename,renameat,renameat2", "EIO"}, {"pwrite64", "ENOSPC"}, {"pwrite64", "EIO"},
		{"write", "ENOSPC"}, {"ftruncate,fallocate", "ENOSPC"}, {"mkdir,mkdirat", "ENOSPC"}, {"unlink,unlinkat,rmdir", "EIO"},
		{"pread64", "EIO"},
	} {
		for n := 1; n <= most; n++ {
			p := sampleProject(t)
			log := filepath.Join(t.TempDir(), "strace")
			cmd := exec.CommandContext(t.Context(), "strace", "-f", "-qq", "-o", log, "-e", "trace="+c.calls, "-e",
				fmt.Sprintf("inject=%s:error=%s:when=%d", c.calls, c.fault, n), os.Args[0])
			cmd.Env = append(os.Environ(), runProjectVariable+"="+p.Dir, runDateVariable+"="+nights[0])
			out, err := cmd.CombinedOutput()
			trace, terr := os.ReadFile(log)
			if terr != nil {
				t.Fatal(terr)
			}
			if !strings.Contains(string(trace), "(INJECTED)") {
				break // there are no more
			}
			what := fmt.Sprintf("%s %s %d", c.calls, c.fault, n)
			injected++
			if err == nil {
				survived++
			}
			partial(t, p, want, what)
			d := day(t, nights[0])
			if _, rerr := Run(t.Context(), p, RunOptions{Date: &d}); rerr != nil {
				t.Errorf("%s: the next night: %v\nthe disturbed one: %v\n%s", what, rerr, err, out)
				continue
			}
			if diff := cmp.Diff(want, published(t, p, nil)); diff != "" {
				t.Errorf("%s: published files (-undisturbed +disturbed):\n%s", what, diff)
			}
			if diff := cmp.Diff(facts, digests(t, p)); diff != "" {
				t.Errorf("%s: warehouse (-undisturbed +disturbed):\n%s", what, diff)
			}
		}
	}
	t.Logf("%d faults injected, %d of those nights ended well all the same", injected, survived)
	if injected < 9 {
		t.Errorf("only %d faults were injected", injected)
	}
}
