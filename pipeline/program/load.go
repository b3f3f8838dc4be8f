package program

import (
	"errors"
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
		p, found, err := Load(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, nil, err
		}
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

// Load reads one program file, with the files that it names. It returns either the program or all its faults; the error
// is of reading the program file.
func Load(file string) (*Program, Faults, error) {
	text, err := readFile(file, yamlpos.MaxBytes)
	if err != nil {
		return nil, nil, err
	}
	p, faults := ParseWith(file, text, beside(filepath.Dir(file)))
	return p, faults, nil
}

// beside opens files by their path relative to a program file's folder.
func beside(dir string) Opener {
	return func(name string) (string, []byte, error) {
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(dir, name)
		}
		text, err := readFile(path, maxCodesBytes)
		var of *os.PathError
		if errors.As(err, &of) {
			err = of.Err // the path is where the fault is
		}
		return path, text, err
	}
}

// readFile reads a file, but not much more than most bytes, which are too many then.
func readFile(file string, most int64) (text []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return io.ReadAll(io.LimitReader(f, most+1))
}
