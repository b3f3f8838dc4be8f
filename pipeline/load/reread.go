package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// FileState is how an export file on the disk stands to what was loaded from it.
type FileState string

// States of files.
const (
	FileSame    FileState = "same"    // what was loaded, by its digest
	FileChanged FileState = "changed" // it says something else now
	FileNew     FileState = "new"     // not loaded
	FileGone    FileState = "gone"    // loaded, and not in its delivery any more
	// FileArchived: loaded, and its whole delivery is not there any more, which is as it should be.
	FileArchived FileState = "archived"
)

// ComparedFile is one export file, loaded or on the disk.
type ComparedFile struct {
	ID       int // file_id; 0 where it is not loaded
	Delivery pipeline.Date
	Dataset  string
	Name     string
	State    FileState
	Loaded   string // SHA-256 of what was loaded, "" for nothing
	Found    string // SHA-256 of what is there, "" for nothing
	file     File
}

// Compare holds the export files of deliveries between two dates against what was loaded, by their digests: every
// file is read. The result is ordered by delivery and name.
func Compare(ctx context.Context, db *warehouse.DB, exportsDir string, from, to pipeline.Date, progress func(string)) ([]ComparedFile, error) {
	var out []ComparedFile
	known := map[pipeline.Date]map[string]*ComparedFile{}
	var c ComparedFile
	var days int64
	if err := db.Each(ctx, `SELECT file_id, delivery - DATE '1970-01-01', dataset, name, sha256 FROM files`, nil,
		[]any{&c.ID, &days, &c.Dataset, &c.Name, &c.Loaded}, func() error {
			c.Delivery, c.State = pipeline.Date(days), FileArchived
			if c.Delivery < from || c.Delivery > to {
				return nil
			}
			if known[c.Delivery] == nil {
				known[c.Delivery] = map[string]*ComparedFile{}
			}
			f := c
			known[c.Delivery][c.Name] = &f
			return nil
		}); err != nil {
		return nil, err
	}
	deliveries, err := Scan(exportsDir)
	if err != nil {
		if _, serr := os.Stat(exportsDir); !errors.Is(serr, os.ErrNotExist) {
			return nil, err
		}
	}
	for _, d := range deliveries {
		if d.Date < from || d.Date > to {
			continue
		}
		for _, f := range known[d.Date] {
			f.State = FileGone
		}
		for _, file := range d.Files {
			if progress != nil {
				progress("reading " + file.Path)
			}
			sum, err := fileDigest(file)
			if err != nil {
				return nil, err
			}
			f := known[d.Date][file.Name]
			switch {
			case f == nil:
				out = append(out, ComparedFile{Delivery: d.Date, Dataset: file.Dataset.Name, Name: file.Name, State: FileNew, Found: sum, file: file})
				continue
			case f.Loaded == sum:
				f.State = FileSame
			default:
				f.State = FileChanged
			}
			f.Found, f.file = sum, file
		}
	}
	for _, files := range known {
		for _, f := range files {
			out = append(out, *f)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Delivery != out[j].Delivery {
			return out[i].Delivery < out[j].Delivery
		}
		return out[i].Name < out[j].Name
	})
	return out, nil
}

// Reread reads a file that Compare found on the disk row by row, whatever its form, and writes the rows that are sound
// by themselves, with their numbers (row_no) and stored columns, as a Parquet file into SpoolDir, whose path it
// returns. Whether rows of one key conflict is not looked at.
func Reread(ctx context.Context, f ComparedFile, o Options) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if o.MaxLine == 0 {
		o.MaxLine = DefaultMaxLine
	}
	t := &transcriber{spool: o.SpoolDir, currencies: o.Currencies, most: o.MaxLine, progress: func(format string, args ...any) {
		if o.Progress != nil {
			o.Progress(fmt.Sprintf(format, args...))
		}
	}}
	f.file.guard = newGuard(ctx, o.Bounds)
	in, err := t.transcribe(f.file, f.ID)
	if err != nil {
		return "", err
	}
	return in.spool, nil
}
