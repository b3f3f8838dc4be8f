package emit

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"accrue/pipeline"
)

// place names a publication.
type place struct {
	program  string
	postedOn pipeline.Date
	seq      int
}

const (
	datePrefix   = "date="
	seqPrefix    = "seq="
	hiddenPrefix = ".seq="
	hiddenSuffix = ".staging"
)

// folder returns where the publication stands below the grants folder.
func (p place) folder() string {
	return filepath.Join(p.program, datePrefix+p.postedOn.String(), fmt.Sprintf("%s%03d", seqPrefix, p.seq))
}

// hidden returns where it lies until it is published.
func (p place) hidden() string {
	return filepath.Join(p.program, datePrefix+p.postedOn.String(), fmt.Sprintf("%s%03d%s", hiddenPrefix, p.seq, hiddenSuffix))
}

// String names the publication for people.
func (p place) String() string { return filepath.ToSlash(p.folder()) }

// found are the folders below the grants folder that bear the names of publications.
type found struct {
	published map[place]bool
	hidden    []string // paths below the grants folder
}

// look lists the folders below the grants folder; what bears other names is nobody's business. A grants folder that
// is not there holds nothing.
func look(fsys FS, grantsDir string) (*found, error) {
	out := &found{published: map[place]bool{}}
	programs, err := subfolders(fsys, grantsDir)
	if err != nil {
		return nil, fmt.Errorf("looking through the grants folder: %w", err)
	}
	for _, program := range programs {
		dates, err := subfolders(fsys, filepath.Join(grantsDir, program))
		if err != nil {
			return nil, fmt.Errorf("looking through the grants folder: %w", err)
		}
		for _, date := range dates {
			day, err := pipeline.ParseDate(strings.TrimPrefix(date, datePrefix))
			if err != nil || !strings.HasPrefix(date, datePrefix) {
				continue
			}
			if err := out.lookDate(fsys, grantsDir, place{program: program, postedOn: day}); err != nil {
				return nil, fmt.Errorf("looking through the grants folder: %w", err)
			}
		}
	}
	return out, nil
}

func (f *found) lookDate(fsys FS, grantsDir string, p place) error {
	date := filepath.Dir(p.folder())
	names, err := subfolders(fsys, filepath.Join(grantsDir, date))
	for _, name := range names {
		if strings.HasPrefix(name, hiddenPrefix) && strings.HasSuffix(name, hiddenSuffix) {
			f.hidden = append(f.hidden, filepath.Join(date, name))
		}
		seq, err := strconv.Atoi(strings.TrimPrefix(name, seqPrefix))
		if err != nil || !strings.HasPrefix(name, seqPrefix) {
			continue
		}
		p.seq = seq
		if filepath.Base(p.folder()) == name {
			f.published[p] = true
		}
	}
	return err
}

func subfolders(fsys FS, path string) ([]string, error) {
	entries, err := fsys.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// sortedPlaces returns the places by program, date and seq.
func sortedPlaces(set map[place]bool) []place {
	var out []place
	for p := range set {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		switch {
		case a.program != b.program:
			return a.program < b.program
		case a.postedOn != b.postedOn:
			return a.postedOn < b.postedOn
		}
		return a.seq < b.seq
	})
	return out
}
