package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"accrue/pipeline/load"
	"accrue/pipeline/program"
)

// load loads the deliveries up to the date that are new or have changed.
func (n *night) load(ctx context.Context) error {
	n.progress("loading deliveries")
	n.crash.pass(stepLoad)
	dir := n.project.ExportsDir()
	if info, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) || err == nil && !info.IsDir() {
		return &hintError{
			error: fmt.Errorf("there is no exports folder %s", dir),
			hint:  "deliveries lie in exports/date=YYYY-MM-DD/ below the project; `exports: {path: …}` in accrue.yaml says otherwise",
		}
	}
	cfg := n.project.Config
	res, err := load.Load(ctx, n.db, load.Options{
		ExportsDir: dir, Through: n.date, ReadyByFolder: cfg.Exports.ReadyByFolder, MaxRejects: load.MaxRejects(cfg.MaxRejects),
		Currencies: currencies(n.families), SpoolDir: n.project.spoolDir(), RejectsDir: n.project.rejectsDir(),
		MaxLine: cfg.MaxLine, Progress: n.opts.Progress, Step: n.crash.pass,
	})
	if res != nil {
		n.summary.Warnings = append(n.summary.Warnings, res.Warnings...)
		n.waiting = res.Waiting
	}
	return err
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
