package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/ledger"
	"accrue/pipeline/load"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// RebuildOptions are the arguments of a rebuild.
type RebuildOptions struct {
	// Replace rebuilds also where the warehouse lacks nothing that was published.
	Replace  bool
	Wait     time.Duration
	Progress func(what string)
	Step     func(name string)
	Command  string
}

// Rebuilt says what a rebuild made.
type Rebuilt struct {
	Deliveries   int    `json:"deliveries"`
	Rows         int64  `json:"rows_read"`
	Publications int    `json:"publications"`
	Grants       int64  `json:"grants"`
	Closings     int    `json:"closings"`
	Kept         string `json:"kept,omitempty"` // where the warehouse that was there lies now
	// Changed are deliveries whose files are not what they were when they were loaded: they are left to the next run.
	Changed  []string `json:"changed_deliveries"`
	Warnings []string `json:"warnings"`
}

// Steps of a rebuild, between those of the load.
const (
	stepRebuildFill = "rebuild.fill" // ledger and publications are filled
	stepRebuildKeep = "rebuild.keep" // the warehouse that was there is put aside
	stepRebuildSwap = "rebuild.swap" // the new one takes its place
)

// Rebuild makes the warehouse anew from the deliveries and the published files alone (P8): facts, ledger, publications,
// horizons, closings, and the bases as far as the program files are still what grants were posted by. What cannot be
// known is gone: attempts of runs, runs that published nothing, and the history of reconciliations. The new warehouse
// is made beside the old one and takes its place in the end; killed before that, nothing has changed.
func Rebuild(ctx context.Context, p *Project, o RebuildOptions) (out *Rebuilt, err error) {
	c, err := newCrash(o.Step)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Command == "" {
		o.Command = commandLine()
	}
	families, err := p.Programs()
	if err != nil {
		return nil, err
	}
	l, err := lockWarehouse(ctx, p.warehouseDir(), o.Command, true, o.Wait)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	if err := p.needsRebuild(ctx, o.Replace); err != nil {
		return nil, err
	}
	o.Progress("reading the manifests")
	all, err := emit.ReadManifests(p.grantsDir())
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &hintError{error: fmt.Errorf("nothing is published under %s", p.grantsDir()), class: Refused,
			hint: "there is nothing to rebuild from: `accrue run` makes a warehouse"}
	}
	b := &rebuild{
		project: p, opts: o, families: families, all: all, crash: c, dir: filepath.Join(p.warehouseDir(), "rebuild"),
		out: &Rebuilt{Changed: []string{}, Warnings: []string{}, Publications: len(all)},
	}
	if err := b.run(ctx); err != nil {
		return nil, err
	}
	return b.out, nil
}

