package jobs

import (
	"context"
	"errors"
	"os"

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
	l, err := lockWarehouse(ctx, p.warehouseDir(), "", false, 0)
	if err != nil {
		return nil, err
	}
	db, err := p.openWarehouse(ctx, true)
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	r := &Reader{Project: p, db: db, lock: l}
	if err := emit.Check(ctx, db, p.grantsDir()); err != nil && !errors.As(err, &r.Behind) && ctx.Err() != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close closes the warehouse and gives the lock back.
func (r *Reader) Close() error { return errors.Join(r.db.Close(), r.lock.release()) }
