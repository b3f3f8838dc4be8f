package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline/program"
)

// testFlags are the flags of `accrue test`.
type testFlags struct {
	asJSON               bool
	junit, run, programs string
}

func (a *app) testCommand() *cobra.Command {
	var f testFlags
	cmd := a.command("test [FILE…]", "Run your own cases for your programs",
		`Runs cases: given rows and what they must earn. Each one runs on both engines, the SQL passes of the nightly run and
a row-at-a-time evaluator, in a warehouse of its own: nothing in the project changes. What comes out otherwise is
shown row by row. A file is a path or a pattern; without any, they are cases/*.yaml of the project.

A case is written like this; without a program of its own it uses the project's programs, or those that it names
(programs: [jcb]):

  cases:
    - name: gold earns 3 points for every full 100
      deliveries:
        2026-11-20:
          members: |
            member_id,tier
            m1,gold
          transactions: |
            transaction_id,member_id,occurred_at,amount
            t1,m1,2026-11-20T10:00,250.00
      expect: |
        member_id,rule,source_id,amount
        m1,base,t1,6

Exit code 2 if a case or program file is malformed, 3 if a case failed.`,
		`  accrue test
  accrue test cases/gold.yaml --run "full 100"
  accrue test --junit out.xml
  accrue test --programs drafts`, cobra.ArbitraryArgs,
		func(ctx context.Context, args []string) error { return a.test(ctx, args, f) })
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the results as JSON")
	cmd.Flags().StringVar(&f.junit, "junit", "", "write the results as JUnit XML to this file too")
	cmd.Flags().StringVar(&f.run, "run", "", "run only the cases whose name matches this regular expression")
	cmd.Flags().StringVar(&f.programs, "programs", "", "folder of program files to use in place of the project's")
	return cmd
}

func (a *app) test(ctx context.Context, args []string, f testFlags) error {
	var opts jobs.TestOptions
	var err error
	if f.run != "" {
		if opts.Match, err = regexp.Compile(f.run); err != nil {
			return usageError{fmt.Errorf("--run %q is no regular expression: %w", f.run, err)}
		}
	}
	if opts.Families, err = a.testedPrograms(f.programs, len(args) > 0); err != nil {
		return err
	}
	if opts.Files, err = a.caseFiles(args); err != nil {
		return err
	}
	line := newProgress(a.err)
	opts.Progress = func(what string) { line.at(what) }
	start := time.Now()
	results, err := jobs.TestCases(ctx, opts)
	line.end()
	if err != nil {
		return err
	}
	if len(results) == 0 && opts.Match != nil {
		return usageError{fmt.Errorf("no case has a name that matches --run %q", f.run)}
	}
	took := time.Since(start)
	if f.junit != "" {
		if err := writeJUnit(f.junit, results, took); err != nil {
			return err
		}
	}
	if f.asJSON {
		err = writeJSON(a.out, testedJSON(results, took))
	} else {
		a.writeTested(results, took)
	}
	if err == nil && slices.ContainsFunc(results, jobs.CaseResult.Failed) {
		return quiet{exitFindings}
	}
	return err
}

// testedPrograms are the programs for cases without their own. Cases that are named on the command line may do
// without a project.
func (a *app) testedPrograms(dir string, named bool) ([]*program.Family, error) {
	if dir != "" {
		return jobs.ReadPrograms(dir)
	}
	if _, err := jobs.FindProject(a.project); err != nil && named && a.project == "." {
		return nil, nil
	}
	project, err := a.open()
	if err != nil {
		return nil, err
	}
	return project.Programs()
}

// caseFiles finds the files; a name that is a file is not taken for a pattern.
func (a *app) caseFiles(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{filepath.Join(a.project, "cases", "*.yaml")}
	}
	var out []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		found := []string{arg}
		switch {
		case err == nil && info.IsDir():
			arg = filepath.Join(arg, "*.yaml")
			fallthrough
		case err != nil:
			if found, err = filepath.Glob(arg); err != nil {
				return nil, usageError{fmt.Errorf("%s: %w", arg, err)}
			}
		}
		if len(found) == 0 {
			return nil, usageError{fmt.Errorf("there is no case file %s: `accrue test --help` shows how to write one", arg)}
		}
		for _, file := range found {
			if !slices.Contains(out, file) {
				out = append(out, file)
			}
		}
	}
	return out, nil
}

// writeTested shows what failed, and a line for each file.
func (a *app) writeTested(results []jobs.CaseResult, took time.Duration) {
	p := newPaint(a.out)
	var files []string
	passed, failed := map[string]int64{}, map[string]int64{}
	var all int64
	for _, r := range results {
		file := r.Case.File
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
		if !r.Failed() {
			passed[file]++
			continue
		}
		failed[file]++
		all++
		wrapHanging(a.out, p.red("FAIL")+"  ", p.bold(r.Case.Name)+fmt.Sprintf(" (%s:%d)", file, r.Case.Line))
		fmt.Fprintln(a.out, failureText(r, p))
	}
	rows := make([][]string, len(files))
	for i, file := range files {
		state, says := p.green("ok"), plural(passed[file], "case", "cases")
		if failed[file] > 0 {
			state, says = p.red("FAIL"), fmt.Sprintf("%d of %s failed", failed[file], plural(passed[file]+failed[file], "case", "cases"))
		}
		rows[i] = []string{state, file, says}
	}
	writeRows(a.out, "", []bool{false, false, false}, rows)
	seconds := fmt.Sprintf("in %.1f s", took.Seconds())
	n := plural(int64(len(results)), "case", "cases")
	if all == 0 {
		fmt.Fprintf(a.out, "%s: %s on both engines %s\n", p.green("All passed"), n, seconds)
		return
	}
	fmt.Fprintf(a.out, "%s: %d of %s %s\n", p.red("Failed"), all, n, seconds)
}

// failureText says why a case failed, each line indented.
func failureText(r jobs.CaseResult, p paint) string {
	var b strings.Builder
	passes, plain := r.Answers[0], r.Answers[1]
	if sameAnswer(passes, plain) {
		writeAnswer(&b, p, "both engines", r, passes)
	} else {
		for _, answer := range r.Answers {
			writeAnswer(&b, p, answer.Engine, r, answer)
		}
	}
	if len(r.Between) > 0 {
		wrap(&b, "  ", "The engines differ with each other, which they never should: it is a fault of accrue, whatever the case expects.")
		for _, d := range r.Between {
			writeDifference(&b, p, essential(d), engineSides)
		}
	}
	return b.String()
}

func writeAnswer(b *strings.Builder, p paint, who string, r jobs.CaseResult, answer jobs.CaseAnswer) {
	if answer.Err != nil {
		wrap(b, "  ", fmt.Sprintf("%s: it cannot be run: %v", capital(who), answer.Err))
	}
	for _, d := range answer.Differences {
		place := fmt.Sprintf(" (line %d)", d.Line)
		if d.What == "rejects" && r.Case.Rejects == nil {
			place = ": given rows that are not accepted (list them under rejects if they are meant)"
		} else if d.Line == r.Case.Line {
			place = ""
		}
		fmt.Fprintf(b, "  %s, %s%s:\n", capital(who), d.What, place)
		writeDifference(b, p, d, caseSides)
	}
}

func sameAnswer(a, b jobs.CaseAnswer) bool {
	if a.Err != nil || b.Err != nil {
		return a.Err != nil && b.Err != nil && a.Err.Error() == b.Err.Error()
	}
	return len(a.Differences) == len(b.Differences) &&
		slices.EqualFunc(a.Differences, b.Differences, sameDifference)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
