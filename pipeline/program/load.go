package program

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"accrue/pipeline/yamlpos"
)

// LoadDir reads all program files of a folder (*.yaml and *.yml, no hidden ones, no subfolders). It returns the
// families in byte order of their ids, or all faults of all files. The error is of reading the folder or a file. A
// folder without program files gives no families.
func LoadDir(dir string) ([]*Family, Faults, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var programs []*Program
	var faults Faults
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || ext != ".yaml" && ext != ".yml" {
			continue
		}
		file := filepath.Join(dir, e.Name())
		text, err := readFile(file)
		if err != nil {
			return nil, nil, err
		}
		p, found := Parse(file, text)
		faults = append(faults, found...)
		if p != nil {
			programs = append(programs, p)
		}
	}
	// Versions are compared even where another file is faulty, so that everything is said at once.
	families, found := Families(programs)
	if faults = append(faults, found...); len(faults) > 0 {
		faults.Sort()
		return nil, faults, nil
	}
	return families, nil, nil
}

// readFile reads a file, but not much more than Parse will take.
func readFile(file string) (text []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return io.ReadAll(io.LimitReader(f, yamlpos.MaxBytes+1))
}
