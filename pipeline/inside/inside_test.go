package inside

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Files are opened, and links that stay below the folder where that is asked for; whatever else there is is refused, and
// not waited for.
func TestOnlyFilesInside(t *testing.T) {
	root := t.TempDir()
	project := filepath.Join(root, "project")
	at := func(name string) string { return filepath.Join(project, name) }
	for _, dir := range []string{"lists", "folder"} {
		if err := os.MkdirAll(at(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"project/lists/file": "in", "secret": "out"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{
		"link": "lists/file", "chain": "link", "out": "../secret", "far": filepath.Join(root, "secret"), "null": "/dev/null", "lists/up": "../../secret", "root": "..",
	} {
		if err := os.Symlink(to, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	const linked, outside = "is a link, and not a file", "outside"
	for _, c := range []struct{ name, open, below string }{
		{"lists/file", "", ""}, {"link", linked, ""}, {"chain", linked, ""}, {"out", linked, outside}, {"far", linked, outside}, {"null", linked, outside},
		{"lists/up", linked, outside}, {"root/secret", "", outside}, {"../secret", "", outside}, {"fifo", "is a FIFO, and not a file", "is a FIFO, and not a file"},
		{"folder", "is a folder, and not a file", "is a folder, and not a file"}, {"lists/../lists/file", "", ""}, {"none", "no such file", "no such file"},
	} {
		for i, way := range []string{c.open, c.below} {
			open := []func() (*os.File, error){
				func() (*os.File, error) { return Open(at(c.name)) }, func() (*os.File, error) { return OpenBelow(project, at(c.name)) },
			}[i]
			f, err := open()
			if err != nil {
				if way == "" || !strings.Contains(err.Error(), way) {
					t.Errorf("%s: got %v, want %q", c.name, err, way)
				}
				continue
			}
			text, err := io.ReadAll(f)
			if way != "" || err != nil {
				t.Errorf("%s was opened and holds %q (%v), want %s", c.name, text, err, way)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := OpenBelow(project, "/dev/zero"); !errors.Is(err, ErrOutside) {
		t.Error(err)
	}
}
