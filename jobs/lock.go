package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Holder says who has the warehouse. It is the content of the lock file, for the eyes of those who must wait.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	// Reads: it holds the lock for a moment only, to take in what a killed run left, and reads then.
	Reads bool `json:"reads,omitempty"`
}

// BusyError says that somebody else has the warehouse.
type BusyError struct {
	// Holder is nil where readers hold it, or where the holder has not written its name yet.
	Holder *Holder
	// Readers: only commands that read (explain, grants, runs) have it, who are soon done.
	Readers bool
	Foreign string // the warehouse's file, where a process that is not accrue has it open
	What    string // what is in use; "" for the warehouse
	Waited  time.Duration
}

// Error names the holder and what to do.
func (e *BusyError) Error() string {
	who := "another accrue process"
	switch {
	case e.Foreign != "":
		who = "a process that is not accrue and has " + e.Foreign + " open, such as a DuckDB shell"
	case e.Readers:
		who = "a command that reads it (explain, grants, runs, verify)"
	case e.Holder != nil:
		who = fmt.Sprintf("`%s` (process %d on %s, since %s)", e.Holder.Command, e.Holder.PID, e.Holder.Host,
			e.Holder.Since.UTC().Format(time.RFC3339))
	}
	what := "the warehouse"
	if e.What != "" {
		what = e.What
	}
	msg := what + " is in use by " + who
	if e.Waited > 0 {
		msg += fmt.Sprintf(", still so after waiting %s", e.Waited)
	}
	return msg
}

// lockPoll is how often a waiting process looks whether the warehouse is free.
const lockPoll = 50 * time.Millisecond

// signPatience is how often it is looked who has the lock.
const signPatience = 20

// readerPatience is how long a writer waits for readers, who are soon done, whatever it was told.
const readerPatience = 5 * time.Second

// lock is a lock on a project's warehouse, held by an open file: the system takes it back from a process that dies.
type lock struct{ file *flock.Flock }

// lockWarehouse takes the lock in the folder, for writing or (shared) for reading, and waits for it up to wait. The
// error is a *BusyError if somebody else has it.
func lockWarehouse(ctx context.Context, dir, command string, write bool, wait time.Duration) (*lock, error) {
	return lockFile(ctx, filepath.Join(dir, "lock"), Holder{Command: command}, write, wait)
}

// lockToTakeIn takes the lock in the folder for a command that is going to read. A writer waits for it as for a reader.
func lockToTakeIn(ctx context.Context, dir string) (*lock, error) {
	return lockFile(ctx, filepath.Join(dir, "lock"), Holder{Command: commandLine(), Reads: true}, true, 0)
}

// LockSchedule takes the lock that keeps two schedulers of one project apart; release gives it back. The error is a
// *BusyError if there is one already.
func (p *Project) LockSchedule(ctx context.Context) (release func() error, err error) {
	l, err := lockFile(ctx, filepath.Join(p.warehouseDir(), "schedule.lock"), Holder{Command: commandLine()}, true, 0)
	if err != nil {
		var busy *BusyError
		if errors.As(err, &busy) {
			busy.What = "the schedule"
		}
		return nil, err
	}
	return l.release, nil
}

func lockFile(ctx context.Context, path string, who Holder, write bool, wait time.Duration) (*lock, error) {
	if write {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("making the warehouse's folder: %w", err)
		}
	} else if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return &lock{}, nil // nobody ever wrote here
	}
	l := &lock{file: flock.New(path)}
	start := time.Now()
	for {
		ok, err := l.try(write)
		if err != nil {
			return nil, fmt.Errorf("locking the warehouse: %w", err)
		}
		if ok {
			break
		}
		busy := l.busy(wait)
		patience := wait
		if busy.Readers {
			patience = max(wait, readerPatience)
		}
		if time.Since(start) >= patience {
			return nil, busy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
	if !write {
		return l, nil
	}
	return l, l.sign(path, who)
}

func (l *lock) try(write bool) (bool, error) {
	if write {
		return l.file.TryLock()
	}
	return l.file.TryRLock()
}

// sign writes who holds the lock into it.
func (l *lock) sign(path string, who Holder) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	who.PID, who.Host, who.Since = os.Getpid(), host, time.Now().UTC()
	text, err := json.Marshal(who)
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("signing the lock: %w", err), l.release())
	}
	return nil
}

// busy finds out who has the lock.
func (l *lock) busy(waited time.Duration) *BusyError {
	e := &BusyError{Waited: waited}
	probe := flock.New(l.file.Path())
	for range signPatience {
		// Readers share it, and whoever gave it back meanwhile does no harm: the next attempt gets it.
		if shared, err := probe.TryRLock(); err == nil && shared {
			e.Readers = true
			_ = probe.Unlock() // it was only a question
			return e
		}
		// Who has it writes its name right after it got it.
		text, err := os.ReadFile(l.file.Path())
		var h Holder
		if err == nil && json.Unmarshal(text, &h) == nil && h.PID != 0 {
			e.Holder, e.Readers = &h, h.Reads
			return e
		}
		time.Sleep(lockPoll / 5)
	}
	return e
}

// release gives the lock back. A writer's name is taken out first.
func (l *lock) release() error {
	if l.file == nil {
		return nil
	}
	var err error
	if l.file.Locked() {
		err = os.Truncate(l.file.Path(), 0)
	}
	return errors.Join(err, l.file.Unlock())
}

// commandLine is how this process was called, for the lock.
func commandLine() string {
	return strings.Join(append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...), " ")
}
