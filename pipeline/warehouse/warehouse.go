// Package warehouse opens the DuckDB file that facts, ledger and run history live in. It is the only importer of
// the driver; which driver is linked is decided by the build tag duckdb_next (driver_default.go, driver_next.go).
//
// A DB is one connector with one session, because opening one file twice in one process loses committed tables
// (go-duckdb v1.8.5), and because the stages hand temporary tables on to each other. Rows must be closed before
// the next statement: the session is one.
package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"accrue/schemas"
)

// Options say how to open a warehouse.
type Options struct {
	Path        string // "" for one in memory
	ReadOnly    bool
	MemoryLimit string // as DuckDB writes it ("4GB"); "" for DuckDB's default
	Threads     int    // 0 for DuckDB's default
	TempDir     string // where to spill; wiped by Open; "" for none
	TempLimit   string // how much, as DuckDB writes it; "" for DuckDB's default, 90 % of the disk
	// Trace, if set, is told every statement before it runs. It may ask the same session about it, as no rows are open.
	Trace func(db *DB, query string, args []any)
}

// DB is an open warehouse.
type DB struct {
	pool *sql.DB
	conn *sql.Conn
	opts Options
	inTx bool
	// blank: nothing has ever been in it.
	blank bool
	temps temps
	// rehearsing: a transaction is open that will be rolled back, and those inside it are part of it.
	rehearsing bool
}

// ErrNewer says that a newer accrue wrote the warehouse.
var ErrNewer = errors.New("the warehouse was written by a newer accrue")

// Open opens the warehouse, creates it if it is not there (unless read-only), and brings it to the newest version.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.TempDir != "" && !o.ReadOnly {
		if err := os.RemoveAll(o.TempDir); err != nil {
			return nil, fmt.Errorf("wiping the spill folder: %w", err)
		}
		if err := os.MkdirAll(o.TempDir, 0o700); err != nil {
			return nil, fmt.Errorf("making the spill folder: %w", err)
		}
	}
	if o.Path != "" && !o.ReadOnly {
		if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
			return nil, err
		}
		// DuckDB creates its files 0644; what members bought is nobody else's business.
		defer syscall.Umask(syscall.Umask(0o077))
	}
	if o.Path != "" && !o.ReadOnly {
		if err := create(ctx, o); err != nil {
			return nil, err
		}
	}
	return connect(ctx, o)
}

// create makes a warehouse that is not there yet, beside its place: on a disk that is full, DuckDB leaves a file that
// it cannot open again.
func create(ctx context.Context, o Options) error {
	if _, err := os.Lstat(o.Path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	path := o.Path
	o.Path += ".new"
	for _, left := range []string{o.Path, o.Path + ".wal"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing what an interrupted run left: %w", err)
		}
	}
	db, err := connect(ctx, o)
	if err == nil {
		_, err = db.Exec(ctx, "CHECKPOINT")
		err = errors.Join(err, db.Close())
	}
	if err == nil {
		err = os.Rename(o.Path, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("making the warehouse %s: %w", path, err), os.RemoveAll(o.Path), os.RemoveAll(o.Path+".wal"))
	}
	return nil
}

// TakeIn brings what a killed process left in DuckDB's log into the warehouse's file. Read-only, DuckDB reads a log only
// as long as it need not write its rows out.
func TakeIn(ctx context.Context, o Options) error {
	db, err := attach(ctx, o)
	if err != nil {
		return err
	}
	return db.Close() // with a checkpoint
}

