package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// DefaultMaxLine is the longest record, in bytes, that a file may hold unless Options say otherwise.
const DefaultMaxLine = 1 << 20

// Options say what to load and how strictly.
type Options struct {
	ExportsDir    string        // the folder of the deliveries
	Through       pipeline.Date // deliveries after this date are left alone
	ReadyByFolder bool          // a delivery is ready as soon as its folder is there
	MaxRejects    MaxRejects
	Currencies    []string // those of all programs; a transaction in another one is rejected (F3)
	SpoolDir      string   // for files on their way into DuckDB; emptied before and after
	RejectsDir    string   // where rejects files go; "": a folder `rejects` beside ExportsDir
	MaxLine       int64    // bytes of the longest record; 0: DefaultMaxLine
	Bounds        Bounds
	// Again are deliveries as they were loaded into a warehouse that is lost: only they are loaded, in the order and
	// with the numbers of their loads, as far as their files are what they were. Nil for an ordinary load.
	Again map[pipeline.Date]Loaded
	// Progress is told what is under way; nil for nobody.
	Progress func(what string)
	// Rows is told how many rows of how many of a delivery have come into the warehouse; nil for nobody.
	Rows func(what string, done, total int64)
	// Step is told the name of each step before it is taken (see Steps); nil for nobody.
	Step func(name string)
	// Count is told rows that the step under way has dealt with; nil for nobody.
	Count func(rows int64)

	straysAtOnce int64 // 0 for the constant of that name
}

// Steps are the names that Options.Step is told, in order, for each delivery that is loaded.
var Steps = func() []string {
	out := []string{stepRead}
	for _, d := range schemas.Datasets {
		out = append(out, stepDataset(d))
	}
	return append(out, stepSettle, stepCommit)
}()

const (
	stepRead   = "load.read"   // the delivery's files are read
	stepSettle = "load.settle" // its rows are held against those of other deliveries
	stepCommit = "load.commit" // its transaction is committed
)

// stepDataset is the step before a dataset's rows go into their table.
func stepDataset(d *schemas.Dataset) string { return "load." + d.Name }

// MaxRejects is how many rejected rows a dataset of a delivery may have (F57): Percent of its rows, or Count where
// Percent is nil. The zero value allows none.
type MaxRejects struct {
	Percent *decimal.Decimal
	Count   int64
}

func (m MaxRejects) exceeded(rows, rejects int64) bool {
	if m.Percent == nil {
		return rejects > m.Count
	}
	return decimal.NewFromInt(rejects).Mul(decimal.NewFromInt(100)).GreaterThan(m.Percent.Mul(decimal.NewFromInt(rows)))
}

// String returns the limit as people write it.
func (m MaxRejects) String() string {
	if m.Percent == nil {
		return fmt.Sprint(m.Count)
	}
	return m.Percent.String() + " %"
}

// Loaded says how a delivery was loaded.
type Loaded struct {
	LoadSeq     int
	Fingerprint string
}

// Result says what a call of Load did.
type Result struct {
	Deliveries []DeliveryResult // loaded by this call, in order of date
	Unchanged  int              // deliveries up to the date that were loaded before and have not changed
	// Changed are deliveries of Options.Again whose files are not what they were; they were not loaded.
	Changed []pipeline.Date
	// Waiting counts, by dataset, accepted rows of all deliveries whose transaction is not known.
	Waiting  map[string]int64
	Warnings []string
}

// DeliveryResult says what loading one delivery brought.
type DeliveryResult struct {
	Date        pipeline.Date
	LoadSeq     int
	Again       bool // it was loaded before, and its files have changed
	Fingerprint string
	Datasets    []DatasetResult  // those that have files
	Withdrawn   map[string]int64 // by dataset, keys that the delivery held before and that no delivery names any more
	RejectsFile string           // "" where no row was rejected
}

// DatasetResult is the control total of one dataset of a delivery.
type DatasetResult struct {
	Dataset string
	Figures
	Rejects map[schemas.RejectReason]int64
	Files   []FileResult
}

// FileResult is the control total of one file, as of the end of its load.
type FileResult struct {
	Name   string
	Bytes  int64
	SHA256 string
	Figures
	taken *taken
}

