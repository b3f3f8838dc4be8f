package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"accrue/jobs"
)

// outputKept is how much of what a command said is told when it fails.
const outputKept = 2000

// command starts a hook's command, without a shell, in the project's folder. The notice is its standard input, and
// its main figures are in the environment. At its time limit it is killed with everything that it has started.
func (s *notices) command(ctx context.Context, h *jobs.HookConfig, n *Notice, body []byte, hidden []string) error {
	ctx, cancel := context.WithTimeout(ctx, h.TimeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.Command[0], h.Command[1:]...)
	cmd.Dir = s.dir
	cmd.Stdin = bytes.NewReader(append(body, '\n'))
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(hidden, name)
	}), n.environment()...)
	// A group of its own, so that what the command starts can be killed with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = stopPatience / 2 // for a child that left the group and keeps the pipe open
	err := cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("it was killed after its time limit of %s%s", h.TimeLimit, out)
	case ctx.Err() != nil:
		return fmt.Errorf("it was killed, as the scheduler stops%s", out)
	case err != nil:
		return fmt.Errorf("%w%s", err, out)
	}
	return nil
}

// environment is the notice for scripts that do not read JSON.
func (n *Notice) environment() []string {
	env := []string{
		"ACCRUE_EVENT=" + n.Event, "ACCRUE_JOB=" + n.Job, "ACCRUE_DATE=" + n.Date, "ACCRUE_PROGRAMS=" + strings.Join(n.Programs, ","),
		"ACCRUE_STATE=" + n.State, "ACCRUE_RUN=" + n.Run, "ACCRUE_MESSAGE=" + strings.ReplaceAll(n.Message, "\x00", " "),
	}
	if t := n.Totals; t != nil {
		env = append(env, "ACCRUE_ROWS_READ="+strconv.FormatInt(t.RowsRead, 10),
			"ACCRUE_ROWS_REJECTED="+strconv.FormatInt(t.RowsRejected, 10), "ACCRUE_GRANTS="+strconv.FormatInt(t.Grants, 10))
	}
	return env
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - outputKept; over > 0 {
		t.text = slices.Delete(t.text, 0, over)
	}
	return len(p), nil
}

// String is for the end of a message.
func (t *tail) String() string {
	text := strings.ToValidUTF8(strings.TrimSpace(string(t.text)), "?")
	if text == "" {
		return ""
	}
	return "; it said:\n" + text
}
