package emit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"path/filepath"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/columnar"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// rowsOf returns the grants of a file in its order. For the text forms r is read to its end; the columnar forms are
// opened by their readers.
func rowsOf(format Format, path string, r io.Reader) iter.Seq2[*pipeline.Grant, error] {
	switch format {
	case CSV:
		return readCSV(r)
	case NDJSON:
		return readNDJSON(r)
	case Parquet:
		return columnar.ReadGrants(path, columnar.Parquet)
	case Arrow:
		return columnar.ReadGrants(path, columnar.Arrow)
	}
	return func(yield func(*pipeline.Grant, error) bool) {
		yield(nil, fmt.Errorf("no grant files are read as %q", format))
	}
}

// digester reads ahead and takes size and digest of what it reads, while its reader works on what came before.
type digester struct {
	chunks chan []byte // closed at the end, or where reading failed
	free   chan []byte
	now    []byte // what is left of whole
	whole  []byte

	// Set when chunks is closed.
	hash  hash.Hash
	bytes int64
	err   error
}

const chunksAhead = 3

func newDigester(r io.Reader) *digester {
	d := &digester{chunks: make(chan []byte, chunksAhead), free: make(chan []byte, chunksAhead+2), hash: sha256.New()}
	for range chunksAhead + 1 {
		d.free <- make([]byte, chunkSize)
	}
	go func() {
		defer close(d.chunks)
		for buf := range d.free {
			n, err := io.ReadFull(r, buf)
			d.hash.Write(buf[:n])
			d.bytes += int64(n)
			if n > 0 {
				d.chunks <- buf[:n]
			}
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					d.err = err
				}
				return
			}
		}
	}()
	return d
}

func (d *digester) Read(p []byte) (int, error) {
	for len(d.now) == 0 {
		if d.whole != nil {
			d.free <- d.whole[:cap(d.whole)]
			d.whole = nil
		}
		chunk, ok := <-d.chunks
		if !ok {
			if d.err != nil {
				return 0, d.err
			}
			return 0, io.EOF
		}
		d.now, d.whole = chunk, chunk
	}
	n := copy(p, d.now)
	d.now = d.now[n:]
	return n, nil
}

// finish reads what is left and returns the size and the digest.
func (d *digester) finish() (size int64, sha256 string, err error) {
	if _, err := io.Copy(io.Discard, d); err != nil {
		return 0, "", err
	}
	return d.bytes, hexDigest(d.hash), nil
}

// inspected is what reading a file anew says of it.
type inspected struct {
	rows   int64
	bytes  int64
	sha256 string
	fault  error // the file has not the form of a grant file, or holds what no grant can be; nil otherwise
}

