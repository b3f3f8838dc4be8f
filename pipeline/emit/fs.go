package emit

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"accrue/pipeline/inside"
)

// FS is what the package needs of a file system, so that a test can fail any single operation.
type FS interface {
	Mkdir(path string) error
	Create(path string) (File, error) // fails where the file exists
	Open(path string) (io.ReadCloser, error)
	ReadDir(path string) ([]os.DirEntry, error)
	Exists(path string) (bool, error)
	Rename(from, to string) error
	Remove(path string) error // an empty folder
	RemoveAll(path string) error
	SyncDir(path string) error
}

// File is a file that is being written.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

// osFS is the real file system. What is published is for others to read.
type osFS struct{}

func (osFS) Mkdir(path string) error { return os.Mkdir(path, 0o755) }

func (osFS) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func (osFS) Open(path string) (io.ReadCloser, error)    { return inside.Open(path) }
func (osFS) ReadDir(path string) ([]os.DirEntry, error) { return os.ReadDir(path) }
func (osFS) Rename(from, to string) error               { return os.Rename(from, to) }
func (osFS) Remove(path string) error                   { return os.Remove(path) }
func (osFS) RemoveAll(path string) error                { return os.RemoveAll(path) }

func (osFS) Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (osFS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeDirs makes a folder and what is missing above it, each flushed in the folder that holds it. It returns the
// folders that it made, the deepest last.
func makeDirs(fsys FS, path string) (made []string, err error) {
	err = fsys.Mkdir(path)
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if made, err = makeDirs(fsys, parent); err != nil {
			return made, err
		}
		err = fsys.Mkdir(path)
	}
	if err != nil {
		return made, err
	}
	return append(made, path), fsys.SyncDir(filepath.Dir(path))
}

// removeDirs removes folders that makeDirs made, as far as they are empty.
func removeDirs(fsys FS, made []string) {
	for i := len(made) - 1; i >= 0; i-- {
		if err := fsys.Remove(made[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return // somebody else put something there
		}
	}
}
