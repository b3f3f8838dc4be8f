package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/load"
	"accrue/pipeline/program"
	"accrue/pipeline/reconcile"
	"accrue/pipeline/warehouse"
)

// ReconcileOptions are the arguments of a reconciliation. The zero value holds everything together, as of the newest
// date that was run for.
type ReconcileOptions struct {
	Program  string         // "" for all programs
	From, To *pipeline.Date // deliveries, business dates and dates of posting between the two; nil for no bound
	AsOf     *pipeline.Date // ages are counted up to it; nil for the newest date of a completed run
	Wait     time.Duration  // how long to wait for a warehouse that is in use
	Progress func(what string)
	Command  string // how the process was called; "" for the process's arguments
}

// Reconciliation is what holding everything together has found. The warehouse stays open, so that the breaks can be
// read; Close must be called.
type Reconciliation struct {
	Summary ReconcileSummary
	project *Project
	opts    ReconcileOptions
	filter  reconcile.Filter
	asOf    pipeline.Date
	db      *warehouse.DB
	lock    *lock
	work    *reconcile.Work
	through pipeline.Date // the newest date of a completed run
}

// ReconcileSummary is a reconciliation in figures. Amounts are decimal texts.
type ReconcileSummary struct {
	AsOf     string       `json:"as_of"`
	From     string       `json:"from,omitempty"`
	To       string       `json:"to,omitempty"`
	Program  string       `json:"program,omitempty"`
	AckFiles int          `json:"ack_files_loaded"` // files of acknowledgements that were new or had changed
	AckRows  int64        `json:"ack_rows_loaded"`
	Ties     []TieSummary `json:"ties"`
	Counts   []BreakCount `json:"open_breaks"` // by tie, type and age
	Open     int64        `json:"open"`
	Closed   int64        `json:"closed_now"` // breaks that were open before and are no more
	Notes    []string     `json:"notes"`      // what could not be held against anything
}

// TieSummary is one tie in figures, for a program and a reward (for the deliveries: a dataset).
type TieSummary struct {
	Tie       string `json:"tie"`
	Program   string `json:"program,omitempty"`
	Of        string `json:"of,omitempty"` // a reward, or a dataset
	LeftRows  int64  `json:"left_rows"`
	Left      string `json:"left,omitempty"`
	RightRows int64  `json:"right_rows"`
	Right     string `json:"right,omitempty"`
	Breaks    int64  `json:"breaks"`
}

// BreakCount counts open breaks.
type BreakCount struct {
	Tie     string `json:"tie"`
	Program string `json:"program,omitempty"`
	Type    string `json:"type"`
	Age     string `json:"age"` // a bucket, in days
	Breaks  int64  `json:"breaks"`
}

// Break is one difference, as it is shown and handed on.
type Break struct {
	Tie      string             `json:"tie"`
	Program  string             `json:"program,omitempty"`
	Type     string             `json:"type"`
	Key      string             `json:"key"`
	Date     string             `json:"date"`
	AgeDays  int                `json:"age_days"`
	Age      string             `json:"age"`
	Member   string             `json:"member_id,omitempty"`
	Rule     string             `json:"rule,omitempty"`
	Reward   string             `json:"reward,omitempty"`
	Expected string             `json:"expected"`
	Found    string             `json:"found"`
	What     string             `json:"what"`
	FoundOn  string             `json:"found_on"`
	ClosedOn string             `json:"closed_on,omitempty"`
	Sources  []reconcile.Source `json:"sources"`
}

// Reconcile loads acknowledgements that are new, holds deliveries, facts, entitlements, ledger, published files and
// acknowledgements together, and notes every break in the history. Deliveries are not loaded and nothing is posted.
func Reconcile(ctx context.Context, p *Project, opts ReconcileOptions) (rec *Reconciliation, err error) {
	families, err := p.Programs()
	if err != nil {
		return nil, err
	}
	if err := knownProgram(families, opts.Program); err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.warehouseFile()); errors.Is(err, os.ErrNotExist) {
		return nil, errNoWarehouse
	}
	if opts.Command == "" {
		opts.Command = commandLine()
	}
	l, err := lockWarehouse(ctx, p.warehouseDir(), opts.Command, true, opts.Wait)
	if err != nil {
		return nil, err
	}
	rec = &Reconciliation{project: p, opts: opts, lock: l, Summary: ReconcileSummary{Program: opts.Program, Notes: []string{}}}
	defer func() {
		if err != nil {
			err, rec = errors.Join(err, rec.Close()), nil
		}
	}()
	if rec.db, err = p.openWarehouse(ctx, false); err != nil {
		return rec, err
	}
	if err := checkBases(ctx, rec.db, families); err != nil {
		return rec, err
	}
	return rec, rec.run(ctx, families)
}

