package emit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Closings returns what `accrue close` was told so far, by program and number.
func Closings(ctx context.Context, db *warehouse.DB) ([]schemas.Closing, error) {
	var out []schemas.Closing
	c := schemas.Closing{Format: schemas.ClosingFormat}
	var through sql.NullString
	var at time.Time
	err := db.Each(ctx, `SELECT program, n, act, CAST(closed_through AS VARCHAR), noted_at FROM closings ORDER BY program, n`, nil,
		[]any{&c.Program, &c.N, &c.Act, &through, &at}, func() error {
			c.ClosedThrough, c.At = through.String, at.UTC().Format(time.RFC3339Nano)
			out = append(out, c)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("reading the closings: %w", err)
	}
	return out, nil
}

// closingPath is where a closing stands below the grants folder.
func closingPath(program string, n int) string {
	return filepath.Join(program, schemas.ClosingsDir, fmt.Sprintf("%03d.json", n))
}

func closingText(c schemas.Closing) ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

// closingsHeld holds the files of closings against the warehouse, and with write puts those that are missing in their
// place. faults are files that are not as they were written, behind those that the warehouse does not know.
func closingsHeld(ctx context.Context, db *warehouse.DB, fsys FS, dir string, write bool) (faults, behind []string, err error) {
	known, err := Closings(ctx, db)
	if err != nil {
		return nil, nil, err
	}
	found, err := lookClosings(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	there := map[string]bool{}
	for _, path := range found {
		there[path] = true
	}
	for _, c := range known {
		path := closingPath(c.Program, c.N)
		text, err := closingText(c)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case there[path]:
			if got, err := readFile(fsys, filepath.Join(dir, path)); err != nil {
				faults = append(faults, fmt.Sprintf("%s: cannot be read: %v", filepath.ToSlash(path), err))
			} else if !bytes.Equal(got, text) {
				faults = append(faults, fmt.Sprintf("%s: is not what was written", filepath.ToSlash(path)))
			}
		case write:
			if err := writeClosing(fsys, filepath.Join(dir, path), text); err != nil {
				return nil, nil, fmt.Errorf("writing %s: %w", filepath.ToSlash(path), explained(err))
			}
		default:
			faults = append(faults, fmt.Sprintf("%s: is not there", filepath.ToSlash(path)))
		}
		delete(there, path)
	}
	for _, path := range found {
		if there[path] {
			behind = append(behind, filepath.ToSlash(path))
		}
	}
	return faults, behind, nil
}

// lookClosings lists the files of closings below the grants folder, by program and number.
func lookClosings(fsys FS, dir string) ([]string, error) {
	programs, err := subfolders(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("looking through the grants folder: %w", err)
	}
	var out []string
	for _, p := range programs {
		entries, err := fsys.ReadDir(filepath.Join(dir, p, schemas.ClosingsDir))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking through the grants folder: %w", err)
		}
		for _, e := range entries {
			n, err := strconv.Atoi(strings.TrimSuffix(e.Name(), ".json"))
			if path := closingPath(p, n); err == nil && filepath.Base(path) == e.Name() {
				out = append(out, path)
			}
		}
	}
	return out, nil
}

func writeClosing(fsys FS, path string, text []byte) (err error) {
	if _, err := makeDirs(fsys, filepath.Dir(path)); err != nil {
		return err
	}
	hidden := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".staging")
	if err := fsys.RemoveAll(hidden); err != nil {
		return err
	}
	f, err := fsys.Create(hidden)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(hidden, path); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}

// PublishClosings writes the files of closings that are in the warehouse and not yet beside the published dates.
func PublishClosings(ctx context.Context, db *warehouse.DB, grantsDir string) error {
	_, _, err := closingsHeld(ctx, db, osFS{}, grantsDir, true)
	return err
}

// ReadClosings reads the files of closings below the grants folder, by program and number.
func ReadClosings(grantsDir string) ([]schemas.Closing, error) {
	paths, err := lookClosings(osFS{}, grantsDir)
	if err != nil {
		return nil, err
	}
	var out []schemas.Closing
	for _, path := range paths {
		text, err := readFile(osFS{}, filepath.Join(grantsDir, path))
		if err != nil {
			return nil, err
		}
		c, err := parseClosing(text)
		if err == nil && closingPath(c.Program, c.N) != path {
			err = fmt.Errorf("it is number %d of program %s", c.N, c.Program)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: not a closing: %w", filepath.ToSlash(path), err)
		}
		out = append(out, c)
	}
	return out, nil
}

func parseClosing(text []byte) (c schemas.Closing, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	if c.Format != schemas.ClosingFormat {
		return c, fmt.Errorf("of the form %q, want %q", c.Format, schemas.ClosingFormat)
	}
	if c.Act != schemas.ActClose && c.Act != schemas.ActReopen {
		return c, fmt.Errorf("no act is called %q", c.Act)
	}
	if c.ClosedThrough != "" {
		if _, err := pipeline.ParseDate(c.ClosedThrough); err != nil {
			return c, err
		}
	}
	_, err = time.Parse(time.RFC3339Nano, c.At)
	return c, err
}
