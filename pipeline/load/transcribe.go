package load

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"accrue/pipeline/columnar"
	"accrue/schemas"
)

// taken is a file that has been read, or looked at closely enough to know that DuckDB can read it.
type taken struct {
	File
	id       int // file_id, once the delivery goes in
	sha256   string
	spool    string  // Parquet file of the accepted rows' stored columns; "" where DuckDB reads the file itself
	direct   *direct // how DuckDB reads the file itself; nil where it does not
	rejects  string  // Parquet file of the rejected rows, "" for none
	read     int64
	rejected map[schemas.RejectReason]int64
	total    total
	unknown  []string
}

func (t *taken) rejectedRows() int64 {
	n := int64(0)
	for _, c := range t.rejected {
		n += c
	}
	return n
}

// rejectColumns are what is kept of a rejected row on its way into the warehouse.
var rejectColumns = []schemas.Column{
	{Name: "row_no", Type: "BIGINT"}, {Name: "reason", Type: "VARCHAR"}, {Name: "detail", Type: "VARCHAR"}, {Name: "raw", Type: "VARCHAR"},
}

// spoolFile is a Parquet file in the spool folder.
type spoolFile struct {
	f *os.File
	*columnar.RowWriter
}

func createSpool(path string, columns []schemas.Column) (*spoolFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w, err := columnar.NewRowWriter(f, columns)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &spoolFile{f, w}, nil
}

// Close ends the file.
func (s *spoolFile) Close() error {
	if s == nil || s.f == nil {
		return nil
	}
	err := errors.Join(s.RowWriter.Close(), s.f.Close())
	s.f = nil
	return err
}

// rejecter collects the rejected rows of a file; its spool file is made when the first one comes.
type rejecter struct {
	t    *taken
	path string
	out  *spoolFile
}

func (r *rejecter) add(row int64, reason schemas.RejectReason, detail, raw string) (err error) {
	if r.out == nil {
		if r.out, err = createSpool(r.path, rejectColumns); err != nil {
			return err
		}
		r.t.rejects = r.path
	}
	if r.t.rejected == nil {
		r.t.rejected = map[schemas.RejectReason]int64{}
	}
	r.t.rejected[reason]++
	r.out.Int(0, row)
	r.out.Text(1, []byte(reason))
	if detail == "" {
		r.out.Null(2)
	} else {
		r.out.Text(2, []byte(detail))
	}
	r.out.Text(3, []byte(printable(raw)))
	r.out.EndRow()
	return nil
}

// transcriber reads files row by row into the spool folder.
type transcriber struct {
	spool      string // folder
	currencies []string
	most       int64
	progress   func(format string, args ...any)
}

// watchRows is how often it is asked whether to go on.
const watchRows = 1 << 12

// progressRows is how often a long file tells how far it is.
const progressRows = 1 << 20

// transcribe reads a whole file, checks its rows and writes the accepted ones, with their row numbers, and the
// rejected ones as Parquet files named after the number.
func (t *transcriber) transcribe(file File, number int) (out *taken, err error) {
	out = &taken{File: file, spool: filepath.Join(t.spool, fmt.Sprintf("%05d.parquet", number))}
	r, err := openRecords(file, t.most, t.spool)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	columns := append([]schemas.Column{{Name: "row_no", Type: "BIGINT"}}, file.Dataset.Columns()...)
	w, err := createSpool(out.spool, columns)
	if err != nil {
		return nil, err
	}
	rejects := &rejecter{t: out, path: filepath.Join(t.spool, fmt.Sprintf("%05d-rejects.parquet", number))}
	defer func() { err = errors.Join(err, w.Close(), rejects.out.Close()) }()

	text := textColumns(file.Dataset)
	c := newChecker(file.Dataset, t.currencies)
	var rec record
	for {
		if err := r.next(&rec); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if out.read++; out.read%progressRows == 0 {
			t.progress("reading %s: %d rows", file.Path, out.read)
		}
		if out.read%watchRows == 0 {
			if err := errors.Join(file.guard.stopped(), file.guard.rows(file, out.read)); err != nil {
				return nil, err
			}
		}
		if reason, why := c.check(&rec); reason != "" {
			if err := rejects.add(rec.no, reason, why, r.raw()); err != nil {
				return nil, err
			}
			continue
		}
		w.Int(0, rec.no)
		c.write(w.RowWriter, 1, text)
		w.EndRow()
	}
	if missing := r.missing(); len(missing) > 0 {
		return nil, &FileError{Path: file.Path, What: missingColumns(file.Dataset, missing, nil)}
	}
	if err := file.guard.rows(file, out.read); err != nil {
		return nil, err
	}
	out.total, out.unknown = c.total, r.unknown()
	out.sha256, err = r.finish()
	return out, err
}