// knownProgram refuses the name of a program that there is not.
func knownProgram(families []*program.Family, id string) error {
	ids := ""
	for _, fam := range families {
		if id == "" || fam.ID == id {
			return nil
		}
		ids += ", " + fam.ID
	}
	return &hintError{error: fmt.Errorf("there is no program %s", id), class: Refused, hint: "known here: " + ids[2:]}
}

// Close closes the warehouse and gives the lock back.
func (r *Reconciliation) Close() error {
	var errs []error
	if r.work != nil {
		errs = append(errs, r.work.Close())
	}
	if r.db != nil {
		errs = append(errs, r.db.Close())
	}
	return errors.Join(append(errs, r.lock.release())...)
}

func (r *Reconciliation) progress(format string, args ...any) {
	if r.opts.Progress != nil {
		r.opts.Progress(fmt.Sprintf(format, args...))
	}
}

func (r *Reconciliation) run(ctx context.Context, families []*program.Family) (err error) {
	acks, err := r.project.loadAcks(ctx, r.db, load.AckOptions{Progress: r.opts.Progress})
	if err != nil {
		return err
	}
	r.Summary.AckFiles, r.Summary.AckRows = acks.Files, acks.Read-acks.Rejected
	r.Summary.Notes = append(r.Summary.Notes, acks.Warnings...)
	if err := r.period(ctx); err != nil {
		return err
	}
	scope := reconcile.Scope{Program: r.opts.Program, From: r.filter.From, To: r.filter.To, AsOf: r.asOf,
		Places: reconcile.Places{Rewards: r.project.scales(), Rules: ruleScales(families)}}
	if r.work, err = reconcile.Start(ctx, r.db, scope); err != nil {
		return err
	}
	spool := r.project.spoolDir()
	if err := errors.Join(os.RemoveAll(spool), os.MkdirAll(spool, 0o700)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(spool)) }()
	if err := r.facts(ctx, spool, families); err != nil {
		return err
	}
	for _, fam := range families {
		if r.opts.Program != "" && fam.ID != r.opts.Program {
			continue
		}
		if err := r.owed(ctx, fam); err != nil {
			return err
		}
	}
	if err := r.files(ctx, spool); err != nil {
		return err
	}
	r.progress("holding acknowledgements against what was published")
	if err := r.work.Acknowledged(); err != nil {
		return err
	}
	var silent bool
	if err := r.db.QueryRow(ctx, "SELECT (SELECT count(*) FROM acks) = 0 AND (SELECT count(*) FROM ledger) > 0").Scan(&silent); err != nil {
		return err
	}
	if silent {
		r.note("nothing is acknowledged (acks/): each published grant is a break until downstream says that it has posted it")
	}
	return r.summarise(ctx)
}

// period settles the dates.
func (r *Reconciliation) period(ctx context.Context) error {
	var newest sql.NullString
	if err := r.db.QueryRow(ctx, `SELECT CAST(coalesce(
			(SELECT max(until_date) FROM runs WHERE state IN ('published', 'unchanged')), (SELECT max(posted_on) FROM ledger)) AS VARCHAR)`).
		Scan(&newest); err != nil {
		return err
	}
	if !newest.Valid {
		return errNoWarehouse
	}
	var err error
	if r.through, err = pipeline.ParseDate(newest.String); err != nil {
		return err
	}
	r.asOf = r.through
	if r.opts.AsOf != nil {
		r.asOf = *r.opts.AsOf
	}
	r.filter = reconcile.Filter{Program: r.opts.Program, From: pipeline.MinDate, To: pipeline.MaxDate}
	r.Summary.AsOf = r.asOf.String()
	if r.opts.From != nil {
		r.filter.From, r.Summary.From = *r.opts.From, r.opts.From.String()
	}
	if r.opts.To != nil {
		r.filter.To, r.Summary.To = *r.opts.To, r.opts.To.String()
	}
	return nil
}

func (r *Reconciliation) note(format string, args ...any) {
	r.Summary.Notes = append(r.Summary.Notes, fmt.Sprintf(format, args...))
}

// facts holds the export files against what was loaded: by their digests and figures, and row by row where those do
// not say that nothing differs.
func (r *Reconciliation) facts(ctx context.Context, spool string, families []*program.Family) error {
	r.progress("holding the deliveries against the facts")
	files, err := load.Compare(ctx, r.db, r.project.ExportsDir(), r.filter.From, min(r.filter.To, max(r.asOf, r.through)), r.opts.Progress)
	if err != nil {
		return err
	}
	suspect, err := r.work.SuspectFiles()
	if err != nil {
		return err
	}
	archived := 0
	for _, f := range files {
		e := reconcile.ExportFile{ID: f.ID, Delivery: f.Delivery, Dataset: f.Dataset, Name: f.Name}
		switch f.State {
		case load.FileNew:
			err = r.work.ExportBreak(e, reconcile.Missing, "1", "", "the file is not loaded")
		case load.FileGone:
			err = r.work.ExportBreak(e, reconcile.Extra, "", "1", "the file was loaded and is not in its delivery any more")
		case load.FileArchived:
			if archived++; suspect[f.ID] {
				err = r.work.ExportBreak(e, reconcile.Amount, "", "", "the facts do not add up to what was read, and the delivery is not there to tell which rows differ")
			}
		default:
			if f.State == load.FileChanged || suspect[f.ID] {
				err = r.reread(ctx, f, e, spool, families)
			}
		}
		if err != nil {
			return err
		}
	}
	if archived > 0 {
		r.note("%d loaded export files are not there any more: their facts are held against the figures noted when they were loaded", archived)
	}
	return nil
}

