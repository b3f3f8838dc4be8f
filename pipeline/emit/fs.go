package emit

import (
	"io"
	"os"
)

// FS is what the package needs of a file system, so that a test can fail any single operation.
type FS interface {
	MkdirAll(path string) error
	Create(path string) (File, error) // fails where the file exists
	Open(path string) (io.ReadCloser, error)
	ReadDir(path string) ([]os.DirEntry, error)
	Rename(from, to string) error
	RemoveAll(path string) error
	SyncDir(path string) error
}

// File is a file that is being written.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

type osFS struct{}

func (osFS) MkdirAll(path string) error { return os.MkdirAll(path, 0o755) }

func (osFS) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func (osFS) Open(path string) (io.ReadCloser, error)    { return os.Open(path) }
func (osFS) ReadDir(path string) ([]os.DirEntry, error) { return os.ReadDir(path) }
func (osFS) Rename(from, to string) error               { return os.Rename(from, to) }
func (osFS) RemoveAll(path string) error                { return os.RemoveAll(path) }

func (osFS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}