// needsRebuild looks at the warehouse that is there: what can be read and knows everything that was published
// is not replaced unasked.
func (p *Project) needsRebuild(ctx context.Context, replace bool) error {
	if _, err := os.Stat(p.warehouseFile()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := p.openWarehouse(ctx, false)
	if err != nil {
		var busy *BusyError
		if errors.As(err, &busy) || errors.Is(err, warehouse.ErrNewer) {
			return err
		}
		return nil // it cannot be read, which is one way of being lost
	}
	var behind *emit.BehindError
	err = emit.Check(ctx, db, p.grantsDir())
	if err == nil && !replace {
		err = db.Sound(ctx)
	}
	closed := db.Close()
	switch {
	case errors.As(err, &behind), warehouse.Damaged(err), warehouse.Damaged(closed):
		return nil
	case err != nil, closed != nil:
		return errors.Join(err, closed)
	case !replace:
		return &hintError{error: errors.New("the warehouse knows everything that was published: there is nothing to rebuild"), class: Refused,
			hint: "`accrue rebuild --replace` makes it anew all the same; attempts of runs and reconciliations are not published and would be gone"}
	}
	return nil
}

// rebuild is one rebuild under way.
type rebuild struct {
	project  *Project
	opts     RebuildOptions
	families []*program.Family
	all      []emit.Publication
	crash    *crash
	dir      string // where the new warehouse is made
	db       *warehouse.DB
	out      *Rebuilt
}

func (b *rebuild) run(ctx context.Context) error {
	again, err := b.deliveries()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(b.dir); err != nil {
		return fmt.Errorf("removing what an earlier rebuild left: %w", err)
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	o := b.project.warehouseOptions()
	o.Path, o.Trace = filepath.Join(b.dir, "accrue.duckdb"), nil
	if b.db, err = warehouse.Open(ctx, o); err != nil {
		return err
	}
	err = b.fill(ctx, again)
	if err = errors.Join(err, b.db.Close()); err != nil {
		return err
	}
	return b.swap(o.Path)
}

// deliveries are those that the newest manifests name. Each must still lie there: without its rows the next run would
// take back what they earned.
func (b *rebuild) deliveries() (map[pipeline.Date]load.Loaded, error) {
	out := map[pipeline.Date]load.Loaded{}
	for _, p := range emit.Last(b.all) {
		for _, d := range p.Manifest.Deliveries {
			date, err := pipeline.ParseDate(d.Date)
			if err != nil {
				return nil, err
			}
			if d.LoadSeq > out[date].LoadSeq {
				out[date] = load.Loaded{LoadSeq: d.LoadSeq, Fingerprint: d.Fingerprint}
			}
		}
	}
	there, err := load.Scan(b.project.ExportsDir())
	if err != nil {
		return nil, err
	}
	var missing []string
	for date := range out {
		if !slices.ContainsFunc(there, func(d load.Delivery) bool { return d.Date == date }) {
			missing = append(missing, filepath.Join(b.project.ExportsDir(), "date="+date.String()))
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	slices.Sort(missing)
	return nil, &hintError{error: fmt.Errorf("grants were posted from deliveries that are not there any more:\n%s", strings.Join(missing, "\n")),
		hint: "put the folders back: without their rows the next run would take back what they earned"}
}

// fill makes the contents of the new warehouse.
func (b *rebuild) fill(ctx context.Context, again map[pipeline.Date]load.Loaded) error {
	p, cfg := b.project, b.project.Config
	res, err := load.Load(ctx, b.db, load.Options{
		ExportsDir: p.ExportsDir(), Through: pipeline.MaxDate, ReadyByFolder: true, MaxRejects: load.MaxRejects(cfg.MaxRejects),
		Currencies: currencies(b.families), SpoolDir: p.spoolDir(), RejectsDir: p.rejectsDir(), MaxLine: cfg.MaxLine,
		Bounds: p.bounds(), Again: again, Progress: b.opts.Progress, Step: b.crash.pass,
	})
	if err != nil {
		return err
	}
	b.out.Deliveries, b.out.Warnings = len(res.Deliveries), append(b.out.Warnings, res.Warnings...)
	for _, d := range res.Changed {
		b.out.Changed = append(b.out.Changed, d.String())
	}
	warnings, err := p.acksOrWarnings(ctx, b.db, load.AckOptions{Progress: b.opts.Progress})
	if err != nil {
		return err
	}
	b.out.Warnings = append(b.out.Warnings, warnings...)
	b.crash.pass(stepRebuildFill)
	if err := b.db.Tx(ctx, func() error {
		if err := emit.Restore(ctx, b.db, p.grantsDir(), filepath.Join(b.dir, "ledger.parquet"), b.all, b.opts.Progress); err != nil {
			return err
		}
		return b.state(ctx)
	}); err != nil {
		return err
	}
	for _, last := range emit.Last(b.all) {
		b.opts.Progress("auditing the ledger of " + last.Manifest.Program)
		if err := ledger.Audit(ctx, b.db, last.Manifest.Program); err != nil {
			return err
		}
	}
	for query, into := range map[string]any{
		"SELECT CAST(coalesce(sum(rows_read), 0) AS BIGINT) FROM files": &b.out.Rows,
		"SELECT count(*) FROM ledger":                                   &b.out.Grants,
		"SELECT count(*) FROM closings":                                 &b.out.Closings,
	} {
		if err := b.db.QueryRow(ctx, query).Scan(into); err != nil {
			return err
		}
	}
	_, err = b.db.Exec(ctx, "CHECKPOINT")
	return err
}

// state writes what runs leave beside facts and ledger: horizons, bases and the history.
func (b *rebuild) state(ctx context.Context) error {
	for _, last := range emit.Last(b.all) {
		m := last.Manifest
		seq := 0
		for _, d := range m.Deliveries {
			seq = max(seq, d.LoadSeq)
		}
		if _, err := b.db.Exec(ctx, "INSERT INTO horizons VALUES (?, CAST(? AS DATE), ?)", m.Program, m.Horizon, seq); err != nil {
			return err
		}
		if err := b.bases(ctx, m); err != nil {
			return err
		}
	}
	return b.runs(ctx)
}

// fingerprint is that of a version that a manifest names (program.Program.Fingerprint).
func fingerprint(v schemas.ManifestVersion) string {
	named := make([]string, len(v.Files))
	for i, f := range v.Files {
		named[i] = f.SHA256
	}
	return program.Fingerprint(v.SHA256, named)
}

// bases notes the versions that a manifest names and that posted grants rest on, as writeBases does. Their texts are
// those of the program files, where these are still the same.
func (b *rebuild) bases(ctx context.Context, m *schemas.Manifest) error {
	sources := map[string]string{}
	for _, fam := range b.families {
		for _, v := range fam.Versions {
			sources[v.SHA256] = v.Source
		}
	}
	for i, v := range m.Versions {
		from, err := pipeline.ParseDate(v.EffectiveFrom)
		if err != nil {
			return err
		}
		span := program.Span{From: from, Until: pipeline.MaxDate}
		if i+1 < len(m.Versions) {
			next, err := pipeline.ParseDate(m.Versions[i+1].EffectiveFrom)
			if err != nil {
				return err
			}
			span.Until = next - 1
		}
		dates, err := earnedDates(ctx, b.db, m.Program, span)
		if err != nil {
			return err
		}
		if len(dates) == 0 {
			continue
		}
		var text any
		if source, ok := sources[v.SHA256]; ok {
			text = source
		} else {
			b.out.Warnings = append(b.out.Warnings, fmt.Sprintf(
				"%s: version %d of program %s is not what grants were posted by, and its earlier text is not published", v.File, v.Version, m.Program))
		}
		if _, err := b.db.Exec(ctx, "INSERT INTO program_bases VALUES (?, ?, CAST(? AS DATE), ?, ?, ?)",
			m.Program, v.Version, v.EffectiveFrom, v.File, fingerprint(v), text); err != nil {
			return err
		}
	}
	return nil
}

// runs notes the runs that published something, one attempt each, so that numbers go on where they were.
func (b *rebuild) runs(ctx context.Context) error {
	type known struct {
		run, command, from, until, horizon string
		programs                           []string
		seq                                int
	}
	byID := map[string]*known{}
	for _, p := range b.all {
		m := p.Manifest
		k := byID[m.Run]
		if k == nil {
			k = &known{run: m.Run}
			byID[m.Run] = k
		}
		k.horizon = max(k.horizon, m.Horizon)
		if !slices.Contains(k.programs, m.Program) {
			k.programs = append(k.programs, m.Program)
		}
		for _, d := range m.Deliveries {
			k.seq = max(k.seq, d.LoadSeq)
		}
	}
	var list []*known
	for _, k := range byID {
		command, rest, _ := strings.Cut(k.run, "-")
		at := strings.LastIndexByte(rest, '-')
		if at < 0 {
			return fmt.Errorf("a manifest names a run %q", k.run)
		}
		from, until, found := strings.Cut(rest[:at], "_")
		if !found {
			until = from
		}
		k.command, k.from, k.until = command, from, until
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *known) int {
		return cmp.Or(a.seq-b.seq, strings.Compare(a.horizon, b.horizon), strings.Compare(a.until, b.until), strings.Compare(a.run, b.run))
	})
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i, k := range list {
		done := &Summary{Run: k.run, Command: k.command, Date: k.until, Attempt: 1, State: RunPublished, LoadSeq: k.seq, Horizon: k.horizon,
			Warnings: []string{}, Deliveries: []DeliverySummary{}, Datasets: []DatasetSummary{}}
		for _, id := range k.programs {
			done.Programs = append(done.Programs, ProgramSummary{Program: id, Published: []Publication{}, Grants: []RuleSummary{}})
		}
		summary, err := json.Marshal(done)
		if err != nil {
			return err
		}
		at := now.Add(time.Duration(i-len(list)) * time.Microsecond) // their order is known, their times are not
		if _, err := b.db.Exec(ctx, `INSERT INTO runs VALUES (?, ?, CAST(? AS DATE), CAST(? AS DATE), 1, ?, ?, ?, ?, ?)`,
			k.run, k.command, k.from, k.until, RunPublished, at, at, "rebuilt from what it published: its own times are not known", string(summary)); err != nil {
			return err
		}
	}
	return nil
}

// swap puts the new warehouse in its place, and what was there aside.
func (b *rebuild) swap(file string) error {
	place := b.project.warehouseFile()
	b.crash.pass(stepRebuildKeep)
	for _, suffix := range []string{".wal", ""} { // a log of the old file must never meet the new one
		err := os.Rename(place+suffix, place+".replaced"+suffix)
		switch {
		case err == nil && suffix == "":
			b.out.Kept = place + ".replaced"
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	b.crash.pass(stepRebuildSwap)
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(file, place), os.RemoveAll(b.dir)); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(place))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