// reread reads one file again and names the rows that differ; a changed file whose rows do not is one break.
func (r *Reconciliation) reread(ctx context.Context, f load.ComparedFile, e reconcile.ExportFile, spool string, families []*program.Family) error {
	rows, err := load.Reread(ctx, f, load.Options{SpoolDir: spool, Currencies: currencies(families), MaxLine: r.project.Config.MaxLine,
		Progress: r.opts.Progress})
	var bad *load.FileError
	if errors.As(err, &bad) {
		return r.work.ExportBreak(e, reconcile.Missing, f.Loaded, f.Found, "the file cannot be read any more: "+bad.What)
	}
	if err != nil {
		return err
	}
	n, err := r.work.FileRows(e, rows)
	if err == nil && n == 0 && f.State == load.FileChanged {
		err = r.work.ExportBreak(e, reconcile.Amount, f.Loaded, f.Found, "the file has changed since it was loaded (SHA-256)")
	}
	return err
}

// owed evaluates a program again and holds what it owes against facts and ledger.
func (r *Reconciliation) owed(ctx context.Context, fam *program.Family) error {
	var text string
	err := r.db.QueryRow(ctx, "SELECT CAST(max(horizon) AS VARCHAR) FROM horizons WHERE program = ? HAVING count(*) > 0", fam.ID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		r.note("program %s has never run", fam.ID)
		return nil
	}
	if err != nil {
		return err
	}
	horizon, err := pipeline.ParseDate(text)
	if err != nil {
		return err
	}
	r.progress("%s: working out what is owed", fam.ID)
	if _, err := evaluate.Run(ctx, r.db, fam, horizon, evaluate.Options{}); err != nil {
		return err
	}
	r.progress("%s: holding it against facts and ledger", fam.ID)
	if err := r.work.Owed(fam.ID); err != nil {
		return err
	}
	return r.again(ctx, fam, horizon)
}

// files holds the published files against the ledger. Those that do not simply say what the ledger says are read once
// more, row by row.
func (r *Reconciliation) files(ctx context.Context, spool string) (err error) {
	r.progress("reading the published files back")
	opts := emit.Options{Verify: r.project.verifier(), Progress: func(done, total int64) { r.progress("reading the published files back: %d of %d rows", done, total) }}
	problems, err := emit.VerifyPublished(ctx, r.db, r.project.grantsDir(), opts)
	if err != nil {
		return err
	}
	c := newFileProblems(r, problems)
	rows := ""
	if len(c.broken) > 0 {
		rows = filepath.Join(spool, "published.parquet")
		if err := c.collect(ctx, rows); err != nil {
			return err
		}
	}
	byRow, err := r.work.Files(rows)
	if err != nil {
		return err
	}
	return c.whole(byRow)
}

// summarise closes what is closed and counts what is open.
func (r *Reconciliation) summarise(ctx context.Context) error {
	r.progress("noting the breaks")
	var err error
	if r.Summary.Closed, err = r.work.Keep(); err != nil {
		return err
	}
	counts, err := reconcile.Counts(ctx, r.db, r.filter, r.asOf)
	if err != nil {
		return err
	}
	figures, err := r.work.Figures()
	if err != nil {
		return err
	}
	r.Summary.Counts, r.Summary.Ties = []BreakCount{}, []TieSummary{}
	byTie := map[TieSummary]int64{}
	for _, c := range counts {
		r.Summary.Open += c.Breaks
		byTie[TieSummary{Tie: string(c.Tie), Program: c.Program, Of: c.Reward}] += c.Breaks
		r.Summary.addCount(c)
	}
	scales := r.project.scales()
	for _, f := range figures {
		t := TieSummary{Tie: string(f.Tie), Program: f.Program, Of: f.Reward}
		n := byTie[t]
		delete(byTie, t)
		t.Breaks, t.LeftRows, t.RightRows = n, f.LeftRows, f.RightRows
		if f.HasAmounts {
			t.Left, t.Right = samePlaces(scales.sum(f.Program, f.Reward, f.Left), scales.sum(f.Program, f.Reward, f.Right))
		}
		r.Summary.Ties = append(r.Summary.Ties, t)
	}
	r.Summary.addLeft(byTie)
	text, err := json.Marshal(r.Summary)
	if err != nil {
		return err
	}
	return r.work.Summarise(string(text))
}