// connect opens what is there, or something new, and brings it to the newest version.
func connect(ctx context.Context, o Options) (*DB, error) {
	db, err := attach(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if !o.ReadOnly {
		if err := db.noteHashes(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// attach opens what is there, or something new, as it is.
func attach(ctx context.Context, o Options) (*DB, error) {
	if at := strings.IndexAny(o.Path, "?%"); at >= 0 {
		return nil, fmt.Errorf("opening the warehouse %s: its path holds %q, with which the driver of DuckDB cannot open it: give the folder another name, or start in it, without --project",
			o.Path, o.Path[at])
	}
	dsn := o.Path
	if o.ReadOnly {
		dsn += "?access_mode=read_only"
	}
	_, missing := os.Lstat(o.Path)
	pool, err := sql.Open("duckdb", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the warehouse %s: %w", o.Path, err), pool.Close())
	}
	db := &DB{pool: pool, conn: conn, opts: o, blank: o.Path == "" || errors.Is(missing, os.ErrNotExist)}
	if err := db.configure(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) configure(ctx context.Context) error {
	set := []string{
		// Nothing is ever fetched.
		"SET autoinstall_known_extensions = false", "SET autoload_known_extensions = false",
		"SET preserve_insertion_order = true", "SET enable_progress_bar = false",
		"SET default_null_order = 'nulls_first'",
		// Every checkpoint writes anew where the rows of all tables lie, and compresses the last rows of each with one thread
		// alone. What a night posts can wait for the one at its end, and the deliveries of a backfill for each other.
		"SET checkpoint_threshold = '256MB'",
	}
	if db.opts.Threads > 0 {
		set = append(set, fmt.Sprintf("SET threads = %d", db.opts.Threads))
	}
	if db.opts.TempDir != "" {
		set = append(set, "SET temp_directory = "+Literal(db.opts.TempDir))
	}
	if db.opts.TempLimit != "" {
		set = append(set, "SET max_temp_directory_size = "+Literal(db.opts.TempLimit))
	}
	// After the folder: what a killed process left in the log is in memory by now, may be spilled at once, and has no place
	// but one then.
	if db.opts.MemoryLimit != "" {
		set = append(set, "SET memory_limit = "+Literal(db.opts.MemoryLimit))
	}
	for _, s := range set {
		if _, err := db.Exec(ctx, s); err != nil {
			return fmt.Errorf("configuring DuckDB: %w", err)
		}
	}
	return nil
}

func (db *DB) migrate(ctx context.Context) error {
	all := schemas.Migrations()
	version, err := db.version(ctx)
	if err != nil {
		return fmt.Errorf("reading the warehouse's version: %w", err)
	}
	switch {
	case version > len(all):
		return fmt.Errorf("%w: version %d, this one knows %d", ErrNewer, version, len(all))
	case version == len(all):
		return nil
	case db.opts.ReadOnly:
		return fmt.Errorf("the warehouse has version %d and needs %d: run `accrue run` once", version, len(all))
	}
	return db.Tx(ctx, func() error {
		if version == 0 {
			if _, err := db.Exec(ctx, "CREATE TABLE warehouse_version AS SELECT 0 AS version"); err != nil {
				return err
			}
		}
		for i := version; i < len(all); i++ {
			for _, s := range all[i] {
				if _, err := db.Exec(ctx, s); err != nil {
					return fmt.Errorf("migration %d: %w", i+1, err)
				}
			}
		}
		_, err := db.Exec(ctx, fmt.Sprintf("UPDATE warehouse_version SET version = %d", len(all)))
		return err
	})
}

// version is 0 in a warehouse that has no tables yet.
func (db *DB) version(ctx context.Context) (version int, err error) {
	// What looks for tables makes DuckDB parse all the views that it comes with.
	if db.blank {
		return 0, nil
	}
	err = db.QueryRow(ctx, "SELECT version FROM warehouse_version").Scan(&version)
	if err == nil {
		return version, nil
	}
	var there bool
	if lerr := db.QueryRow(ctx, "SELECT count(*) > 0 FROM duckdb_tables() WHERE table_name = 'warehouse_version'").Scan(&there); lerr != nil || there {
		return 0, errors.Join(err, lerr)
	}
	return 0, nil
}

// Seal forbids, for as long as the warehouse is open, that any statement reads or writes a file beside the warehouse's
// own and what is spilled, loads an extension, or changes a setting. It is for when all files have been read.
func (db *DB) Seal(ctx context.Context) error {
	for _, s := range []string{"SET enable_external_access = false", "SET lock_configuration = true"} {
		if _, err := db.Exec(ctx, s); err != nil {
			return fmt.Errorf("sealing the warehouse: %w", err)
		}
	}
	return nil
}

// Close closes the warehouse.
func (db *DB) Close() error { return errors.Join(db.conn.Close(), db.pool.Close()) }

// trace tells what is going to run; what is asked meanwhile is not told.
func (db *DB) trace(query string, args []any) {
	if trace := db.opts.Trace; trace != nil {
		db.opts.Trace = nil
		trace(db, query, args)
		db.opts.Trace = trace
	}
}

// Exec runs one statement and returns the number of rows that it changed, where DuckDB tells it.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	db.trace(query, args)
	res, err := db.conn.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	db.temps.ran(query)
	return res.RowsAffected()
}

// Query runs a query. The rows must be closed before the next statement.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	db.trace(query, args)
	return db.conn.QueryContext(ctx, query, args...)
}

// QueryRow runs a query for one row.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	db.trace(query, args)
	return db.conn.QueryRowContext(ctx, query, args...)
}

// Each runs a query and calls fn for each row, after scanning it into dest.
func (db *DB) Each(ctx context.Context, query string, args []any, dest []any, fn func() error) error {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Tx runs fn inside a transaction, which is rolled back if fn fails. It does not nest.
func (db *DB) Tx(ctx context.Context, fn func() error) error {
	if db.rehearsing {
		return fn()
	}
	if db.inTx {
		return errors.New("warehouse: a transaction inside a transaction")
	}
	if _, err := db.Exec(ctx, "BEGIN TRANSACTION"); err != nil {
		return err
	}
	db.inTx = true
	defer func() { db.inTx = false }()
	before := slices.Clone(db.temps.made)
	if err := fn(); err != nil {
		db.temps.made = before
		// The context may be cancelled; the rollback must happen all the same.
		_, rerr := db.Exec(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, rerr)
	}
	_, err := db.Exec(ctx, "COMMIT")
	return err
}

// Rehearse runs fn inside a transaction that is rolled back whatever happens: nothing that fn does lasts, its temporary
// tables neither. Transactions inside it are part of it, so that one that fails must end fn.
func (db *DB) Rehearse(ctx context.Context, fn func() error) error {
	if db.inTx {
		return errors.New("warehouse: a rehearsal inside a transaction")
	}
	if _, err := db.Exec(ctx, "BEGIN TRANSACTION"); err != nil {
		return err
	}
	db.inTx, db.rehearsing = true, true
	defer func() { db.inTx, db.rehearsing = false, false }()
	before := slices.Clone(db.temps.made)
	err := fn()
	db.temps.made = before
	_, rerr := db.Exec(context.WithoutCancel(ctx), "ROLLBACK")
	return errors.Join(err, rerr)
}

// Literal quotes a text as an SQL literal.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Ident quotes a name as an SQL identifier.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
