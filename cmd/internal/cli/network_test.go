package cli

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// Variables of a process of the test binary: with the first the kernel ends it (SIGSYS) as soon as anything in it, DuckDB
// included, asks for a socket; with the second it asks for one.
const (
	noNetworkVariable = "ACCRUE_TEST_NO_NETWORK"
	dialVariable      = "ACCRUE_TEST_DIAL"
)

// exitNoFilter says that this kernel lets nobody filter system calls.
const exitNoFilter = 99

// forbidNetwork starts the process anew behind a filter of system calls, which needs no right and no tool.
func forbidNetwork() {
	const (
		loadWord, jumpEqual, give  = 0x20, 0x15, 0x06 // of the kernel's packet filters
		kill, allow                = 0x80000000, 0x7fff0000
		setNoNewPrivs, setSeccomp  = 38, 22
		filterMode, ioUringSetupNR = 2, 425
	)
	program := []syscall.SockFilter{
		{Code: loadWord, K: 0}, // the call's number
		{Code: jumpEqual, Jt: 2, K: syscall.SYS_SOCKET},
		{Code: jumpEqual, Jt: 1, K: ioUringSetupNR}, // sockets can be had by it too
		{Code: give, K: allow},
		{Code: give, K: kill},
	}
	filter := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread() // the filter is this thread's, and of what it becomes
	for _, args := range [][3]uintptr{{setNoNewPrivs, 1, 0}, {setSeccomp, filterMode, uintptr(unsafe.Pointer(&filter))}} {
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, args[0], args[1], args[2], 0, 0, 0); errno != 0 {
			os.Exit(exitNoFilter)
		}
	}
	if err := os.Unsetenv(noNetworkVariable); err != nil {
		panic(err)
	}
	panic(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
}

// dial asks for a socket.
func dial() {
	if c, err := net.Dial("tcp", "127.0.0.1:1"); err == nil {
		_ = c.Close()
	}
	os.Exit(0)
}

// offline runs a command line behind the filter and returns its exit code.
func offline(t *testing.T, variable string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), variable+"=1", noNetworkVariable+"=1", "NOW=2026-11-22T06:00:00Z")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGSYS {
		return -1, string(out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// No command asks for the network: not DuckDB for an extension, not the page for finance, not the scheduler without
// hooks.
func TestNoNetwork(t *testing.T) {
	switch code, out := offline(t, dialVariable); code {
	case -1:
	case exitNoFilter:
		t.Skip("this kernel lets nobody filter system calls")
	default:
		t.Fatalf("the filter lets a socket through: %d\n%s", code, out)
	}
	dir := filepath.Join(t.TempDir(), "p")
	settings := "grants: {formats: [csv, parquet, ndjson, arrow]}\njobs:\n  - {name: nightly, cron: \"30 2 * * *\", time_zone: Asia/Kolkata}\n"
	for i, line := range []string{
		"init " + dir, "check", "program show", "generate --from 2026-11-19 --transactions 300 --format parquet", "run --date 2026-11-20", "schedule --once",
		"runs", "grants", "explain transaction TX-1008", "reconcile", "reconcile --roll-forward", "report --from 2026-11-19 --to 2026-11-21 --out " + filepath.Join(dir, "r.html"),
		"simulate --program " + filepath.Join(dir, "programs/jcb.yaml") + " --from 2026-11-19 --to 2026-11-21", "close --through 2026-11-19", "verify", "test",
		"backfill --from 2026-11-19 --to 2026-11-21 --dry-run", "explain --from 2026-11-19 --to 2026-11-21 --out " + filepath.Join(dir, "why.parquet"), "rebuild", "verify",
	} {
		args := strings.Fields(line)
		if i > 0 {
			args = append([]string{"--project", dir}, args...)
		}
		if args[len(args)-1] == "rebuild" {
			if err := os.RemoveAll(filepath.Join(dir, "warehouse")); err != nil {
				t.Fatal(err)
			}
		}
		want := exitDone
		if strings.HasPrefix(line, "reconcile") && !strings.Contains(line, "roll") {
			want = exitFindings // nobody acknowledged anything
		}
		if code, out := offline(t, mainVariable, args...); code != want {
			t.Errorf("accrue %s: %d (-1: it asked for the network)\n%s", line, code, out)
		}
		if i == 0 {
			if err := os.WriteFile(filepath.Join(dir, "accrue.yaml"), []byte(settings), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