// inspect reads a grant file from the disk: digest, size and every row, which it hands to each.
func inspect(fs FS, path string, format Format, each func(*pipeline.Grant) error) (*inspected, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	out := &inspected{}
	d := newDigester(f)
	for g, err := range rowsOf(format, path, d) {
		if err == nil {
			err = each(g)
		}
		if err != nil {
			out.fault = err
			break
		}
		out.rows++
	}
	// The text forms have been read through the digester already; what is left comes now.
	if out.bytes, out.sha256, err = d.finish(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return out, nil
}

// compare holds a file against what the manifest says of it.
func (i *inspected) compare(want schemas.ManifestFile) []Problem {
	var out []Problem
	add := func(what, expected, found string) {
		if expected != found {
			out = append(out, Problem{File: want.Name, What: what, Expected: expected, Found: found})
		}
	}
	add("bytes", fmt.Sprint(want.Bytes), fmt.Sprint(i.bytes))
	add("SHA-256", want.SHA256, i.sha256)
	if i.fault != nil {
		return append(out, Problem{File: want.Name, What: i.fault.Error()})
	}
	add("rows", fmt.Sprint(want.Rows), fmt.Sprint(i.rows))
	return out
}

// readBack reads all files of a folder from the disk and holds them against the manifest: each file's size, digest and
// rows, each format's order, control totals and, by the digest of the rows, every single cell.
type readBack struct {
	fs     FS
	folder string
	m      *schemas.Manifest
	text   []byte // of the manifest
	want   *pipeline.Totals
	scales map[string]int
	rows   string // digest of the rows, "" where it is not known
	done   func() // called once per row
}

func (r readBack) run(ctx context.Context, db *warehouse.DB) error {
	if err := r.manifest(); err != nil {
		return err
	}
	postedOn, err := pipeline.ParseDate(r.m.PostedOn)
	if err != nil {
		return err
	}
	checks, queried := map[Format]*checker{}, &pipeline.Totals{}
	for _, f := range r.m.Files {
		format := Format(f.Format)
		check := checks[format]
		if check == nil {
			check = newChecker(r.m.Program, postedOn, r.scales)
			if format != CSV {
				check.withDigest()
			}
			checks[format] = check
		}
		answer := make(chan error, 1)
		go func() { // DuckDB reads the file while it is read here
			if format != Parquet {
				answer <- nil
				return
			}
			answer <- queryBack(ctx, db, filepath.Join(r.folder, f.Name), queried)
		}()
		err := r.file(f, check)
		if asked := <-answer; err == nil {
			err = asked
		}
		if err != nil {
			return err
		}
	}
	if checks[Parquet] != nil {
		if faults := r.want.Compare(queried); len(faults) > 0 {
			return fmt.Errorf("reading back the parquet files of %s with DuckDB: %s: %w", r.folder, faults[0], ErrReadBack)
		}
	}
	for format, check := range checks {
		if faults := r.want.Compare(check.sums()); len(faults) > 0 {
			return fmt.Errorf("reading back the %s files of %s: %s: %w", format, r.folder, faults[0], ErrReadBack)
		}
		if got := check.digest(); got != "" && r.rows != "" && got != r.rows {
			return fmt.Errorf("reading back the %s files of %s: their rows are not the ledger's: %w", format, r.folder, ErrReadBack)
		}
	}
	return nil
}

func (r readBack) file(f schemas.ManifestFile, check *checker) error {
	path := filepath.Join(r.folder, f.Name)
	got, err := inspect(r.fs, path, Format(f.Format), func(g *pipeline.Grant) error {
		r.done()
		return check.add(g)
	})
	if err != nil {
		return fmt.Errorf("reading back %s: %w", path, err)
	}
	if p := got.compare(f); len(p) > 0 {
		return fmt.Errorf("reading back: %s: %w", filepath.Join(r.folder, p[0].String()), ErrReadBack)
	}
	return nil
}

// ErrReadBack says that what lies on the disk is not what was written there. Nothing was published.
var ErrReadBack = errors.New("the disk does not give back what was written; nothing is published")

func (r readBack) manifest() error {
	path := filepath.Join(r.folder, schemas.ManifestName)
	got, err := readFile(r.fs, path)
	if err != nil {
		return fmt.Errorf("reading back %s: %w", path, err)
	}
	if string(got) != string(r.text) {
		return fmt.Errorf("reading back %s: %w", path, ErrReadBack)
	}
	return nil
}

func readFile(fs FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(f)
}

// queryBack has DuckDB read a Parquet file too, a reader that shares no code with the writer, and adds up what it
// finds.
func queryBack(ctx context.Context, db *warehouse.DB, path string, totals *pipeline.Totals) error {
	var reward, kind, sum string
	var rows int64
	if err := db.Each(ctx, "SELECT reward, kind, count(*), CAST(sum(amount) AS VARCHAR) FROM read_parquet(?) GROUP BY ALL",
		[]any{globless(path)}, []any{&reward, &kind, &rows, &sum}, func() error {
			whole, places, _ := strings.Cut(sum, ".")
			if len(places) != pipeline.AmountPlaces {
				return fmt.Errorf("amounts add up to %s, with other than %d decimal places", sum, pipeline.AmountPlaces)
			}
			amount, err := pipeline.ParseSum(whole + places)
			if err != nil {
				return err
			}
			totals.Add(reward, pipeline.GrantKind(kind), rows, amount)
			return nil
		}); err != nil {
		return fmt.Errorf("reading back %s with DuckDB: %w", path, err)
	}
	return nil
}

// globless escapes what DuckDB would take for a pattern in a path.
func globless(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}
