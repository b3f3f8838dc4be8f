package jobs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"accrue/pipeline/emit"
	"accrue/pipeline/load"
)

// CrashVariable is the environment variable that makes a process kill itself at a named step, for the test of P7:
// `<step>` or `<step>:<n>` for the n-th time that it is passed.
const CrashVariable = "ACCRUE_CRASH_AT"

// Steps of a run that this package names; those of the stages stand between them (see Steps). A step is passed when
// the thing that it names is about to happen: a process killed there has done everything before it and not that.
const (
	stepRunStart     = "run.start"     // the run has been noted in the history
	stepRecover      = "recover"       // an interrupted publication is brought to its end
	stepLoad         = "load"          // deliveries are loaded
	stepAcks         = "acks"          // acknowledgements are loaded
	stepEvaluate     = "evaluate"      // the passes of the evaluation run
	stepDifference   = "difference"    // entitlements are held against the ledger
	stepLedgerPost   = "ledger.post"   // the difference goes into the ledger
	stepLedgerCommit = "ledger.commit" // the ledger's transaction is committed
	stepRunFinish    = "run.finish"    // the run is noted as done
	stepRunFinished  = "run.finished"  // everything is done, the lock is still held
)

// Steps returns the names of all steps of a run, in the order in which they are first passed.
func Steps() []string {
	out := append([]string{stepRunStart, stepRecover, stepLoad}, load.Steps...)
	out = append(append(out, stepAcks), load.AckSteps...)
	out = append(out, stepEvaluate, stepDifference, stepLedgerPost)
	staged, published := emit.Steps, []string(nil)
	if i := slices.Index(emit.Steps, "publish.rename"); i >= 0 {
		staged, published = emit.Steps[:i], emit.Steps[i:]
	}
	out = append(append(out, staged...), stepLedgerCommit)
	return append(append(out, published...), stepRunFinish, stepRunFinished)
}

// crash counts passings of the step that the environment names.
type crash struct {
	step string
	left int
	tell func(string) // nil for nobody
}

// newCrash reads CrashVariable; without it nothing ever happens.
func newCrash(tell func(string)) (*crash, error) {
	text := os.Getenv(CrashVariable)
	if text == "" {
		return &crash{tell: tell}, nil
	}
	name, count, found := strings.Cut(text, ":")
	c := &crash{step: name, left: 1, tell: tell}
	if found {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s=%s: want <step> or <step>:<n>", CrashVariable, text)
		}
		c.left = n
	}
	return c, nil
}

// pass kills the process, as nothing could prevent, if it is told to die at this step.
func (c *crash) pass(step string) {
	if c.tell != nil {
		c.tell(step)
	}
	if c.step == "" || c.step != step {
		return
	}
	if c.left--; c.left > 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	time.Sleep(time.Minute) // the signal is on its way
}
