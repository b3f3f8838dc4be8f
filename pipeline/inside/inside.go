// Package inside opens files that others put into a project: files, and nothing that leads out of where they lie.
// Nothing else is opened, so that a FIFO is not waited for and a device not read.
package inside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// NotFileError says that something is not a file.
type NotFileError struct {
	Path string
	What string // what it is: "a link"
}

func (e *NotFileError) Error() string { return e.Path + ": is " + e.What + ", and not a file" }

// ErrOutside says that a path leads out of the folder that it must stay in.
var ErrOutside = errors.New("it lies outside of the project")

// Open opens a file for reading. A link is refused, wherever it leads (os.Root would follow one that stays in the
// folder); the folders above it may be links.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		if info, lerr := os.Lstat(path); lerr == nil && !info.Mode().IsRegular() {
			return nil, &NotFileError{path, Name(info.Mode())}
		}
		return nil, err
	}
	return regular(f, path)
}

// OpenBelow opens a file for reading that lies in a folder or below it; links are followed as long as they stay there.
func OpenBelow(folder, path string) (*os.File, error) {
	rel, err := below(folder, path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case err == nil:
		return regular(f, path)
	case strings.HasSuffix(err.Error(), "path escapes from parent"): // package os has no name for it
		return nil, ErrOutside
	}
	return nil, err
}

// below returns a path as seen from the folder.
func below(folder, path string) (string, error) {
	from, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(from, to); err == nil && filepath.IsLocal(rel) {
		return rel, nil
	}
	return "", ErrOutside
}

// Contains reports whether a path lies in a folder or below it, links aside.
func Contains(folder, path string) bool {
	_, err := below(folder, path)
	return err == nil
}

// regular hands on what was opened if it is a file.
func regular(f *os.File, path string) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &NotFileError{path, Name(info.Mode())}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Name says what an entry of a folder is that is not a file.
func Name(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode.IsDir():
		return "a folder"
	}
	return fmt.Sprintf("a special file (%s)", mode.Type())
}
