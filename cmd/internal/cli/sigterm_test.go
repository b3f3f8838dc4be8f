package cli

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const now = "NOW=2026-11-21T06:00:00Z"

// mainVariable makes a process of the test binary the program itself, signals included.
const mainVariable = "ACCRUE_TEST_MAIN"

// scheduled is a scheduler under way in a process of its own.
type scheduled struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	said  []string
}

func startSchedule(t *testing.T, dir string) *scheduled {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--project", dir, "schedule")
	cmd.Env = append(os.Environ(), mainVariable+"=1", now)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &scheduled{t: t, cmd: cmd, lines: bufio.NewScanner(pipe)}
	s.wait("the schedule begins")
	return s
}

// wait reads on until a line says something; "" is the end.
func (s *scheduled) wait(text string) {
	s.t.Helper()
	for s.lines.Scan() {
		s.said = append(s.said, s.lines.Text())
		if text != "" && strings.Contains(s.lines.Text(), text) {
			return
		}
	}
	if text != "" {
		s.t.Fatalf("it ended without saying %q:\n%s", text, strings.Join(s.said, "\n"))
	}
}

// stop sends SIGTERM and returns how long the process went on, by the clock and by the processor.
func (s *scheduled) stop() (clock, processor time.Duration) {
	s.t.Helper()
	before := spent(s.t, s.cmd.Process.Pid)
	start := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	s.wait("")
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("stopped with %v:\n%s", err, strings.Join(s.said, "\n"))
	}
	return time.Since(start), s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime() - before
}

// spent is the processor time that another process has used.
func spent(t *testing.T, pid int) time.Duration {
	t.Helper()
	var u time.Duration
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	for _, ticks := range strings.Fields(rest)[11:13] { // utime and stime, in hundredths
		d, err := time.ParseDuration(ticks + "0ms")
		if err != nil {
			t.Fatal(err)
		}
		u += d
	}
	return u
}

// SIGTERM ends the scheduler within two seconds, whatever a night is at and when it rests; the next start makes up for
// what was not done, and everything adds up.
func TestSIGTERMStopsTheSchedule(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	accrue(t, exitDone, "init", base)
	for _, path := range []string{"programs/stamps.yaml", "exports/date=2026-11-21"} {
		if err := os.RemoveAll(filepath.Join(base, path)); err != nil {
			t.Fatal(err)
		}
	}
	accrue(t, exitDone, "--project", base, "generate", "--from", "2026-11-19", "--days", "1", "--transactions", "30000")
	job := "jobs:\n  - {name: nightly, cron: \"30 2 * * *\", time_zone: Asia/Kolkata}\n"
	if err := os.WriteFile(filepath.Join(base, "accrue.yaml"), []byte(job), 0o600); err != nil {
		t.Fatal(err)
	}
	copied := func() string {
		dir := filepath.Join(t.TempDir(), "p")
		if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	// Undisturbed, to know how long the nights take; then it rests.
	dir := copied()
	begin := time.Now()
	s := startSchedule(t, dir)
	s.wait("2026-11-20  published")
	whole := time.Since(begin)
	resting, _ := s.stop()
	interrupted := 0
	for _, part := range []time.Duration{15, 50, 85} {
		dir := copied()
		s := startSchedule(t, dir)
		time.Sleep(whole * part / 100)
		clock, processor := s.stop()
		// Two seconds of the processor, where others have it too.
		if clock > 2*time.Second && processor > 2*time.Second || clock > 30*time.Second {
			t.Errorf("after %d %% of the nights it went on for %s, %s of the processor:\n%s", part, clock, processor, strings.Join(s.said, "\n"))
		}
		if strings.Contains(strings.Join(s.said, "\n"), "interrupted") {
			interrupted++
		}
		t.Logf("after %d %%: ended within %s", part, clock.Round(time.Millisecond))
		next := exec.CommandContext(t.Context(), os.Args[0], "--project", dir, "schedule", "--once")
		next.Env = append(os.Environ(), mainVariable+"=1", now)
		if out, err := next.CombinedOutput(); err != nil {
			t.Errorf("the next start: %v\n%s", err, out)
		}
		accrue(t, exitDone, "--project", dir, "verify")
	}
	if resting > 2*time.Second {
		t.Errorf("at rest it went on for %s", resting)
	}
	if interrupted == 0 {
		t.Error("no night was interrupted: the test shows nothing")
	}
}
