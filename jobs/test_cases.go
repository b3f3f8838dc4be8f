package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"accrue/pipeline/cases"
	"accrue/pipeline/program"
	"accrue/pipeline/yamlpos"
)

// Engines that a case runs on.
const (
	EnginePasses    = "the passes"
	EngineReference = "the reference"
)

// TestOptions say which cases to run.
type TestOptions struct {
	// Files are the case files, in the order in which their results come.
	Files []string
	// Families are the programs for cases without programs of their own; nil where there is no project.
	Families []*program.Family
	// Match picks cases by name; nil for all.
	Match *regexp.Regexp
	// Progress is told what is under way; nil for nobody.
	Progress func(what string)
}

// CaseResult is how one case came out.
type CaseResult struct {
	Case    cases.Case
	Answers []CaseAnswer // of the passes and of the reference, in this order
	// Between is how the engines differ with each other; Want is the passes' side. Such a case has found a fault of
	// accrue itself.
	Between []cases.Difference
	Took    time.Duration
}

// CaseAnswer is what is wrong with one engine's answer.
type CaseAnswer struct {
	Engine      string
	Err         error // the engine could not run the case
	Differences []cases.Difference
}

// Failed reports whether anything came out otherwise than the case expects.
func (r CaseResult) Failed() bool {
	for _, a := range r.Answers {
		if a.Err != nil || len(a.Differences) > 0 {
			return true
		}
	}
	return len(r.Between) > 0
}

// TestCases runs the cases of files on both engines: those that expect grants as whole nights, with ledger and files,
// the others through load and passes alone. The error is a *FaultsError with every fault of every file where a file
// is malformed; nothing has run then. The results are in the order of the files.
func TestCases(ctx context.Context, opts TestOptions) (out []CaseResult, err error) {
	list, err := readCases(opts)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "accrue-test-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := &caseRun{dir: dir, list: list, results: make([]CaseResult, len(list)), progress: opts.Progress}
	var workers sync.WaitGroup
	errs := make([]error, max(1, min(runtime.GOMAXPROCS(0), 4, len(list)/casesPerWorker)))
	for i := range errs {
		workers.Go(func() { errs[i] = t.work(ctx) })
	}
	workers.Wait()
	return t.results, errors.Join(errs...)
}

// casesPerWorker is how many cases are worth a warehouse of their own.
const casesPerWorker = 4

// readCases reads all files before anything runs.
func readCases(opts TestOptions) ([]cases.Case, error) {
	var list []cases.Case
	var faults yamlpos.Faults
	for _, file := range opts.Files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found, bad := cases.ParseFor(file, text, opts.Families)
		faults = append(faults, bad...)
		for _, c := range found {
			if opts.Match == nil || opts.Match.MatchString(c.Name) {
				list = append(list, c)
			}
		}
	}
	if len(faults) > 0 {
		return nil, &FaultsError{faults}
	}
	return list, nil
}

// caseRun is a list of cases that several workers take from.
type caseRun struct {
	dir      string
	list     []cases.Case
	results  []CaseResult
	progress func(string)

	mu   sync.Mutex
	next int
}

// take returns the place of the next case, -1 when there is none left.
func (t *caseRun) take() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == len(t.list) {
		return -1
	}
	t.next++
	if t.progress != nil {
		t.progress(fmt.Sprintf("case %d of %d", t.next, len(t.list)))
	}
	return t.next - 1
}

// work runs cases on engines of its own until none is left.
func (t *caseRun) work(ctx context.Context) (err error) {
	fast, err := NewFastCaseEngine(ctx, t.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fast.Close()) }()
	for i := t.take(); i >= 0; i = t.take() {
		if err := ctx.Err(); err != nil {
			return err
		}
		var passes cases.Engine = fast
		if t.list[i].Grants != nil {
			passes = CaseEngine{Dir: t.dir, Threads: 1}
		}
		t.results[i] = t.run(t.list[i], passes)
	}
	return nil
}

// run asks both engines.
func (t *caseRun) run(c cases.Case, passes cases.Engine) CaseResult {
	start := time.Now()
	r := CaseResult{Case: c}
	var outcomes []cases.Outcome
	for _, e := range []struct {
		name   string
		engine cases.Engine
	}{{EnginePasses, passes}, {EngineReference, cases.Reference{}}} {
		answer := CaseAnswer{Engine: e.name}
		o, err := e.engine.Run(c)
		if err != nil {
			answer.Err = errors.New(caseFolder.ReplaceAllString(strings.ReplaceAll(err.Error(), t.dir+string(filepath.Separator), ""), ""))
		} else {
			answer.Differences = c.Differences(o)
			outcomes = append(outcomes, o)
		}
		r.Answers = append(r.Answers, answer)
	}
	if len(outcomes) == 2 {
		r.Between = cases.Between(outcomes[0], outcomes[1])
	}
	r.Took = time.Since(start)
	return r
}

// caseFolder is the scratch folder of a case, which means nothing to the one who wrote it.
var caseFolder = regexp.MustCompile(`case-[0-9]+[/\\]`)
