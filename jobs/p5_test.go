package jobs

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"accrue/fixtures/random"
	"accrue/pipeline/cases"
)

// fuzzVariable is how many random programs P5 tries, for more than the default.
const fuzzVariable = "ACCRUE_FUZZ_N"

// mostFailures is how many failures are shrunk and shown.
const mostFailures = 3

// loadEvery: of so many random cases one is loaded from its files, the others get their facts from the reference.
const loadEvery = 10

// P5: the SQL passes and the row-at-a-time reference agree on every grant (and, where a case is loaded from files, on
// every reject), for random programs over random data. A failure is shrunk to a small case file that can be put into
// fixtures/cases.
func TestP5TwoEngines(t *testing.T) {
	t.Parallel()
	n := uint64(2000)
	if text := os.Getenv(fuzzVariable); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 32); err != nil || n < 1 {
			t.Fatalf("%s=%s is not a number of programs", fuzzVariable, text)
		}
	}
	var next, entitlements, failures atomic.Uint64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		fast, err := NewFastCaseEngine(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		workers.Go(func() {
			for failures.Load() < mostFailures {
				seed := next.Add(1) - 1
				if seed >= n {
					break
				}
				var e cases.Engine = passesEngine{fast}
				if seed%loadEvery == 0 {
					e = fast
				}
				c := random.New(seed)
				diff, count := disagreement(e, c)
				entitlements.Add(uint64(count))
				if diff != "" {
					failures.Add(1)
					t.Errorf("seed %d: the engines disagree on\n%s", seed, smallest(e, c))
				}
			}
			if err := fast.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if failures.Load() == 0 && entitlements.Load() < n {
		t.Errorf("%d programs gave only %d entitlements: the data proves little", n, entitlements.Load())
	}
}

// smallest shrinks a case on which an engine disagrees, and says how.
func smallest(e cases.Engine, c cases.Case) string {
	small := random.Shrink(c, func(c cases.Case) bool {
		if _, err := (cases.Reference{}).Run(c); err != nil {
			return false // no longer a right program
		}
		diff, _ := disagreement(e, c)
		return diff != ""
	})
	diff, _ := disagreement(e, small)
	return cases.Format(small) + "\n" + diff
}

// P5 with the whole night: some random cases go through ledger and files too, run by run; what the ledger holds in the
// end must be what is owed.
func TestP5WholeNights(t *testing.T) {
	t.Parallel()
	whole := CaseEngine{Dir: t.TempDir()}
	for seed := range uint64(8) {
		c := random.New(1_000_000 + seed)
		if diff, _ := disagreement(whole, c); diff != "" {
			t.Errorf("%s: %s\n%s", c.Name, diff, cases.Format(c))
		}
	}
}

// disagreement runs a case on an engine and on the reference; it says how they differ, and how many entitlements the
// reference found.
func disagreement(e cases.Engine, c cases.Case) (string, int) {
	want, err := cases.Reference{}.Run(c)
	if err != nil {
		return "the reference refuses it: " + err.Error(), 0
	}
	got, err := e.Run(c)
	if err != nil {
		return "the SQL engine fails: " + err.Error(), len(want.Entitlements)
	}
	return cases.Compare("the SQL engine", got, "the reference", want), len(want.Entitlements)
}
