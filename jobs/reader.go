package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"accrue/pipeline/emit"
	"accrue/pipeline/warehouse"
)

// Reader is a project's warehouse opened for reading: what is committed, and nothing that is under way. While it is
// open no run can start.
type Reader struct {
	Project *Project
	db      *warehouse.DB
	lock    *lock
	// Behind is set where the warehouse does not know everything that is published: what it says is not all. Published
	// files that were changed are for Verify to name.
	Behind *emit.BehindError
}

// errNoWarehouse says that nothing has run yet.
var errNoWarehouse = &hintError{
	error: errors.New("this project has no warehouse yet: nothing has run"),
	hint:  "load a delivery and publish its grants with `accrue run --date YYYY-MM-DD`",
}

// errLostWarehouse says that there was a warehouse.
var errLostWarehouse = &hintError{
	error: errors.New("the warehouse is lost: there is none, and grants are published"),
	hint:  "`accrue rebuild` makes it anew from the deliveries and the published files",
}

// OpenReader opens the project's warehouse for reading. The error is a *BusyError while a run holds it.
func (p *Project) OpenReader(ctx context.Context) (*Reader, error) {
	if _, err := os.Stat(p.warehouseFile()); errors.Is(err, os.ErrNotExist) {
		if there, err := emit.HasPublished(p.grantsDir()); err == nil && there {
			return nil, errLostWarehouse
		}
		return nil, errNoWarehouse
	}
	untaken := p.takeInLog(ctx)
	l, err := lockWarehouse(ctx, p.warehouseDir(), "", false, 0)
	if err != nil {
		return nil, err
	}
	db, err := p.openWarehouse(ctx, true)
	if err != nil {
		if mayNotWrite(untaken) {
			err = &hintError{
				error: fmt.Errorf("what a killed run left in the warehouse's log is not taken in yet: %w", untaken),
				hint:  "any command takes it in that is run by a user who may write the warehouse, for example `accrue runs`",
			}
		}
		return nil, errors.Join(err, l.release())
	}
	r := &Reader{Project: p, db: db, lock: l}
	if err := emit.Check(ctx, db, p.grantsDir()); err != nil && !errors.As(err, &r.Behind) && ctx.Err() != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// takeInLog brings what a killed run left in DuckDB's log into the warehouse, which DuckDB cannot do while it only reads.
// An error need not matter: most logs are short enough to be read as they are.
func (p *Project) takeInLog(ctx context.Context) (err error) {
	if log, err := os.Stat(p.warehouseFile() + ".wal"); err != nil || log.Size() == 0 {
		return nil
	}
	l, err := lockToTakeIn(ctx, p.warehouseDir())
	if errors.As(err, new(*BusyError)) { // it is that of a run under way
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	return warehouse.TakeIn(ctx, p.warehouseOptions())
}

// mayNotWrite reports whether an error, of DuckDB perhaps, says that this user may not write.
func mayNotWrite(err error) bool {
	return err != nil && (strings.Contains(strings.ToLower(err.Error()), syscall.EACCES.Error()) ||
		strings.Contains(strings.ToLower(err.Error()), syscall.EROFS.Error()))
}

// Close closes the warehouse and gives the lock back.
func (r *Reader) Close() error { return errors.Join(r.db.Close(), r.lock.release()) }
