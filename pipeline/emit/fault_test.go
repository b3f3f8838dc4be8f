package emit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultyFS fails one operation, and from then on every other that changes something if sticky. Two formats are written
// at the same time, so that an operation is known by its name and how many of that name came before, not by a number.
type faultyFS struct {
	osFS
	root   string // operations are named by paths under it
	at     operation
	err    error
	sticky bool

	mu     sync.Mutex
	seen   map[string]int
	failed bool
	all    []operation
}

// operation is the n-th operation of its name, counting from 1: "mkdir grants/p" 2.
type operation struct {
	name string
	n    int
}

func (f *faultyFS) op(name, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	rel, err := filepath.Rel(f.root, path)
	if err != nil {
		return err
	}
	op := operation{name: name + " " + rel}
	if f.seen == nil {
		f.seen = map[string]int{}
	}
	f.seen[op.name]++
	op.n = f.seen[op.name]
	f.all = append(f.all, op)
	if op == f.at || f.sticky && f.failed {
		f.failed = true
		return &os.PathError{Op: name, Path: path, Err: f.err}
	}
	return nil
}

func (f *faultyFS) Mkdir(path string) error {
	if err := f.op("mkdir", path); err != nil {
		return err
	}
	return f.osFS.Mkdir(path)
}

func (f *faultyFS) Create(path string) (File, error) {
	if err := f.op("create", path); err != nil {
		return nil, err
	}
	file, err := f.osFS.Create(path)
	return &faultyFile{file, f, path}, err
}

func (f *faultyFS) Open(path string) (io.ReadCloser, error) {
	if err := f.op("open", path); err != nil {
		return nil, err
	}
	return f.osFS.Open(path)
}

func (f *faultyFS) Exists(path string) (bool, error) {
	if err := f.op("exists", path); err != nil {
		return false, err
	}
	return f.osFS.Exists(path)
}

func (f *faultyFS) Rename(from, to string) error {
	if err := f.op("rename", from); err != nil {
		return err
	}
	return f.osFS.Rename(from, to)
}

func (f *faultyFS) SyncDir(path string) error {
	if err := f.op("syncdir", path); err != nil {
		return err
	}
	return f.osFS.SyncDir(path)
}

type faultyFile struct {
	File
	fs   *faultyFS
	path string
}

// Write fails half way, as a full disk does.
func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.fs.op("write", f.path); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.op("sync", f.path); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	err := f.fs.op("close", f.path)
	return errors.Join(err, f.File.Close())
}

// Whichever operation fails before the commit, nothing is published, nothing is left, the warehouse is as it was, and
// the next attempt publishes the same bytes. After the commit nothing is lost: Recover publishes.
func TestEveryFileOperationMayFail(t *testing.T) {
	ctx := context.Background()
	s := newShop(t)
	s.req.Formats = []Format{CSV, NDJSON}
	count := &faultyFS{root: filepath.Dir(s.grants)}
	s.req.FS = count
	s.publish(someRows()...)
	want := s.files()
	if len(count.all) < 30 {
		t.Fatalf("only %d operations: %v", len(count.all), count.all)
	}
	for i := range 2 * len(count.all) {
		at, sticky := count.all[i/2], i%2 == 0
		s := newShop(t)
		s.req.Formats = []Format{CSV, NDJSON}
		s.req.FS = &faultyFS{root: filepath.Dir(s.grants), at: at, err: syscall.ENOSPC, sticky: sticky}
		s.differ(someRows()...)
		staged, err := s.commit()
		if err == nil {
			err = staged.Publish(ctx, s.db)
		}
		if err == nil {
			t.Fatalf("%v, sticky %t: no error", at, sticky)
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "publishing p/date=2026-11-20/seq=001: ") || !strings.Contains(err.Error(), "Make room on the disk") {
			t.Errorf("%v, sticky %t: %v", at, sticky, err)
		}
		if staged == nil {
			if len(s.files()) > 0 || s.state() != "" {
				t.Errorf("%v, sticky %t: left %v, publications %q", at, sticky, s.files(), s.state())
			}
			if _, err := os.Stat(s.grants); !os.IsNotExist(err) {
				t.Errorf("%v, sticky %t: the grants folder was made and is left", at, sticky)
			}
			s.req.FS = nil
			if staged, err = s.commit(); err == nil {
				err = staged.Publish(ctx, s.db)
			}
		} else {
			_, err = Recover(ctx, s.db, s.grants, Options{})
		}
		if err != nil {
			t.Fatalf("%v, sticky %t: the next attempt: %v", at, sticky, err)
		}
		if d := cmp.Diff(want, s.files()); d != "" {
			t.Errorf("%v, sticky %t: the next attempt published other files:\n%s", at, sticky, d)
		}
		if got := s.state(); got != "p/date=2026-11-20/seq=001 published" {
			t.Errorf("%v, sticky %t: publications %q", at, sticky, got)
		}
	}
}

func TestAGrantsFolderThatCannotBeWritten(t *testing.T) {
	s := newShop(t)
	s.differ(someRows()...)
	s.req.FS = &faultyFS{root: filepath.Dir(s.grants), at: operation{"mkdir grants", 1}, err: syscall.EROFS}
	_, err := s.commit()
	if err == nil || !strings.Contains(err.Error(), "read-only file system\nNothing was published. The grants folder must be writable") {
		t.Errorf("got %v", err)
	}
	// A file where the folder should be.
	s.req.FS = nil
	if err := os.WriteFile(s.grants, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.commit(); err == nil || !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("got %v", err)
	}
}

