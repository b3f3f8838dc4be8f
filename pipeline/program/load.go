package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"accrue/pipeline/inside"
	"accrue/pipeline/yamlpos"
)

// LoadDir is LoadDirIn for program files that stay in their folder.
func LoadDir(dir string) ([]*Family, Faults, error) { return LoadDirIn(dir, dir) }

// LoadDirIn reads all program files of a folder (*.yaml and *.yml, no hidden ones, no subfolders). They and the files
// that they name must lie below the root, where links may lead too. It returns the families in byte order of their ids,
// or all faults of all files. The error is of reading the folder or a file. A folder without program files gives no
// families.
func LoadDirIn(root, dir string) ([]*Family, Faults, error) {
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
		p, found, err := loadIn(root, filepath.Join(dir, e.Name()))
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

// Load reads one program file that somebody has named, wherever it lies; files that it names lie below its folder. It
// returns either the program or all its faults; the error is of reading the program file.
func Load(file string) (*Program, Faults, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	text, err := readSome(f, yamlpos.MaxBytes)
	if err != nil {
		return nil, nil, err
	}
	p, faults := ParseWith(file, text, beside(filepath.Dir(file), filepath.Dir(file)))
	return p, faults, nil
}

// loadIn reads one program file below the root.
func loadIn(root, file string) (*Program, Faults, error) {
	text, err := readFile(root, file, yamlpos.MaxBytes)
	if err != nil {
		return nil, nil, err
	}
	p, faults := ParseWith(file, text, beside(root, filepath.Dir(file)))
	return p, faults, nil
}

// beside opens files by their path relative to a program file's folder.
func beside(root, dir string) Opener {
	return func(name string) (string, []byte, error) {
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(dir, name)
		}
		text, err := readFile(root, path, maxCodesBytes)
		var of *os.PathError
		var other *inside.NotFileError
		switch {
		case errors.Is(err, inside.ErrOutside):
			err = inside.ErrOutside
		case errors.As(err, &other):
			err = errors.New("it is " + other.What)
		case errors.As(err, &of):
			err = of.Err // the path is where the fault is
		}
		return path, text, err
	}
}

// readFile reads a file below the root, but not much more than most bytes, which are too many then.
func readFile(root, file string, most int64) (text []byte, err error) {
	f, err := inside.OpenBelow(root, file)
	if errors.Is(err, inside.ErrOutside) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err != nil {
		return nil, err
	}
	return readSome(f, most)
}

// readSome reads from a file, and closes it.
func readSome(f *os.File, most int64) (text []byte, err error) {
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return io.ReadAll(io.LimitReader(f, most+1))
}
