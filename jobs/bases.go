package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/tell"
	"accrue/pipeline/warehouse"
)

// ProgramChange is one way in which the files of a program are not what posted grants rest on.
type ProgramChange struct {
	Program string `json:"program"`
	Version int    `json:"version"`
	File    string `json:"file"`
	// What is changed, missing (F59), displaced (not in force any more on dates for which it granted) or new (in force
	// on dates for which grants were posted without it).
	What    string `json:"what"`
	Message string `json:"message"`
	// Says are plain sentences about what pays otherwise than before; none where the text that grants were posted by is
	// not known, or says the same in other words.
	Says []string `json:"says,omitempty"`
}

// ChangedError says that program files which posted grants rest on are not what they were.
type ChangedError struct{ Changes []ProgramChange }

// Error lists the files.
func (e *ChangedError) Error() string { return strings.Join(e.Faults(), "\n") }

// Faults says what is wrong, one sentence each.
func (e *ChangedError) Faults() []string {
	var lines []string
	for _, c := range e.Changes {
		if c.What != changeNew { // what it displaces says it
			lines = append(lines, c.Message)
		}
	}
	return lines
}

// Class returns Refused.
func (e *ChangedError) Class() Class { return Refused }

// Hint says how a change is made.
func (e *ChangedError) Hint() string {
	return "put the files back as they were, and make the change in a new version with a later effective_from; " +
		"or restate what was granted: `accrue backfill --from A --to B --restate --dry-run` shows the difference first"
}

// Ways in which a program's files can differ from what posted grants rest on.
const (
	changeChanged   = "changed"
	changeMissing   = "missing"
	changeDisplaced = "displaced"
	changeNew       = "new"
)

// base is a version that posted grants rest on.
type base struct {
	program       string
	version       int
	effectiveFrom pipeline.Date
	file, sha256  string
	source        string
	span          program.Span // of dates on which it was in force, as far as the bases tell
}

// readBases returns the versions that posted grants rest on, by program and effective date.
func readBases(ctx context.Context, db *warehouse.DB) ([]base, error) {
	var out []base
	var b base
	var from string
	err := db.Each(ctx, `SELECT program, version, CAST(effective_from AS VARCHAR), file, sha256, coalesce(source, '')
		FROM program_bases ORDER BY program, effective_from, version`, nil,
		[]any{&b.program, &b.version, &from, &b.file, &b.sha256, &b.source}, func() (err error) {
			if b.effectiveFrom, err = pipeline.ParseDate(from); err != nil {
				return err
			}
			b.span = program.Span{From: b.effectiveFrom, Until: pipeline.MaxDate}
			if n := len(out); n > 0 && out[n-1].program == b.program {
				out[n-1].span.Until = b.effectiveFrom - 1
			}
			out = append(out, b)
			return nil
		})
	return out, err
}

// programChanges holds program files against what posted grants rest on: files that have changed or are missing (F59),
// and versions no longer in force on dates for which they granted, because a new one takes effect in the past. It looks
// at the programs of the families, and with all at programs that have no files any more too.
func programChanges(ctx context.Context, db *warehouse.DB, families []*program.Family, all bool) ([]ProgramChange, error) {
	bases, err := readBases(ctx, db)
	if err != nil {
		return nil, err
	}
	var out []ProgramChange
	known := map[string][]base{}
	for _, b := range bases {
		known[b.program] = append(known[b.program], b)
		if !all && !slices.ContainsFunc(families, func(f *program.Family) bool { return f.ID == b.program }) {
			continue
		}
		c, err := baseChanges(ctx, db, b, families)
		if err != nil {
			return nil, err
		}
		out = append(out, c...)
	}
	for _, fam := range families {
		if len(known[fam.ID]) == 0 {
			continue
		}
		added, err := newVersions(ctx, db, fam, known[fam.ID])
		if err != nil {
			return nil, err
		}
		out = append(out, added...)
	}
	return out, nil
}

// ChangedPrograms is for looking before a run: it says what a run would refuse about program files that posted grants
// rest on, in the same words. A project without a warehouse has posted nothing. The first error is what would be
// refused, nil for nothing; the second that the warehouse could not be read.
func (p *Project) ChangedPrograms(ctx context.Context, families []*program.Family) (changed *ChangedError, err error) {
	r, err := p.OpenReader(ctx)
	if errors.Is(err, errNoWarehouse) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	err = checkBases(ctx, r.db, families)
	if errors.As(err, &changed) {
		return changed, nil
	}
	return nil, err
}

// checkBases refuses program files that are not what posted grants rest on.
func checkBases(ctx context.Context, db *warehouse.DB, families []*program.Family) error {
	changes, err := programChanges(ctx, db, families, true)
	if err == nil && len(changes) > 0 {
		err = &ChangedError{changes}
	}
	return err
}

