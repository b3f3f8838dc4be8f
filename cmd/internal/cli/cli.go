// Package cli is what people see of accrue: a file per command, and the only place that formats for people.
//
// Run is the whole program as a function of its arguments and streams: data goes to standard output, talk to
// standard error, and what it returns is the exit code (see exit.go).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"accrue/jobs"
)

// gcPercent is how much the Go heap may grow between collections: most memory is DuckDB's, and the heap is small.
const gcPercent = 200

// Main runs the process.
func Main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// A signal cancels what is under way: a run rolls back, notes that it was interrupted and gives the lock back.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := RunContext(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// clock is the one that the scheduler and the list of dates look at; tests set it.
var clock jobs.Clock = jobs.WallClock{}

// Run runs one command line and returns the exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return RunContext(context.Background(), args, stdin, stdout, stderr)
}

// RunContext is Run with a context whose end interrupts the command.
func RunContext(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{in: stdin, out: screen{stdout}, err: screen{stderr}, args: args}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.report(root.ExecuteContext(ctx))
}

// app is one call of the program.
type app struct {
	in       io.Reader
	out, err io.Writer
	args     []string
	project  string // --project
	quiet    bool   // --quiet, of what runs
	started  bool   // a command has begun: errors from before are about usage
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "accrue",
		Short: "Works out what the members of a loyalty program have earned",
		Long: `accrue loads a day's exports into DuckDB, works out what every member has earned by the program files, posts
the difference to an append-only ledger and publishes it as grant files.

A first night:
  accrue init demo && cd demo
  accrue run --date 2026-11-20

Exit codes: 0 done, 1 failed, 2 usage or program file refused, 3 findings, 4 delivery not ready,
5 warehouse in use.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&a.project, "project", ".", "folder of the project, where accrue.yaml is")
	root.AddCommand(a.initCommand(), a.checkCommand(), a.programCommand(), a.runCommand(),
		a.backfillCommand(), a.closeCommand(), a.rebuildCommand(), a.simulateCommand(), a.scheduleCommand(), a.runsCommand(), a.grantsCommand(),
		a.explainCommand(), a.testCommand(), a.verifyCommand(), a.generateCommand(), a.versionCommand(),
		a.reconcileCommand(), a.reportCommand())
	return root
}

// command builds a subcommand. Every one has an example.
func (a *app) command(use, short, long, example string, args cobra.PositionalArgs,
	run func(ctx context.Context, args []string) error,
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: strings.TrimRight(example, "\n"), Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.started = true
			return run(cmd.Context(), args)
		},
	}
}

// open finds the project of --project.
func (a *app) open() (*jobs.Project, error) { return jobs.Open(a.project) }

// say talks to standard error.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// report tells about an error and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	var q quiet
	if errors.As(err, &q) {
		return q.code
	}
	if !a.started {
		a.say("accrue: %v", err)
		a.say("Try `accrue --help`.")
		return exitUsage
	}
	for _, line := range strings.Split(strings.TrimRight(err.Error(), "\n"), "\n") {
		a.say("%s", line)
	}
	if h := jobs.Hint(err); h != "" {
		a.say("hint: %s", h)
	}
	return exitCode(err)
}
