package load

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"accrue/schemas"
)

// readers is how many files are read at the same time.
const readers = 2

// read reads all files of a delivery, as far as that is not left to DuckDB, and gives all faults of all files at once.
// Files in byRow are read row by row whatever their types.
func (l *loader) read(ctx context.Context, d *Delivery, spool string, byRow map[string]bool) ([]*taken, error) {
	t := &transcriber{spool: spool, currencies: l.o.Currencies, most: l.o.MaxLine}
	var progress sync.Mutex
	t.progress = func(format string, args ...any) {
		progress.Lock()
		defer progress.Unlock()
		l.progress(format, args...)
	}
	out, faults := make([]*taken, len(d.Files)), make([]error, len(d.Files))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(readers, len(d.Files)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				if faults[i] = ctx.Err(); faults[i] == nil {
					t.progress("reading %s", d.Files[i].Path)
					out[i], faults[i] = t.take(d.Files[i], i, byRow[d.Files[i].Name])
				}
			}
		}()
	}
	for i := range d.Files {
		next <- i
	}
	close(next)
	wg.Wait()
	return out, errors.Join(faults...)
}

// complete checks that a ready delivery holds what it must.
func complete(d *Delivery) error {
	for _, f := range d.Files {
		if f.Dataset == schemas.Transactions || f.Dataset == schemas.Activities {
			return nil
		}
	}
	what := "holds neither transactions nor activities"
	if len(d.Ignored) > 0 {
		what += "; it holds what accrue does not read: " + strings.Join(d.Ignored, ", ")
	}
	return &FileError{Path: d.Dir, What: what}
}

// take reads one file.
func (t *transcriber) take(file File, number int, byRow bool) (*taken, error) {
	if file.Form == Parquet && !byRow {
		out, err := t.direct(file)
		if out != nil || err != nil {
			return out, err
		}
	}
	return t.transcribe(file, number)
}

// direct looks whether DuckDB can read the file itself; nil where it cannot.
func (t *transcriber) direct(file File) (*taken, error) {
	if file.Bytes == 0 {
		return nil, emptyFile(file)
	}
	src, err := openSource(file, file.Path)
	if err != nil {
		return nil, err
	}
	plan, unknown, err := planDirect(file, src, t.currencies)
	rows := src.Rows()
	if err = errors.Join(err, src.Close()); err != nil || plan == nil {
		return nil, err
	}
	if err := file.guard.rows(file, rows); err != nil {
		return nil, err
	}
	out := &taken{File: file, direct: plan, read: rows, unknown: unknown}
	out.sha256, err = fileDigest(file)
	return out, err
}

// errByRow says that DuckDB cannot read one of some files that it should be able to, and that the delivery must be loaded
// anew with those files read row by row: what is wrong with them is then told by row, or refuses them.
type errByRow struct {
	names []string
	err   error
}

func (e *errByRow) Error() string { return fmt.Sprintf("%s: %v", strings.Join(e.names, ", "), e.err) }

// byRow is what to say of an error that came while DuckDB read several files of a dataset.
func (in *intake) byRow(ds *schemas.Dataset, err error) error {
	var names []string
	for _, f := range in.filesOf(ds) {
		if f.direct != nil {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return err
	}
	return &errByRow{names, err}
}

// rawRows calls fn with rows of a file that was read row by row, by their numbers in rising order.
func rawRows(file File, most int64, spool string, numbers []int64, fn func(row int64, raw string) error) (err error) {
	r, err := openRecords(file, most, spool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var rec record
	for _, n := range numbers {
		for rec.no < n {
			if err := r.next(&rec); err != nil {
				return fmt.Errorf("reading row %d of %s again: %w", n, file.Path, err)
			}
		}
		if err := fn(n, r.raw()); err != nil {
			return err
		}
	}
	return nil
}

// rejectsFile is where people read the rejected rows of a delivery.
func (l *loader) rejectsFile(d *Delivery) string {
	return filepath.Join(l.o.RejectsDir, folderStem+d.Date.String(), "rejects.csv")
}
