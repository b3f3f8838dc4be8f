package load

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"accrue/pipeline"
	"accrue/schemas"
)

// Names in a delivery's folder that mean something.
const (
	successName = "_SUCCESS"
	controlName = "control.json"
	folderStem  = "date="
)

// Delivery is one folder of exports.
type Delivery struct {
	Date    pipeline.Date
	Dir     string
	Ready   bool     // it holds _SUCCESS or control.json
	Control string   // path of control.json, "" without one
	Files   []File   // of known datasets, by dataset in the order of schemas.Datasets and by name
	Ignored []string // names in the folder that mean nothing
}

// File is one file of a delivery.
type File struct {
	Dataset    *schemas.Dataset
	Name, Path string
	Form       Form
	Packing    Packing
	Bytes      int64
	ModifiedNS int64

	guard *guard // watches over its reading; nil for nobody
}

// Form is how a file holds its rows.
type Form string

// Forms of files.
const (
	CSV     Form = "csv"
	NDJSON  Form = "ndjson"
	Parquet Form = "parquet"
	Arrow   Form = "arrow"
)

// Packing is how a file is compressed as a whole.
type Packing string

// Packings.
const (
	Plain Packing = ""
	Gzip  Packing = "gz"
	Zstd  Packing = "zst"
)

// Scan lists the deliveries in the folder by date. A folder whose name begins with `date=` and does not go on with
// a date is an error, as its rows would be lost.
func Scan(exportsDir string) ([]Delivery, error) {
	entries, err := os.ReadDir(exportsDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no exports folder %s", exportsDir)
	}
	if err != nil {
		return nil, err
	}
	var out []Delivery
	var faults []error
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), folderStem)
		if !ok {
			continue
		}
		dir := filepath.Join(exportsDir, e.Name())
		date, err := pipeline.ParseDate(text)
		if err != nil {
			faults = append(faults, &FileError{Path: dir, What: "the name of a delivery is date=YYYY-MM-DD: " + err.Error()})
			continue
		}
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			faults = append(faults, &FileError{Path: dir, What: "a delivery is a folder" + linkNote(info), Err: err})
			continue
		}
		d, err := scanDelivery(dir, date)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		out = append(out, *d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Date < out[j].Date })
	return out, errors.Join(faults...)
}

// linkNote says that something is a link, where it is one.
func linkNote(info os.FileInfo) string {
	if info == nil || info.Mode()&os.ModeSymlink == 0 {
		return ""
	}
	return ", and not a link to one"
}

func scanDelivery(dir string, date pipeline.Date) (*Delivery, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	d := &Delivery{Date: date, Dir: dir}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		if strings.HasPrefix(name, ".") {
			continue
		}
		info, err := entryInfo(path)
		if err != nil {
			return nil, err
		}
		file, ok := classify(name)
		switch {
		case name == successName:
			d.Ready = true
		case name == controlName:
			d.Ready, d.Control = true, path
		case !ok || info.IsDir():
			d.Ignored = append(d.Ignored, name)
		default:
			file.Name, file.Path = name, path
			file.Bytes, file.ModifiedNS = info.Size(), info.ModTime().UnixNano()
			d.Files = append(d.Files, file)
		}
	}
	place := map[*schemas.Dataset]int{}
	for i, ds := range schemas.Datasets {
		place[ds] = i
	}
	sort.SliceStable(d.Files, func(i, j int) bool { // by name already
		return place[d.Files[i].Dataset] < place[d.Files[j].Dataset]
	})
	return d, nil
}

// endings are the file names that are read.
var endings = []struct {
	text    string
	form    Form
	packing Packing
}{
	{".csv", CSV, Plain}, {".csv.gz", CSV, Gzip}, {".csv.zst", CSV, Zstd},
	{".ndjson", NDJSON, Plain}, {".ndjson.gz", NDJSON, Gzip}, {".ndjson.zst", NDJSON, Zstd},
	{".arrow", Arrow, Plain}, {".arrow.gz", Arrow, Gzip}, {".arrow.zst", Arrow, Zstd},
	{".parquet", Parquet, Plain},
}

// classify tells by a file's name what it holds.
func classify(name string) (f File, ok bool) {
	for _, ds := range schemas.Datasets {
		if strings.HasPrefix(name, ds.Name) {
			f.Dataset = ds
		}
	}
	if f.Dataset == nil {
		return f, false
	}
	f.Form, f.Packing, ok = formOf(name)
	return f, ok
}

// formOf tells by the end of a file's name how it holds its rows.
func formOf(name string) (form Form, packing Packing, ok bool) {
	for _, e := range endings {
		if strings.HasSuffix(name, e.text) {
			return e.form, e.packing, true
		}
	}
	return "", "", false
}
