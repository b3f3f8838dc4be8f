package jobs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLockNamesTheHolder(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	l, err := lockWarehouse(ctx, dir, "accrue run --date 2026-11-20", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, write := range []bool{true, false} {
		_, err = lockWarehouse(ctx, dir, "accrue run", write, 0)
		var busy *BusyError
		if !errors.As(err, &busy) {
			t.Fatalf("write %v: got %v, want a *BusyError", write, err)
		}
		if busy.Holder == nil || busy.Holder.PID != os.Getpid() || !strings.Contains(err.Error(), "accrue run --date 2026-11-20") {
			t.Errorf("write %v: %v does not name the holder", write, err)
		}
	}
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "lock")); err != nil || len(text) > 0 {
		t.Errorf("after the release the lock still says %q (%v)", text, err)
	}
	l, err = lockWarehouse(ctx, dir, "accrue run", true, 0)
	if err != nil {
		t.Fatalf("a free lock is refused: %v", err)
	}
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
}

func releaseSoon(t *testing.T, l *lock) {
	t.Helper()
	go func() {
		time.Sleep(3 * lockPoll)
		if err := l.release(); err != nil {
			t.Error(err)
		}
	}()
}

// A writer waits for a command that only takes in what a killed run left, although it was not told to wait.
func TestLockToTakeIn(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	l, err := lockToTakeIn(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	releaseSoon(t, l)
	run, err := lockWarehouse(ctx, dir, "accrue run", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.release(); err != nil {
		t.Fatal(err)
	}
}

func TestLockWaits(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	l, err := lockWarehouse(ctx, dir, "first", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	releaseSoon(t, l)
	second, err := lockWarehouse(ctx, dir, "second", true, 10*time.Second)
	if err != nil {
		t.Fatalf("waiting in vain: %v", err)
	}
	if err := second.release(); err != nil {
		t.Error(err)
	}
}

func TestLockReadersShare(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	l, err := lockWarehouse(ctx, dir, "run", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.release(); err != nil {
		t.Fatal(err)
	}
	one, err := lockWarehouse(ctx, dir, "", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	two, err := lockWarehouse(ctx, dir, "", false, 0)
	if err != nil {
		t.Fatalf("a second reader is refused: %v", err)
	}
	if e := one.busy(0); !e.Readers || !strings.Contains(e.Error(), "a command that reads it") {
		t.Errorf("readers are not told from writers: %v", e)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := lockWarehouse(cancelled, dir, "run", true, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a writer beside readers got %v, want it to wait", err)
	}
	for _, r := range []*lock{one, two} {
		if err := r.release(); err != nil {
			t.Error(err)
		}
	}
}
