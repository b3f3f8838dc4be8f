package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// A process of the test binary with this variable loads the projects in the folder one after the other, each into an
// empty warehouse, and says of each how it went.
const measureVariable = "ACCRUE_TEST_MEASURE"

// What loading may take at most, in processor time and in resident memory.
const (
	mostTime   = 5 * time.Second
	mostMemory = 512 << 20
)

// measured is how loading one project went.
type measured struct {
	Name     string
	Done     bool   // false: it is under way
	Refused  string // "" where it was loaded
	Rows     string // what was loaded, as far as it is transactions
	Time     time.Duration
	Resident int64 // bytes at the peak
}

// spend is the processor time that the process has used.
func spend() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that was resident since forget.
func peak() int64 {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kb, err := strconv.ParseInt(strings.Fields(rest + " -")[0], 10, 64)
	if err != nil {
		panic(err)
	}
	return kb << 10
}

// forget begins the peak anew.
func forget() {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		panic(err)
	}
}

// TestMeasuredChild is the process that measures.
func TestMeasuredChild(t *testing.T) {
	root := os.Getenv(measureVariable)
	if root == "" {
		return // only for processes that measure
	}
	entries, err := os.ReadDir(root)
	must(t, err)
	out := json.NewEncoder(os.Stdout)
	var db *warehouse.DB
	for _, e := range entries {
		m := measured{Name: e.Name()}
		must(t, out.Encode(m))
		if db == nil {
			db, err = warehouse.Open(t.Context(), warehouse.Options{Threads: 2, MemoryLimit: "4GB"})
			must(t, err)
		}
		debug.FreeOSMemory()
		forget()
		start := spend()
		m.load(t, db, filepath.Join(root, e.Name()))
		m.Done, m.Time, m.Resident = true, spend()-start, peak()
		must(t, out.Encode(m))
		// What was refused leaves the warehouse empty, unless it has broken it.
		if _, err := db.Exec(t.Context(), "SELECT 1"); m.Refused == "" || err != nil {
			_ = db.Close() // it may be broken
			db = nil
		}
	}
}

func (m *measured) load(t *testing.T, db *warehouse.DB, dir string) {
	p := &project{t: t, dir: dir, db: db}
	_, err := Load(t.Context(), db, Options{
		ExportsDir: filepath.Join(dir, "exports"), Through: pipeline.MaxDate, Currencies: []string{"INR"},
		SpoolDir: filepath.Join(dir, "spool"), RejectsDir: filepath.Join(dir, "rejects"),
	})
	if err != nil {
		m.Refused = strings.ReplaceAll(err.Error(), dir+"/", "")
		return
	}
	m.Rows = strings.Join(p.rows("SELECT * EXCLUDE (file_id, first_seq, load_seq) FROM transactions"), "\n")
}

// measure loads the projects in the folder in processes of their own and returns how it went, by name. One that ends
// the process, or takes more than it may, is an error; those behind it are loaded by the next process.
func measure(t *testing.T, root string) map[string]measured {
	t.Helper()
	out := map[string]measured{}
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestMeasuredChild$", "-test.v")
		cmd.Env = append(os.Environ(), measureVariable+"="+root)
		var faults strings.Builder
		cmd.Stderr = &faults
		pipe, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		var last measured
		lines := bufio.NewScanner(pipe)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var m measured
			if json.Unmarshal(lines.Bytes(), &m) != nil || m.Name == "" {
				continue
			}
			if last = m; m.Done {
				out[m.Name] = m
				must(t, os.RemoveAll(filepath.Join(root, m.Name)))
			}
		}
		err = errors.Join(lines.Err(), cmd.Wait())
		if err == nil {
			break
		}
		if last.Done || last.Name == "" {
			t.Fatalf("%v\n%s", err, faults.String())
		}
		t.Errorf("%s ends the process: %v\n%.2000s", last.Name, err, faults.String())
		must(t, os.RemoveAll(filepath.Join(root, last.Name)))
	}
	for name, m := range out {
		if m.Time > mostTime || m.Resident > mostMemory {
			t.Errorf("%s took %s and %d MB: %s", name, m.Time, m.Resident>>20, m.Refused)
		}
	}
	return out
}

// heaviest says what the measured projects took at most.
func heaviest(all map[string]measured) string {
	var most measured
	for _, m := range all {
		most.Time, most.Resident = max(most.Time, m.Time), max(most.Resident, m.Resident)
	}
	return fmt.Sprintf("%d loaded, at most %s of processor time and %d MB", len(all), most.Time.Round(time.Millisecond), most.Resident>>20)
}
