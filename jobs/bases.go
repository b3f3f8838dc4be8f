package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// ChangedError says that program files which posted grants rest on are not what they were.
type ChangedError struct{ Faults []string }

// Error lists the files.
func (e *ChangedError) Error() string { return strings.Join(e.Faults, "\n") }

// Class returns Refused.
func (e *ChangedError) Class() Class { return Refused }

// Hint says how a change is made.
func (e *ChangedError) Hint() string {
	return "put the files back as they were, and make the change in a new version with a later effective_from"
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

// checkBases refuses program files that are the base of posted grants and have changed since, are missing (F59), or
// no longer in force on dates for which grants were posted under them: a new version that takes effect in the past
// would restate what was published just as a changed file does.
func checkBases(ctx context.Context, db *warehouse.DB, families []*program.Family) error {
	now := map[string]map[int]*program.Program{}
	byID := map[string]*program.Family{}
	for _, fam := range families {
		byID[fam.ID] = fam
		now[fam.ID] = map[int]*program.Program{}
		for _, v := range fam.Versions {
			now[fam.ID][v.Version] = v
		}
	}
	out := &ChangedError{}
	var id, file, sha string
	var version int
	err := db.Each(ctx, `SELECT program, version, file, sha256 FROM program_bases ORDER BY program, version`, nil,
		[]any{&id, &version, &file, &sha}, func() error {
			switch v := now[id][version]; {
			case v == nil:
				out.Faults = append(out.Faults, fmt.Sprintf(
					"%s: version %d of program %s is missing, but grants were posted by it", file, version, id))
			case v.SHA256 != sha:
				out.Faults = append(out.Faults, fmt.Sprintf(
					"%s: version %d of program %s has changed since grants were posted by it", v.File, version, id))
			}
			return nil
		})
	if err != nil {
		return err
	}
	if err := checkSpans(ctx, db, byID, out); err != nil {
		return err
	}
	if len(out.Faults) > 0 {
		return out
	}
	return nil
}

// checkSpans holds the dates of the ledger's rows against the spans of the versions that they were posted under.
func checkSpans(ctx context.Context, db *warehouse.DB, families map[string]*program.Family, out *ChangedError) error {
	var id, first, last string
	var version int
	return db.Each(ctx, `SELECT program, program_version, CAST(min(earned_on) AS VARCHAR), CAST(max(earned_on) AS VARCHAR)
		FROM ledger GROUP BY ALL ORDER BY 1, 2`, nil, []any{&id, &version, &first, &last}, func() error {
		fam := families[id]
		if fam == nil {
			return nil // its files are missing, which was said
		}
		for i, v := range fam.Versions {
			if v.Version != version {
				continue
			}
			span := fam.Span(i)
			for _, text := range []string{first, last} {
				d, err := pipeline.ParseDate(text)
				if err != nil {
					return err
				}
				if !span.Contains(d) {
					out.Faults = append(out.Faults, fmt.Sprintf(
						"%s: grants earned on %s were posted by version %d of program %s, which is no longer in force then",
						v.File, d, version, id))
					break
				}
			}
		}
		return nil
	})
}

// writeBases notes the versions that are the base of posted grants.
func writeBases(ctx context.Context, db *warehouse.DB, fam *program.Family) error {
	used := map[int]bool{}
	var version int
	if err := db.Each(ctx, `SELECT DISTINCT program_version FROM ledger WHERE program = ?`, []any{fam.ID},
		[]any{&version}, func() error {
			used[version] = true
			return nil
		}); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, `DELETE FROM program_bases WHERE program = ?`, fam.ID); err != nil {
		return err
	}
	for _, v := range fam.Versions {
		if !used[v.Version] {
			continue
		}
		if _, err := db.Exec(ctx, `INSERT INTO program_bases VALUES (?, ?, CAST(? AS DATE), ?, ?)`,
			fam.ID, v.Version, v.EffectiveFrom.String(), filepath.Base(v.File), v.SHA256); err != nil {
			return err
		}
	}
	return nil
}