// textColumns tells which stored columns of a dataset are texts.
func textColumns(ds *schemas.Dataset) []bool {
	var out []bool
	for _, c := range ds.Columns() {
		out = append(out, c.Type == "VARCHAR")
	}
	return out
}

// records is an open file whose rows can be had one by one.
type records struct {
	recordReader
	finish func() (string, error) // reads to the end and gives the SHA-256
	close  []func() error
}

// Close closes the file.
func (r *records) Close() error {
	var errs []error
	for i := len(r.close) - 1; i >= 0; i-- {
		errs = append(errs, r.close[i]())
	}
	return errors.Join(errs...)
}

// openRecords opens a file for reading row by row.
func openRecords(file File, most int64, spool string) (r *records, err error) {
	r = &records{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if file.Bytes == 0 && file.Form != NDJSON {
		return r, emptyFile(file)
	}
	if file.Form == Parquet || file.Form == Arrow {
		return r, r.openColumns(file, most, spool)
	}
	in, err := openInput(file)
	if err != nil {
		return r, err
	}
	r.close, r.finish = append(r.close, in.Close), in.finish
	if file.Form == CSV {
		r.recordReader, err = newCSV(in, file.Path, file.Dataset, most)
	} else {
		r.recordReader, err = newNDJSON(in, file.Path, file.Dataset, most)
	}
	return r, err
}

func emptyFile(file File) error {
	what := "is empty"
	if file.Form == CSV {
		what = "is empty: there is no header"
	}
	return &FileError{Path: file.Path, What: what}
}

// openColumns opens Arrow and Parquet, which cannot be read in one go from beginning to end: a packed file is
// unpacked into the spool folder first.
func (r *records) openColumns(file File, most int64, spool string) error {
	path := file.Path
	r.finish = func() (string, error) { return fileDigest(file) }
	if file.Packing != Plain {
		var digest string
		var err error
		if path, digest, err = unpackInto(file, spool); err != nil {
			return err
		}
		r.finish = func() (string, error) { return digest, nil }
		r.close = append(r.close, func() error { return os.Remove(path) })
	}
	src, err := openSource(file, path)
	if err != nil {
		return err
	}
	r.close = append(r.close, src.Close)
	r.recordReader, err = newColumns(src, file.Path, file.Dataset, most)
	return err
}

func openSource(file File, path string) (*columnar.Source, error) {
	open := columnar.OpenArrow
	if file.Form == Parquet {
		open = columnar.OpenParquet
	}
	src, err := open(path)
	if err != nil {
		return nil, &FileError{Path: file.Path, What: fmt.Sprintf("cannot be read as %s: %v", file.Form, err), Err: err}
	}
	return src, nil
}

// unpackInto unpacks a file into the folder and returns where it is now and the SHA-256 of the packed file.
func unpackInto(file File, folder string) (path, digest string, err error) {
	in, err := openInput(file)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = in.Close() }()
	f, err := os.CreateTemp(folder, "unpacked-*")
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, in); err != nil {
		return "", "", err
	}
	digest, err = in.finish()
	return f.Name(), digest, err
}