// Figures are counts of rows, of which Read is the sum of the others, and the sum of all amounts that are numbers,
// rejected rows included, in ten-thousandths as whole digits (0 for datasets without amounts).
type Figures struct {
	Read, Accepted, Duplicate, Superseded, Rejected int64
	Amount                                          pipeline.Sum
}

func (f *Figures) add(g Figures) {
	f.Read += g.Read
	f.Accepted += g.Accepted
	f.Duplicate += g.Duplicate
	f.Superseded += g.Superseded
	f.Rejected += g.Rejected
	f.Amount = f.Amount.Plus(g.Amount)
}

// ErrNotReady says that deliveries up to the date are not complete yet.
var ErrNotReady = errors.New("not ready")

// Load takes the deliveries up to a date into the warehouse that are new or have changed. It returns what it did
// also where it fails at a later delivery: those before are committed. Errors are ErrNotReady, *RejectsError,
// *ControlError, *FileError (several joined), or others.
func Load(ctx context.Context, db *warehouse.DB, o Options) (*Result, error) {
	if o.MaxLine == 0 {
		o.MaxLine = DefaultMaxLine
	}
	if o.RejectsDir == "" {
		o.RejectsDir = filepath.Join(filepath.Dir(filepath.Clean(o.ExportsDir)), "rejects")
	}
	l := &loader{db: db, o: o, result: &Result{Waiting: map[string]int64{}}}
	err := l.run(ctx)
	return l.result, err
}

// loader is one call of Load.
type loader struct {
	db     *warehouse.DB
	o      Options
	result *Result
}

func (l *loader) run(ctx context.Context) (err error) {
	all, err := Scan(l.o.ExportsDir)
	if err != nil {
		return err
	}
	due := slices.DeleteFunc(all, func(d Delivery) bool { return d.Date > l.o.Through })
	if l.o.Again != nil {
		due = slices.DeleteFunc(due, func(d Delivery) bool { return l.o.Again[d.Date].LoadSeq == 0 })
		slices.SortFunc(due, func(a, b Delivery) int { return l.o.Again[a.Date].LoadSeq - l.o.Again[b.Date].LoadSeq })
	}
	if err := l.ready(due); err != nil {
		return err
	}
	known, err := l.known(ctx)
	if err != nil {
		return err
	}
	l.missing(due, known)
	if err := l.emptySpool(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(l.o.SpoolDir)) }()
	watch := newGuard(ctx, l.o.Bounds)
	for i := range due {
		for j := range due[i].Files {
			due[i].Files[j].guard = watch
		}
		changed, err := l.changed(ctx, &due[i], known[due[i].Date])
		if err != nil {
			return err
		}
		if !changed {
			l.result.Unchanged++
			continue
		}
		if err := l.delivery(ctx, &due[i], known[due[i].Date] != nil); err != nil {
			return fmt.Errorf("delivery %s: %w", due[i].Date, err)
		}
	}
	return l.waiting(ctx)
}

// ready refuses to go on while a delivery up to the date is not complete (F54).
func (l *loader) ready(due []Delivery) error {
	var open []string
	for _, d := range due {
		if !d.Ready && !l.o.ReadyByFolder {
			open = append(open, d.Dir)
		}
	}
	if len(open) == 0 {
		return nil
	}
	noun := "delivery is"
	if len(open) > 1 {
		noun = "deliveries are"
	}
	return fmt.Errorf("%s %w: %s: neither _SUCCESS nor control.json is there yet", noun, ErrNotReady,
		strings.Join(open, ", "))
}

func (l *loader) emptySpool() error {
	if l.o.SpoolDir == "" {
		return errors.New("load: no spool folder")
	}
	if err := os.RemoveAll(l.o.SpoolDir); err != nil {
		return fmt.Errorf("emptying the spool folder: %w", err)
	}
	return os.MkdirAll(l.o.SpoolDir, 0o700)
}

func (l *loader) warn(format string, args ...any) {
	l.result.Warnings = append(l.result.Warnings, fmt.Sprintf(format, args...))
}

func (l *loader) progress(format string, args ...any) {
	if l.o.Progress != nil {
		l.o.Progress(fmt.Sprintf(format, args...))
	}
}

func (l *loader) step(name string) {
	if l.o.Step != nil {
		l.o.Step(name)
	}
}

func (l *loader) took(rows int64) {
	if l.o.Count != nil {
		l.o.Count(rows)
	}
}
