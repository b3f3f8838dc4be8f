package jobs

import (
	"context"
	"errors"
	"os"

	"accrue/pipeline/warehouse"
)

// Reader is a project's warehouse opened for reading: what is committed, and nothing that is under way. While it is
// open no run can start.
type Reader struct {
	Project *Project
	db      *warehouse.DB
	lock    *lock
}

// errNoWarehouse says that nothing has run yet.
var errNoWarehouse = &hintError{
	error: errors.New("this project has no warehouse yet: nothing has run"),
	hint:  "load a delivery and publish its grants with `accrue run --date YYYY-MM-DD`",
}

// OpenReader opens the project's warehouse for reading. The error is a *BusyError while a run holds it.
func (p *Project) OpenReader(ctx context.Context) (*Reader, error) {
	if _, err := os.Stat(p.warehouseFile()); errors.Is(err, os.ErrNotExist) {
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
	return &Reader{Project: p, db: db, lock: l}, nil
}

// Close closes the warehouse and gives the lock back.
func (r *Reader) Close() error { return errors.Join(r.db.Close(), r.lock.release()) }