// The folder vanishes while it is being written, or before it is renamed.
func TestTheHiddenFolderVanishes(t *testing.T) {
	ctx := context.Background()
	for _, step := range []string{"emit.sync", "emit.readback", "publish.rename"} {
		s := newShop(t)
		s.req.Step = func(name string) {
			if name == step {
				os.RemoveAll(s.grants)
			}
		}
		s.differ(someRows()...)
		staged, err := s.commit()
		if step == "publish.rename" {
			if err != nil {
				t.Fatal(err)
			}
			err = staged.Publish(ctx, s.db)
		}
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: got %v", step, err)
		}
		if len(s.files()) > 0 {
			t.Errorf("%s: left %v", step, s.files())
		}
		if step != "publish.rename" {
			continue
		}
		r, err := Recover(ctx, s.db, s.grants, Options{})
		if err != nil || len(r.Rewritten) != 1 || s.read(folder+"grants.csv") != wantCSV {
			t.Errorf("recovered %+v, %v", r, err)
		}
	}
}

// Whatever happens to the files between writing and publishing, reading them back notices it.
func TestReadBackNotices(t *testing.T) {
	lines := func(text string) []string { return strings.SplitAfter(text, "\n") }
	swap := func(text string) string {
		l := lines(text)
		l[2], l[3] = l[3], l[2]
		return strings.Join(l, "")
	}
	drop := func(text string) string {
		l := lines(text)
		return strings.Join(append(l[:2:2], l[3:]...), "")
	}
	double := func(text string) string {
		l := lines(text)
		return strings.Join(append(l[:3:3], l[2:]...), "")
	}
	cut := func(text string) string { return text[:len(text)-7] }
	longer := func(text string) string { return text + "x" }
	changes := map[string]func(string) string{"swapped": swap, "dropped": drop, "doubled": double, "cut": cut, "longer": longer,
		"emptied": func(string) string { return "" }}
	binary := map[string]func(string) string{"cut": cut, "longer": longer, "emptied": changes["emptied"]}
	for i := range 8 {
		flip := func(text string) string {
			b := []byte(text)
			b[i*len(b)/8] ^= 1 << (i % 8)
			return string(b)
		}
		changes[fmt.Sprint("flip ", i)], binary[fmt.Sprint("flip ", i)] = flip, flip
	}
	for _, format := range Formats {
		which := changes
		if format == Parquet || format == Arrow {
			which = binary
		}
		for _, name := range []string{"grants." + string(format), "manifest.json"} {
			s := newShop(t)
			s.req.Formats = []Format{format}
			s.differ(someRows()...)
			for what, change := range which {
				s.req.Step = func(step string) {
					if step != "emit.readback" {
						return
					}
					path := filepath.Join(s.grants, "p/date=2026-11-20/.seq=001.staging", name)
					text, err := os.ReadFile(path)
					if err == nil {
						err = os.WriteFile(path, []byte(change(string(text))), 0o600)
					}
					if err != nil {
						t.Error(err)
					}
				}
				_, err := s.commit()
				if !errors.Is(err, ErrReadBack) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s %s: got %v", name, what, err)
				}
				if len(s.files()) > 0 || s.state() != "" {
					t.Errorf("%s %s: left %v, publications %q", name, what, s.files(), s.state())
				}
			}
		}
	}
}

// The rows themselves are held against the ledger's totals and the order, digests aside.
func TestReadBackLooksAtRows(t *testing.T) {
	s := newShop(t)
	staged := s.publish(someRows()...)
	path := filepath.Join(s.grants, folder, "grants.csv")
	check := func(text, want string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m := *staged.Manifest
		m.Files[0].Bytes, m.Files[0].SHA256 = int64(len(text)), sha(text) // as if it had been written so
		text2, err := manifestText(&m)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.grants, folder, "manifest.json"), text2, 0o600); err != nil {
			t.Fatal(err)
		}
		totals, scales, err := totalsOf(&m)
		if err != nil {
			t.Fatal(err)
		}
		err = readBack{osFS{}, filepath.Join(s.grants, folder), &m, text2, totals, scales, "", func() {}}.run(context.Background(), s.db)
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	l := strings.SplitAfter(wantCSV, "\n")
	check(wantCSV, "")
	check(l[0]+l[1]+l[3]+l[2]+l[4]+l[5], "stands after p/cash/transaction/t1/1, and belongs before it or twice")
	check(l[0]+l[1]+l[1]+l[3]+l[4]+l[5], "belongs before it or twice")
	check(l[0]+l[1]+l[2]+l[3]+l[4], "rows: 5 expected, 4 found")
	check(strings.Replace(wantCSV, ",3.33,", ",3.34,", 1), "sum of cashback accrual: 3.33 expected, 3.34 found, difference 0.01")
	check(strings.Replace(wantCSV, "base,points,5,", "base,cashback,5,", 1), "rows of cashback accrual: 1 expected, 2 found, difference 1")
}
