package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"accrue/pipeline/load"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// load loads the deliveries up to the date that are new or have changed.
func (n *night) load(ctx context.Context) (err error) {
	n.progress("loading deliveries")
	n.crash.pass(stepLoad)
	dir := n.project.ExportsDir()
	if info, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) || err == nil && !info.IsDir() {
		return &hintError{
			error:  fmt.Errorf("there is no exports folder %s", dir),
			passes: true, // a share that is away
			hint:   "deliveries lie in exports/date=YYYY-MM-DD/ below the project; `exports: {path: …}` in accrue.yaml says otherwise",
		}
	}
	cfg, rejects := n.project.Config, n.project.rejectsDir()
	if n.dryRun() {
		rejects = filepath.Join(n.project.warehouseDir(), "rehearsal")
		defer func() { err = errors.Join(err, os.RemoveAll(rejects)) }()
	}
	res, err := load.Load(ctx, n.db, load.Options{
		ExportsDir: dir, Through: n.to, ReadyByFolder: cfg.Exports.ReadyByFolder, MaxRejects: load.MaxRejects(cfg.MaxRejects),
		Currencies: currencies(n.families), SpoolDir: n.project.spoolDir(), RejectsDir: rejects,
		MaxLine: cfg.MaxLine, Bounds: n.project.bounds(), Progress: n.opts.Progress, Rows: n.counted, Step: n.crash.pass,
		Count: n.opts.Profile.count,
	})
	if res != nil {
		n.summary.Warnings = append(n.summary.Warnings, res.Warnings...)
		n.waiting = res.Waiting
	}
	if err != nil || n.dryRun() {
		return err
	}
	n.crash.pass(stepAcks)
	warnings, err := n.project.acksOrWarnings(ctx, n.db, load.AckOptions{
		Progress: n.opts.Progress, Step: n.crash.pass, Count: n.opts.Profile.count,
	})
	n.summary.Warnings = append(n.summary.Warnings, warnings...)
	return err
}

// acksOrWarnings loads acknowledgements for those whose work they are not: what downstream says has no say in what is
// owed, so that files that cannot be loaded are warnings. `accrue reconcile` fails on them.
func (p *Project) acksOrWarnings(ctx context.Context, db *warehouse.DB, told load.AckOptions) ([]string, error) {
	acks, err := p.loadAcks(ctx, db, told)
	var out []string
	if acks != nil {
		out = acks.Warnings
	}
	if err != nil && ctx.Err() == nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			out = append(out, "acknowledgements are not loaded: "+line)
		}
		err = nil
	}
	return out, err
}

func (p *Project) bounds() load.Bounds {
	return load.Bounds{Expansion: p.Config.MaxExpansion, Rows: p.Config.MaxRows}
}

// loadAcks loads the acknowledgements that are new or have changed. The options say who is told of it; the rest of them
// are the project's.
func (p *Project) loadAcks(ctx context.Context, db *warehouse.DB, o load.AckOptions) (*load.AckResult, error) {
	o.Dir, o.SpoolDir, o.RejectsDir = p.acksDir(), p.spoolDir(), p.rejectsDir()
	o.MaxRejects, o.MaxLine, o.Bounds = load.MaxRejects(p.Config.MaxRejects), p.Config.MaxLine, p.bounds()
	return load.Acks(ctx, db, o)
}

// currencies are those of all programs; "" stands for a program that names none.
func currencies(families []*program.Family) []string {
	var out []string
	for _, fam := range families {
		if c := fam.Versions[0].Currency; !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}
