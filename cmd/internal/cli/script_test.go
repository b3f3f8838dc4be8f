package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"

	"accrue/jobs"
	"accrue/pipeline/warehouse"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(noNetworkVariable) != "":
		forbidNetwork()
	case os.Getenv(dialVariable) != "":
		dial()
	case os.Getenv(mainVariable) != "":
		setClock()
		Main()
	}
	testscript.Main(m, map[string]func(){
		"accrue": accrueMain,
		"state":  stateMain,
		"hold":   holdMain,
		"copyto": copyMain,
	})
}

// accrueMain is the program; $NOW sets its clock.
func accrueMain() {
	setClock()
	os.Exit(Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func setClock() {
	if now, err := time.Parse(time.RFC3339, os.Getenv("NOW")); err == nil {
		clock = &shifted{by: time.Until(now)}
	}
}

// shifted is the machine's clock, moved.
type shifted struct {
	jobs.WallClock
	by time.Duration
}

func (c *shifted) Now() time.Time { return c.WallClock.Now().Add(c.by) }

// Every script goes through the commands as a person would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "kept": kept, "write": writeFile, "flip": flip, "cut": cut, "long": long, "faults": faults,
		},
		Condition: func(cond string) (bool, error) {
			if cond != "root" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return os.Getuid() == 0, nil
		},
		RequireUniqueNames: true,
	})
}

// exits CODE COMMAND… runs a command and wants the exit code. Its output can be looked at with stdout and stderr.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// kept COMMAND… runs a command and wants facts, ledger and published files as they were before it.
func kept(ts *testscript.TestScript, neg bool, args []string) {
	before, err := state(ts.Getenv("WORK"))
	ts.Check(err)
	exits(ts, neg, args)
	after, err := state(ts.Getenv("WORK"))
	ts.Check(err)
	if before != after {
		ts.Fatalf("the warehouse or the published files have changed:\n%s", firstDifference(before, after))
	}
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out []string
	for _, l := range as {
		if !slices.Contains(bs, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range bs {
		if !slices.Contains(as, l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}

// state says what the projects below a folder hold, the run history aside. DuckDB opens a file but once per process,
// so it is asked in one of its own.
func state(dir string) (string, error) {
	cmd := exec.Command("state", dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr.String())
	}
	return stdout.String(), nil
}

func stateMain() {
	if err := printState(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printState(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "accrue.duckdb":
			return printWarehouse(path)
		case !d.IsDir() && strings.Contains(filepath.ToSlash(path), "/grants/"):
			text, err := os.ReadFile(path)
			fmt.Printf("%s %x\n", path, sha256.Sum256(text))
			return err
		}
		return nil
	})
}

func printWarehouse(path string) (err error) {
	ctx := context.Background()
	db, err := warehouse.Open(ctx, warehouse.Options{Path: path, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	sums, err := db.Digests(ctx, "runs")
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(sums)) {
		fmt.Println("table", table, sums[table])
	}
	return nil
}

// write FILE TEXT writes a file with the escapes of a Go string in it: for bytes that a script cannot hold.
func writeFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: write FILE TEXT")
	}
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, []byte(text), 0o644))
}

// flip FILE changes one bit in the middle of a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	text[len(text)/2] ^= 1
	ts.Check(os.WriteFile(path, text, 0o644))
}

// hold LOCK TIME holds a lock as another process would that runs on another night.
func holdMain() {
	l := flock.New(os.Args[1])
	ok, err := l.TryLock()
	holder := `{"pid": 4711, "host": "night-host", "command": "accrue run --date 2026-11-19", "since": "2026-11-22T01:00:00Z"}`
	if err == nil && ok {
		err = os.WriteFile(os.Args[1], []byte(holder), 0o600)
	}
	d, derr := time.ParseDuration(os.Args[2])
	if err = errors.Join(err, derr); err != nil || !ok {
		fmt.Fprintln(os.Stderr, "cannot hold the lock:", err)
		os.Exit(1)
	}
	time.Sleep(d)
	if err := l.Unlock(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// copyto FILE QUERY writes what a query gives as a Parquet file.
func copyMain() {
	ctx := context.Background()
	db, err := warehouse.Open(ctx, warehouse.Options{})
	if err == nil {
		_, err = db.Exec(ctx, "COPY ("+os.Args[2]+") TO "+warehouse.Literal(os.Args[1])+" (FORMAT parquet)")
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cut FILE takes the last third of a file away.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: cut FILE")
	}
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()*2/3))
}

// long FILE MEGABYTES HEAD writes a file whose second line is that long.
func long(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: long FILE MEGABYTES HEAD")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = f.WriteString(args[2] + "\n")
	ts.Check(err)
	chunk := bytes.Repeat([]byte("x"), 1_000_000)
	for range n {
		_, err = f.Write(chunk)
		ts.Check(err)
	}
	ts.Check(f.Close())
}

// faults N FILE wants at least so many faults in a message, each with its place.
func faults(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: faults N FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	found := regexp.MustCompile(`(?m)^\S+\.yaml:\d+:\d+: `).FindAllString(ts.ReadFile(args[1]), -1)
	if len(found) < n {
		ts.Fatalf("%d faults, want %d", len(found), n)
	}
}
