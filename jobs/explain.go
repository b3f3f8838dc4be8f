package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/explain"
	"accrue/pipeline/program"
)

// Explanation is why a source earned what it did, program by program.
type Explanation struct {
	Source   *explain.Source
	Programs []ProgramExplanation
}

// ProgramExplanation is what one program decided about a source.
type ProgramExplanation struct {
	Family  *program.Family
	Horizon pipeline.Date // business dates after it were unknown to the last run
	Never   bool          // the program has never run; there is no answer
	Answer  *explain.Answer
	Rows    []Grant // the ledger's rows for the source
}

// GrantExplanation is a grant, where it was published, and why its source earned what it did.
type GrantExplanation struct {
	Grant       Grant
	Publication Publication
	File        string // the published file that holds it, of the first format
	Explanation *Explanation
}

// ExplainSource explains a purchase, an activity or a birthday. The error is an *explain.NotFoundError if there is none.
func (r *Reader) ExplainSource(ctx context.Context, t pipeline.SourceType, id string) (*Explanation, error) {
	s, err := explain.Find(ctx, r.db, t, id)
	if err != nil {
		return nil, err
	}
	return r.explain(ctx, s, "")
}

// explain asks all programs, or one.
func (r *Reader) explain(ctx context.Context, s *explain.Source, only string) (*Explanation, error) {
	out := &Explanation{Source: s}
	ledger, err := explain.Ledger(ctx, r.db, s)
	if err != nil {
		return nil, err
	}
	err = r.eachProgram(ctx, only, func(fam *program.Family, horizon *pipeline.Date) error {
		pe := ProgramExplanation{Family: fam, Never: horizon == nil}
		if horizon == nil {
			out.Programs = append(out.Programs, pe)
			return nil
		}
		pe.Horizon = *horizon
		var err error
		if pe.Answer, err = explain.Decide(ctx, r.db, fam, pe.Horizon, s, ledger); err != nil {
			return err
		}
		f := GrantFilter{Program: fam.ID, SourceType: string(s.Type), SourceID: s.ID, from: ledger}
		if pe.Rows, err = r.grantsOf(ctx, f); err != nil {
			return err
		}
		out.Programs = append(out.Programs, pe)
		return nil
	})
	return out, err
}

// eachProgram calls fn for every program, or the one that is named, with the newest date that it was run for: nil where
// it never was.
func (r *Reader) eachProgram(ctx context.Context, only string, fn func(*program.Family, *pipeline.Date) error) error {
	families, err := r.Project.Programs()
	if err != nil {
		return err
	}
	for _, fam := range families {
		if only != "" && fam.ID != only {
			continue
		}
		var text string
		var horizon *pipeline.Date
		switch err := r.db.QueryRow(ctx, `SELECT CAST(horizon AS VARCHAR) FROM horizons WHERE program = ?`, fam.ID).Scan(&text); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		default:
			d, err := pipeline.ParseDate(text)
			if err != nil {
				return err
			}
			horizon = &d
		}
		if err := fn(fam, horizon); err != nil {
			return err
		}
	}
	return nil
}