// baseChanges holds one base against the files.
func baseChanges(ctx context.Context, db *warehouse.DB, b base, families []*program.Family) ([]ProgramChange, error) {
	c := ProgramChange{Program: b.program, Version: b.version, File: b.file}
	var now *program.Program // what is in force where the base was
	for _, fam := range families {
		if fam.ID != b.program {
			continue
		}
		if i := fam.InForce(b.effectiveFrom); i >= 0 {
			now = fam.Versions[i]
		}
		for i, v := range fam.Versions {
			if v.Version != b.version {
				continue
			}
			c.File = v.File
			if v.Fingerprint() != b.sha256 {
				c.What = changeChanged
				c.Message = fmt.Sprintf("%s: version %d of program %s has changed since grants were posted by it", v.File, b.version, b.program)
				c.Says = said(b.source, v)
				return []ProgramChange{c}, nil
			}
			return displaced(ctx, db, c, b, fam.Span(i))
		}
	}
	c.What = changeMissing
	c.Message = fmt.Sprintf("%s: version %d of program %s is missing, but grants were posted by it", b.file, b.version, b.program)
	c.Says = said(b.source, now)
	return []ProgramChange{c}, nil
}

// displaced finds dates for which a version granted and on which it is no longer in force.
func displaced(ctx context.Context, db *warehouse.DB, c ProgramChange, b base, now program.Span) ([]ProgramChange, error) {
	if now.Contains(b.span.From) && now.Contains(b.span.Until) { // the ledger need not be read
		return nil, nil
	}
	dates, err := earnedDates(ctx, db, b.program, b.span)
	for _, d := range dates {
		if !now.Contains(d) {
			c.What = changeDisplaced
			c.Message = fmt.Sprintf("%s: grants earned on %s were posted by version %d of program %s, which is no longer in force then",
				c.File, d, b.version, b.program)
			return []ProgramChange{c}, nil
		}
	}
	return nil, err
}

// newVersions finds versions in force on dates for which grants were posted without them.
func newVersions(ctx context.Context, db *warehouse.DB, fam *program.Family, bases []base) ([]ProgramChange, error) {
	var out []ProgramChange
	for i, v := range fam.Versions {
		if slices.ContainsFunc(bases, func(b base) bool { return b.version == v.Version }) {
			continue
		}
		dates, err := earnedDates(ctx, db, fam.ID, fam.Span(i))
		if err != nil {
			return nil, err
		}
		if len(dates) == 0 {
			continue
		}
		out = append(out, ProgramChange{
			Program: fam.ID, Version: v.Version, File: v.File, What: changeNew, Says: said(inForce(bases, v.EffectiveFrom), v),
			Message: fmt.Sprintf("%s: version %d of program %s is new and takes effect on %s, and grants earned on %s are posted already",
				v.File, v.Version, fam.ID, v.EffectiveFrom, dates[0]),
		})
	}
	return out, nil
}

// inForce returns the text of the base that was in force on a date, or the first one.
func inForce(bases []base, d pipeline.Date) string {
	text := bases[0].source
	for _, b := range bases {
		if b.span.Contains(d) {
			text = b.source
		}
	}
	return text
}

// said tells what a version pays otherwise than the text that was in force; nothing where one of them is not known.
func said(before string, now *program.Program) []string {
	if before == "" || now == nil {
		return nil
	}
	was, faults := program.Parse("before", []byte(before))
	if len(faults) > 0 {
		return nil // an older accrue took it
	}
	return tell.Changes(was, now)
}

// earnedDates returns the first and the last date in the span on which grants in the ledger were earned; none where
// there are no such grants.
func earnedDates(ctx context.Context, db *warehouse.DB, id string, span program.Span) ([]pipeline.Date, error) {
	var out []pipeline.Date
	var first, last string
	err := db.Each(ctx, `SELECT CAST(min(earned_on) AS VARCHAR), CAST(max(earned_on) AS VARCHAR) FROM ledger
		WHERE program = ? AND earned_on BETWEEN CAST(? AS DATE) AND CAST(? AS DATE) HAVING count(*) > 0`,
		[]any{id, span.From.String(), span.Until.String()}, []any{&first, &last}, func() error {
			for _, text := range []string{first, last} {
				d, err := pipeline.ParseDate(text)
				if err != nil {
					return err
				}
				out = append(out, d)
			}
			return nil
		})
	return out, err
}

// writeBases notes the versions that are the base of posted grants: those in force on a date for which the ledger has
// a grant.
func writeBases(ctx context.Context, db *warehouse.DB, fam *program.Family) error {
	if _, err := db.Exec(ctx, `DELETE FROM program_bases WHERE program = ?`, fam.ID); err != nil {
		return err
	}
	for i, v := range fam.Versions {
		span, any := fam.Span(i), false
		if err := db.QueryRow(ctx, `SELECT count(*) > 0 FROM (SELECT 1 FROM ledger
			WHERE program = ? AND earned_on BETWEEN CAST(? AS DATE) AND CAST(? AS DATE) LIMIT 1)`,
			fam.ID, span.From.String(), span.Until.String()).Scan(&any); err != nil {
			return err
		}
		if !any {
			continue
		}
		if _, err := db.Exec(ctx, `INSERT INTO program_bases VALUES (?, ?, CAST(? AS DATE), ?, ?, ?)`,
			fam.ID, v.Version, v.EffectiveFrom.String(), filepath.Base(v.File), v.Fingerprint(), v.Source); err != nil {
			return err
		}
	}
	return nil
}
