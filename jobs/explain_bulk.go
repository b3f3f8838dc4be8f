package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/explain"
	"accrue/pipeline/program"
)

// BulkExplainOptions say what is explained in bulk, and into which file.
type BulkExplainOptions struct {
	From, Until pipeline.Date
	Out         string // its ending says which form: .parquet, .csv, .ndjson or .arrow
	// Progress, if set, is told what is under way.
	Progress func(what string)
	// ChunkRows is for tests: see explain.BulkOptions.
	ChunkRows int64
}

// BulkExplanation is what was written, program by program.
type BulkExplanation struct {
	File     string        `json:"file"`
	Programs []BulkProgram `json:"programs"`
}

// BulkProgram is what one program decided over the range.
type BulkProgram struct {
	Program   string     `json:"program"`
	NeverRun  bool       `json:"never_run,omitempty"`
	Horizon   string     `json:"known_through,omitempty"` // dates after it were unknown to the last run
	Decisions int64      `json:"decisions"`
	Rules     []BulkRule `json:"rules"`
}

// BulkRule is what a rule owes for the range beside what the ledger holds for it.
type BulkRule struct {
	Rule    string `json:"rule"`
	Reward  string `json:"reward"`
	Pays    int64  `json:"pays"`
	Refuses int64  `json:"refuses"`
	Owed    string `json:"owed"`
	Posted  string `json:"posted"`
	Differs bool   `json:"differs"`
}

// ExplainRange explains every source of a range of business dates into a file, which appears when it is whole.
func (r *Reader) ExplainRange(ctx context.Context, o BulkExplainOptions) (out *BulkExplanation, err error) {
	if o.Until < o.From {
		return nil, &hintError{error: fmt.Errorf("the range %s to %s ends before it begins", o.From, o.Until), class: Refused,
			hint: "--from is the first business date, --to the last"}
	}
	w, err := newOutFile(o.Out)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.abandon()) }()
	rows, err := explain.NewRowWriter(w.file, o.Out)
	if err != nil {
		return nil, &hintError{error: err, class: Refused, hint: "write --out why.parquet, or one of the others"}
	}
	out = &BulkExplanation{File: o.Out}
	if err := r.eachProgram(ctx, "", func(fam *program.Family, horizon *pipeline.Date) error {
		bp, err := r.explainProgram(ctx, fam, horizon, o, rows.Append)
		out.Programs = append(out.Programs, bp)
		return err
	}); err != nil {
		return nil, err
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	return out, w.keep()
}

func (r *Reader) explainProgram(ctx context.Context, fam *program.Family, horizon *pipeline.Date, o BulkExplainOptions,
	emit func([]any) error) (BulkProgram, error) {
	out := BulkProgram{Program: fam.ID, NeverRun: horizon == nil, Rules: []BulkRule{}}
	if horizon == nil {
		return out, nil
	}
	out.Horizon = horizon.String()
	opts := explain.BulkOptions{Horizon: *horizon, From: o.From, Until: o.Until, ChunkRows: o.ChunkRows}
	if o.Progress != nil {
		opts.Progress = func(done, of int64) {
			o.Progress(fmt.Sprintf("explaining program %s, %d %% of the members", fam.ID, 100*done/of))
		}
	}
	res, err := explain.Bulk(ctx, r.db, fam, opts, emit)
	if err != nil {
		return out, fmt.Errorf("explaining program %s: %w", fam.ID, err)
	}
	out.Decisions = res.Decisions
	for _, s := range res.Rules {
		out.Rules = append(out.Rules, BulkRule{Rule: s.Rule, Reward: s.Reward, Pays: s.Pays, Refuses: s.Refuses,
			Owed: s.Owed.String(), Posted: s.Posted.String(), Differs: !s.Owed.Equal(s.Posted)})
	}
	return out, nil
}

// outFile is a file that takes its name when it is whole: until then it is a hidden one beside it.
type outFile struct {
	file *os.File
	name string
	kept bool
}

func newOutFile(name string) (*outFile, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is there and is no file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %s", name, reasonOf(err))
	}
	return &outFile{file: f, name: name}, nil
}

// reasonOf is what the system says, without the hidden name.
func reasonOf(err error) string {
	text := err.Error()
	return strings.TrimSpace(text[strings.LastIndexByte(text, ':')+1:])
}

// keep gives the file its name.
func (w *outFile) keep() error {
	err := errors.Join(w.file.Chmod(0o644), w.file.Sync(), w.file.Close())
	if err == nil {
		err = os.Rename(w.file.Name(), w.name)
	}
	w.kept = err == nil
	return err
}

// abandon removes a file that was not kept.
func (w *outFile) abandon() error {
	if w.kept {
		return nil
	}
	_ = w.file.Close() // keep may have closed it
	return os.Remove(w.file.Name())
}