// grantsOf gathers the rows of the ledger that a filter picks, with the runs that published them.
func (r *Reader) grantsOf(ctx context.Context, f GrantFilter) ([]Grant, error) {
	var rows []Grant
	if err := r.Grants(ctx, f, func(g Grant) error {
		rows = append(rows, g)
		return nil
	}); err != nil {
		return nil, err
	}
	for i := range rows {
		g := &rows[i]
		if err := r.db.Each(ctx, `SELECT run FROM publications WHERE program = ? AND posted_on = CAST(? AS DATE) AND seq = ?`,
			[]any{g.Program, g.PostedOn, g.Seq}, []any{&g.Run}, func() error { return nil }); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// ExplainGrant explains one row of the ledger by its grant_id.
func (r *Reader) ExplainGrant(ctx context.Context, id string) (*GrantExplanation, error) {
	f, n, err := parseGrantID(id)
	if err != nil {
		return nil, err
	}
	rows, err := r.grantsOf(ctx, f)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(rows, func(g Grant) bool { return g.N == n })
	if i < 0 {
		return nil, r.noGrant(ctx, id, f, rows)
	}
	out := &GrantExplanation{Grant: rows[i]}
	if err := r.findPublication(ctx, out); err != nil {
		return nil, err
	}
	s, err := explain.Find(ctx, r.db, pipeline.SourceType(f.SourceType), f.SourceID)
	if err != nil {
		return nil, err
	}
	out.Explanation, err = r.explain(ctx, s, f.Program)
	return out, err
}

// noGrant says that there is no such grant, and which ones there are of its source.
func (r *Reader) noGrant(ctx context.Context, id string, f GrantFilter, rows []Grant) error {
	if len(rows) == 0 {
		wider := GrantFilter{SourceID: f.SourceID, Limit: 5}
		var err error
		if rows, err = r.grantsOf(ctx, wider); err != nil {
			return err
		}
	}
	e := &hintError{error: fmt.Errorf("no grant %s", id)}
	if len(rows) == 0 {
		e.hint = "`accrue grants` lists all grants with their members; a grant id is program/rule/type/source/n"
		return e
	}
	ids := make([]string, 0, len(rows))
	for _, g := range rows {
		ids = append(ids, g.GrantID)
	}
	e.hint = "of this source there are " + strings.Join(ids, ", ")
	return e
}

// parseGrantID takes a grant id apart (see pipeline.GrantID).
func parseGrantID(id string) (f GrantFilter, n int, err error) {
	fail := &hintError{
		error: fmt.Errorf("%q is not a grant id", id), class: Refused,
		hint: "a grant id is program/rule/type/source/n, as `accrue grants --json` shows it",
	}
	parts := strings.Split(id, "/")
	if len(parts) != 5 {
		return f, 0, fail
	}
	for i, p := range parts {
		if parts[i], err = url.PathUnescape(p); err != nil {
			return f, 0, fail
		}
	}
	if n, err = strconv.Atoi(parts[4]); err != nil || n < 1 {
		return f, 0, fail
	}
	return GrantFilter{Program: parts[0], Rule: parts[1], SourceType: parts[2], SourceID: parts[3]}, n, nil
}

// findPublication finds the folder and the file that a grant was published in. Files hold the rows of a publication
// in the order (member_id, earned_at, grant_id), part after part.
func (r *Reader) findPublication(ctx context.Context, out *GrantExplanation) error {
	g := out.Grant
	var manifest string
	p := &out.Publication
	err := r.db.QueryRow(ctx, `SELECT CAST(posted_on AS VARCHAR), seq, rows_count, manifest FROM publications
		WHERE program = ? AND posted_on = CAST(? AS DATE) AND seq = ?`, g.Program, g.PostedOn, g.Seq).
		Scan(&p.PostedOn, &p.Seq, &p.Rows, &manifest)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("grant %s is in the ledger, but there is no publication %d of %s: run `accrue verify`",
			g.GrantID, g.Seq, g.PostedOn)
	}
	if err != nil {
		return err
	}
	m, err := parseManifest(manifest)
	if err != nil {
		return err
	}
	p.Files, p.Folder = m.Files, r.Project.publicationFolder(g.Program, p.PostedOn, p.Seq)
	var before int64
	if err := r.db.QueryRow(ctx, `SELECT count(*) FROM ledger
		WHERE program = ? AND posted_on = CAST(? AS DATE) AND seq = ? AND (member_id < ? OR (member_id = ? AND earned_us < ?))`,
		g.Program, g.PostedOn, g.Seq, g.MemberID, g.MemberID, g.EarnedU).Scan(&before); err != nil {
		return err
	}
	posted, err := pipeline.ParseDate(g.PostedOn)
	if err != nil {
		return err
	}
	if err := r.Grants(ctx, GrantFilter{Program: g.Program, Member: g.MemberID, PostedOn: &posted}, func(o Grant) error {
		if o.Seq == g.Seq && o.EarnedU == g.EarnedU && o.GrantID < g.GrantID {
			before++
		}
		return nil
	}); err != nil {
		return err
	}
	for _, f := range m.Files {
		if before < f.Rows {
			out.File = f.Name
			return nil
		}
		before -= f.Rows
	}
	return nil
}
