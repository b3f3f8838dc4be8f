package jobs

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// No file can grow beyond a limit, which cuts a write short and fails the next one: in the spool, the warehouse and its
// log, rejects, status, grants and manifest. Whatever the limit, what is published is nothing or all of it, and the
// next night, with room, publishes the same bytes.
func TestNoRoomInAnyFile(t *testing.T) {
	calm := sampleProject(t)
	run(t, calm, nights[0])
	want, facts := published(t, calm, nil), digests(t, calm)
	failed := 0
	// In blocks of the shell, from what not even holds a manifest to what holds everything but the warehouse.
	for _, limit := range []int{0, 1, 2, 4, 6, 8, 16, 64, 256, 512, 1024, 2048, 4096} {
		p := sampleProject(t)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "ulimit -f "+strconv.Itoa(limit)+" && exec "+os.Args[0])
		cmd.Env = append(os.Environ(), runProjectVariable+"="+p.Dir, runDateVariable+"="+nights[0])
		out, err := cmd.CombinedOutput()
		if err != nil {
			failed++
		}
		if got := published(t, p, nil); len(got) > 0 {
			partial(t, p, want, string(out))
		}
		run(t, p, nights[0])
		if diff := cmp.Diff(want, published(t, p, nil)); diff != "" {
			t.Errorf("limit %d: published files (-with room +without):\n%s\n%s", limit, diff, out)
		}
		if diff := cmp.Diff(facts, digests(t, p)); diff != "" {
			t.Errorf("limit %d: warehouse (-with room +without):\n%s\n%s", limit, diff, out)
		}
	}
	if failed < 5 {
		t.Errorf("only %d nights had too little room: the limits show nothing", failed)
	}
}
