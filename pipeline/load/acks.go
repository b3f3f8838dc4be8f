package load

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"accrue/pipeline/safetext"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// AckOptions say where acknowledgements lie and how strictly they are read.
type AckOptions struct {
	Dir        string // the folder of the files; one that is not there holds none
	SpoolDir   string // for files on their way into DuckDB; emptied before and after
	RejectsDir string // where the rejects file goes
	MaxRejects MaxRejects
	MaxLine    int64 // bytes of the longest record; 0: DefaultMaxLine
	Bounds     Bounds
	// Progress is told what is under way; nil for nobody.
	Progress func(what string)
	// Step is told stepAcks before each file's transaction is committed; nil for nobody.
	Step func(name string)
	// Count is told the rows of each file that is loaded; nil for nobody.
	Count func(rows int64)
}

// AckSteps are the names that AckOptions.Step is told.
var AckSteps = []string{stepAcks}

const stepAcks = "load.acks"

// AckResult says what a call of Acks did.
type AckResult struct {
	Files        int   // loaded by this call
	Read         int64 // rows of those files: accepted and rejected
	Rejected     int64
	Unchanged    int      // files that were loaded before and have not changed
	RejectsFiles []string // of those files that have rejected rows
	Warnings     []string
}

// Acks takes acknowledgements into the warehouse: every file of the folder that is new or has changed, as a whole
// and in a transaction of its own. Every accepted row is kept; which one of a grant's rows holds is for reconciliation
// to say. A file that cannot be loaded stops none of the others; what is wrong with them all is the error, joined of
// *FileError, *RejectsError and others.
func Acks(ctx context.Context, db *warehouse.DB, o AckOptions) (*AckResult, error) {
	if o.MaxLine == 0 {
		o.MaxLine = DefaultMaxLine
	}
	l := &loader{db: db, result: &Result{},
		o: Options{SpoolDir: o.SpoolDir, Progress: o.Progress, Step: o.Step, Count: o.Count, MaxLine: o.MaxLine}}
	a := &ackLoader{loader: l, o: o, result: &AckResult{}}
	err := a.run(ctx)
	a.result.Warnings = l.result.Warnings
	return a.result, err
}

type ackLoader struct {
	*loader
	o      AckOptions
	result *AckResult
}

func (a *ackLoader) run(ctx context.Context) (err error) {
	d, err := a.scan()
	if err != nil {
		return err
	}
	known, err := a.known(ctx)
	if err != nil {
		return err
	}
	if len(d.Ignored) > 0 {
		a.warn("%s: not read, as the names are of no form that accrue knows: %s", d.Dir, strings.Join(d.Ignored, ", "))
	}
	if err := a.emptySpool(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(a.o.SpoolDir)) }()
	var faults []error
	watch := newGuard(ctx, a.o.Bounds)
	for i := range d.Files {
		d.Files[i].guard = watch
		faults = append(faults, a.file(ctx, d.Files[i], i, known))
		delete(known, d.Files[i].Name)
	}
	if len(known) > 0 {
		a.warn("%d files of acknowledgements were loaded and are gone; what was loaded stays", len(known))
	}
	return errors.Join(faults...)
}

// scan lists the files of the folder by name.
func (a *ackLoader) scan() (*Delivery, error) {
	d := &Delivery{Dir: a.o.Dir}
	entries, err := os.ReadDir(a.o.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return d, nil
	}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(a.o.Dir, e.Name())
		if strings.HasPrefix(name, ".") {
			continue
		}
		info, err := entryInfo(path)
		if err != nil {
			return nil, err
		}
		form, packing, ok := formOf(name)
		switch {
		case name == successName:
		case !ok || info.IsDir():
			d.Ignored = append(d.Ignored, name)
		default:
			d.Files = append(d.Files, File{Dataset: schemas.Acks, Name: name, Path: path, Form: form, Packing: packing,
				Bytes: info.Size(), ModifiedNS: info.ModTime().UnixNano()})
		}
	}
	return d, err
}

// knownAcks is a file that was loaded.
type knownAcks struct {
	id int
	loadedFile
}

func (a *ackLoader) known(ctx context.Context) (map[string]knownAcks, error) {
	out := map[string]knownAcks{}
	var name string
	var k knownAcks
	err := a.db.Each(ctx, "SELECT file_id, name, bytes, modified_ns, sha256 FROM ack_files", nil,
		[]any{&k.id, &name, &k.bytes, &k.modifiedNS, &k.sha256}, func() error {
			out[name] = k
			return nil
		})
	return out, err
}

