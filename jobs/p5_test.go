package jobs

import (
	"os"
	"strconv"
	"testing"

	"accrue/fixtures/random"
	"accrue/pipeline/cases"
)

// fuzzVariable is how many random programs P5 tries, for more than the default.
const fuzzVariable = "ACCRUE_FUZZ_N"

// mostFailures is how many failures are shrunk and shown.
const mostFailures = 3

// P5: the SQL passes and the row-at-a-time reference agree on every grant and every reject, for random programs over
// random data. A failure is shrunk to a small case file that can be put into fixtures/cases.
func TestP5TwoEngines(t *testing.T) {
	n := 500
	if text := os.Getenv(fuzzVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("%s=%s is not a number of programs", fuzzVariable, text)
		}
	}
	fast, err := NewFastCaseEngine(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := fast.Close(); err != nil {
			t.Error(err)
		}
	}()
	entitlements, failures := 0, 0
	for seed := range uint64(n) {
		c := random.New(seed)
		diff, count := disagreement(t, fast, c)
		entitlements += count
		if diff == "" {
			continue
		}
		if failures++; failures > mostFailures {
			break
		}
		small := random.Shrink(c, func(c cases.Case) bool {
			if _, err := (cases.Reference{}).Run(c); err != nil {
				return false // no longer a right program
			}
			diff, _ := disagreement(t, fast, c)
			return diff != ""
		})
		diff, _ = disagreement(t, fast, small)
		t.Errorf("seed %d: the engines disagree on\n%s\n%s", seed, cases.Format(small), diff)
	}
	if entitlements < n {
		t.Errorf("%d programs gave only %d entitlements: the data proves little", n, entitlements)
	}
}

// P5 with the whole night: a share of the random cases goes through ledger and files too, run by run; what the ledger
// holds in the end must be what is owed.
func TestP5WholeNights(t *testing.T) {
	real := CaseEngine{Dir: t.TempDir()}
	for seed := range uint64(25) {
		c := random.New(1_000_000 + seed)
		if diff, _ := disagreement(t, real, c); diff != "" {
			t.Errorf("%s: %s\n%s", c.Name, diff, cases.Format(c))
		}
	}
}

// disagreement runs a case on an engine and on the reference; it says how they differ, and how many entitlements the
// reference found.
func disagreement(t *testing.T, e cases.Engine, c cases.Case) (string, int) {
	t.Helper()
	want, err := cases.Reference{}.Run(c)
	if err != nil {
		t.Fatalf("%s: the reference refuses it: %v", c.Name, err)
	}
	got, err := e.Run(c)
	if err != nil {
		return "the SQL engine fails: " + err.Error(), len(want.Entitlements)
	}
	return cases.Compare("the SQL engine", got, "the reference", want), len(want.Entitlements)
}
