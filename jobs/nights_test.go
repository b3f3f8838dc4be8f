package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"accrue/pipeline"
)

// Nights in one process do not add up in memory: after the last one it has about as much as after the thirtieth.
func TestManyNightsInOneProcess(t *testing.T) {
	nights, settled, more := 16, 8, 125 // percent; short runs are noisier
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_NIGHTS")); err == nil {
		nights, settled, more = n, 30, 110
	}
	p := sampleProject(t)
	first := day(t, "2026-11-22")
	var base, last int64
	for i := range nights {
		date := first + pipeline.Date(i) // behind the sample's deliveries
		dir := filepath.Join(p.ExportsDir(), "date="+date.String())
		var text strings.Builder
		text.WriteString("transaction_id,member_id,occurred_at,amount\n")
		for j := range 200 {
			fmt.Fprintf(&text, "N%d-%d,anita,%sT10:%02d,%d\n", i, j, date, j%60, 100+j)
		}
		write(t, filepath.Join(dir, "transactions.csv"), text.String())
		write(t, filepath.Join(dir, "_SUCCESS"), "")
		if s := run(t, p, date.String()); s.State != RunPublished {
			t.Fatalf("%s is %s", date, s.State)
		}
		if i+1 == settled {
			base = resident(t)
		}
	}
	last = resident(t)
	t.Logf("%d MB after night %d, %d MB after night %d", base>>20, settled, last>>20, nights)
	if last*100 > base*int64(more) {
		t.Errorf("%d MB after night %d, %d MB after night %d: more than %d %%", base>>20, settled, last>>20, nights, more)
	}
}

// resident is the memory that the process holds, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