// file loads one file, if it is new or has changed.
func (a *ackLoader) file(ctx context.Context, f File, number int, known map[string]knownAcks) error {
	k, again := known[f.Name]
	if again && k.bytes == f.Bytes && k.modifiedNS == f.ModifiedNS {
		a.result.Unchanged++
		return nil
	}
	if again && k.bytes == f.Bytes {
		sum, err := fileDigest(f)
		if err != nil {
			return err
		}
		if sum == k.sha256 { // touched, and it need not be read the next time
			a.result.Unchanged++
			_, err := a.db.Exec(ctx, fmt.Sprintf("UPDATE ack_files SET modified_ns = %d WHERE file_id = %d", f.ModifiedNS, k.id))
			return err
		}
	}
	a.progress("reading %s", f.Path)
	t := &transcriber{spool: a.o.SpoolDir, most: a.o.MaxLine, progress: a.progress}
	in, err := t.transcribe(f, number)
	if err != nil {
		return err
	}
	in.id = k.id
	if err := a.db.Tx(ctx, func() error { return a.insert(ctx, in, again) }); err != nil {
		return err
	}
	a.took(in.read)
	a.result.Files++
	a.result.Read, a.result.Rejected = a.result.Read+in.read, a.result.Rejected+in.rejectedRows()
	a.warnUnknown(in)
	for _, path := range []string{in.spool, in.rejects} {
		if path != "" {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *ackLoader) insert(ctx context.Context, f *taken, again bool) error {
	if again {
		for _, table := range []string{schemas.Acks.Name, "ack_rejects", "ack_files"} {
			if _, err := a.db.Exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE file_id = %d", table, f.id)); err != nil {
				return err
			}
		}
	} else if err := a.db.QueryRow(ctx, "SELECT coalesce(max(file_id), 0) + 1 FROM ack_files").Scan(&f.id); err != nil {
		return err
	}
	n, err := a.db.Exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT %d, * FROM %s", schemas.Acks.Name, f.id, parquetTable(f.spool)))
	if err != nil {
		return err
	}
	if want := f.read - f.rejectedRows(); n != want {
		return fmt.Errorf("%s: %d rows were accepted, %d came into the warehouse", f.Path, want, n)
	}
	if f.rejects != "" {
		if _, err := a.db.Exec(ctx, fmt.Sprintf("INSERT INTO ack_rejects SELECT %d, row_no, reason, detail, raw FROM %s",
			f.id, parquetTable(f.rejects))); err != nil {
			return err
		}
	}
	if _, err := a.db.Exec(ctx, fmt.Sprintf("INSERT INTO ack_files VALUES (%d, %s, %d, %d, %s, %d, %d, %d)", f.id,
		warehouse.Literal(f.Name), f.Bytes, f.ModifiedNS, warehouse.Literal(f.sha256), f.read, n, f.rejectedRows())); err != nil {
		return err
	}
	// Written before the transaction ends either way: people read there why a file is refused.
	if err := a.writeRejects(ctx, f); err != nil {
		return fmt.Errorf("writing the rejects file: %w", err)
	}
	if a.o.MaxRejects.exceeded(f.read, f.rejectedRows()) {
		return &RejectsError{Limit: a.o.MaxRejects, File: a.rejectsFile(f), Over: []DatasetRejects{
			{Dataset: "acknowledgements in " + f.Name, Rows: f.read, Rejected: f.rejectedRows(), ByReason: f.rejected},
		}}
	}
	a.step(stepAcks)
	return nil
}

// rejectsFile is where people read the rejected rows of a file.
func (a *ackLoader) rejectsFile(f *taken) string {
	return filepath.Join(a.o.RejectsDir, schemas.AcksDir, f.Name, "rejects.csv")
}

// writeRejects writes the file's rejected rows for people; without any the file that an earlier load wrote goes.
func (a *ackLoader) writeRejects(ctx context.Context, f *taken) error {
	path := a.rejectsFile(f)
	if f.rejectedRows() == 0 {
		return removeFile(path)
	}
	a.result.RejectsFiles = append(a.result.RejectsFiles, path)
	return writeRejectsFile(path, []string{"row", "reason", "detail", "raw"}, func(w *csv.Writer) error {
		var reason, detail, raw string
		var row int64
		return a.db.Each(ctx, `SELECT row_no, reason, coalesce(detail, ''), coalesce(raw, '') FROM ack_rejects
			WHERE file_id = ? ORDER BY row_no`, []any{f.id}, []any{&row, &reason, &detail, &raw}, func() error {
			return w.Write([]string{strconv.FormatInt(row, 10), reason, safetext.Cell(detail), safetext.Cell(raw)})
		})
	})
}
