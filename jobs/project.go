package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"accrue/pipeline/emit"
	"accrue/pipeline/inside"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// SettingsName is the name of the file that makes a folder a project.
const SettingsName = "accrue.yaml"

// Project is a project folder: where things lie, and its settings.
type Project struct {
	Dir    string
	Config *Config

	families []*program.Family // instead of those of the folder, for cases; nil for none
	// trace is told every statement before it runs; nil for nobody.
	trace func(db *warehouse.DB, query string, args []any)
}

// Open reads the settings of the project in the folder. Every fault of the file is in the error.
func Open(dir string) (*Project, error) {
	if _, err := FindProject(dir); err != nil {
		return nil, err
	}
	cfg, faults, err := LoadConfig(filepath.Join(dir, SettingsName))
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, &FaultsError{faults}
	}
	return &Project{Dir: dir, Config: cfg}, nil
}

// Programs reads the program files. The error is a *FaultsError with every fault of every file.
func (p *Project) Programs() ([]*program.Family, error) {
	if p.families != nil {
		return p.families, nil
	}
	dir := p.path(p.Config.Programs)
	if inside.Contains(p.Dir, dir) {
		return readPrograms(p.Dir, dir)
	}
	return readPrograms(dir, dir)
}

// ReadPrograms reads the program files of a folder. The error is a *FaultsError with every fault of every file.
func ReadPrograms(dir string) ([]*program.Family, error) { return readPrograms(dir, dir) }

// readPrograms reads the program files of a folder, which with all files that they name lie below the root.
func readPrograms(root, dir string) ([]*program.Family, error) {
	families, faults, err := program.LoadDirIn(root, dir)
	switch {
	case len(faults) > 0:
		return nil, &FaultsError{faults}
	case errors.Is(err, inside.ErrOutside), errors.As(err, new(*inside.NotFileError)):
		return nil, &hintError{error: err, class: Refused, hint: "program files are files of the project; a link may lead to another one of its files"}
	case errors.Is(err, os.ErrNotExist):
		return nil, &hintError{
			error: fmt.Errorf("there is no folder of program files %s", dir), class: Refused,
			hint: "program files lie in programs/*.yaml below the project; `programs:` in accrue.yaml says otherwise",
		}
	case err != nil:
		return nil, err
	case len(families) == 0:
		return nil, &hintError{
			error: fmt.Errorf("there are no program files (*.yaml) in %s", dir), class: Refused,
			hint: "`accrue init DIR` writes a sample project with one",
		}
	}
	return families, nil
}

// ReadProgram reads one program file. The error is a *FaultsError with every fault of it.
func ReadProgram(file string) (*program.Program, error) {
	v, faults, err := program.Load(file)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, &FaultsError{faults}
	}
	return v, nil
}

// path makes a path of the settings one that can be opened: relative ones are relative to accrue.yaml.
func (p *Project) path(s string) string {
	if filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(p.Dir, s)
}

// ExportsDir is the folder that holds the deliveries.
func (p *Project) ExportsDir() string { return p.path(p.Config.Exports.Path) }

func (p *Project) grantsDir() string     { return p.path(p.Config.Grants.Path) }
func (p *Project) acksDir() string       { return p.path(p.Config.Acks.Path) }
func (p *Project) warehouseDir() string  { return p.path(p.Config.Warehouse.Path) }
func (p *Project) warehouseFile() string { return filepath.Join(p.warehouseDir(), "accrue.duckdb") }

// rejectsDir is for files of rows that were not accepted.
func (p *Project) rejectsDir() string { return filepath.Join(p.Dir, "rejects") }

// spoolDir is for files that loading makes on its way; it is wiped by every run.
func (p *Project) spoolDir() string { return filepath.Join(p.warehouseDir(), "spool") }

// openWarehouse opens the warehouse behind its lock. The error is a *BusyError if something else than accrue, such as a
// DuckDB shell, has the file.
func (p *Project) openWarehouse(ctx context.Context, readOnly bool) (*warehouse.DB, error) {
	o := p.warehouseOptions()
	o.ReadOnly = readOnly
	db, err := warehouse.Open(ctx, o)
	if err != nil && strings.Contains(err.Error(), "Could not set lock on file") {
		return nil, &BusyError{Foreign: p.warehouseFile()}
	}
	return db, err
}

func (p *Project) warehouseOptions() warehouse.Options {
	return warehouse.Options{
		Path: p.warehouseFile(), MemoryLimit: p.Config.MemoryLimit, Threads: p.Config.Threads,
		TempDir: filepath.Join(p.warehouseDir(), "spill"), TempLimit: p.Config.MaxSpill, Trace: p.trace,
	}
}

// openMemory opens an empty warehouse that is gone when it is closed.
func (p *Project) openMemory(ctx context.Context) (*warehouse.DB, error) {
	o := p.warehouseOptions()
	o.Path, o.Trace = "", nil
	return warehouse.Open(ctx, o)
}

// publicationFolder is where a publication stands, as a path from the project's folder.
func (p *Project) publicationFolder(program, postedOn string, seq int) string {
	path := filepath.Join(p.grantsDir(), program, "date="+postedOn, fmt.Sprintf("seq=%03d", seq))
	if rel, err := filepath.Rel(p.Dir, path); err == nil {
		return rel
	}
	return path
}

func (p *Project) formats() []emit.Format {
	var out []emit.Format
	for _, f := range emit.Formats {
		if slices.Contains(p.Config.Grants.Formats, string(f)) {
			out = append(out, f)
		}
	}
	return out
}

// canPublish finds out before anything is loaded whether grant files can be written at all.
func (p *Project) canPublish(families []*program.Family) error {
	for _, fam := range families {
		dir := filepath.Join(p.grantsDir(), fam.ID)
		for {
			info, err := os.Stat(dir)
			if errors.Is(err, os.ErrNotExist) {
				dir = filepath.Dir(dir)
				continue
			}
			if err == nil && !info.IsDir() {
				err = errors.New("it is not a folder")
			}
			if err != nil {
				return fmt.Errorf("grant files cannot be written to %s: %w", dir, err)
			}
			break
		}
		probe, err := os.MkdirTemp(dir, ".probe-*")
		if err == nil {
			err = os.Remove(probe)
		}
		if err != nil {
			return fmt.Errorf("grant files cannot be written to %s: %w", dir, err)
		}
	}
	return nil
}
