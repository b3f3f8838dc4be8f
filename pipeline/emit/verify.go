package emit

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// ProblemKind says what a problem is about.
type ProblemKind string

// Kinds of problems.
const (
	ProblemFolder   ProblemKind = "folder"   // a publication that is not there, or one that nobody knows
	ProblemStranger ProblemKind = "stranger" // something lies in a published folder that the manifest does not name
	ProblemManifest ProblemKind = "manifest" // the manifest is not what was written
	ProblemChain    ProblemKind = "chain"    // the manifests do not follow each other
	ProblemFile     ProblemKind = "file"     // a grant file is not what the manifest says
	ProblemRows     ProblemKind = "rows"     // rows, or totals of rows, are not the ledger's
)

// Problem is one thing that VerifyPublished found.
type Problem struct {
	Kind     ProblemKind
	File     string // path below the grants folder
	What     string // what is wrong, or which figure differs
	Expected string // what the warehouse, or for figures of files the manifest, says; "" where there are no figures
	Found    string
}

// String returns the problem as one line.
func (p Problem) String() string {
	if p.Expected == "" && p.Found == "" {
		return p.File + ": " + p.What
	}
	return fmt.Sprintf("%s: %s: %s expected, %s found", p.File, p.What, p.Expected, p.Found)
}

// maxRowProblems of one publication and format are told one by one.
const maxRowProblems = 20

// VerifyPublished holds every published file against its manifest, the manifests against their chain and against the
// warehouse, and every row of every file against the ledger's. It trusts neither side and changes nothing.
func VerifyPublished(ctx context.Context, db *warehouse.DB, grantsDir string, opts Options) ([]Problem, error) {
	v := &verification{ctx: ctx, db: db, dir: grantsDir, fs: opts.filled().FS, verify: opts.Verify}
	all, err := publications(ctx, db, "")
	if err != nil {
		return nil, err
	}
	disk, err := look(v.fs, grantsDir)
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for _, p := range all {
		if m, err := parseManifest([]byte(p.text)); err == nil {
			for _, f := range m.Files {
				total += f.Rows
			}
		}
	}
	v.done = opts.counter(total)
	for _, h := range disk.hidden {
		v.add(ProblemFolder, filepath.ToSlash(h), "a hidden folder that a killed run left")
	}
	v.chains(all)
	for _, p := range all {
		if !disk.published[p.place] {
			v.add(ProblemFolder, p.String(), "published, and not there")
		} else if err := v.publication(p); err != nil {
			return v.problems, fmt.Errorf("verifying %s: %w", p.place, err)
		}
		delete(disk.published, p.place)
	}
	for _, p := range sortedPlaces(disk.published) {
		v.add(ProblemFolder, p.String(), "there, and the warehouse does not know it")
	}
	faults, behind, err := closingsHeld(ctx, db, v.fs, grantsDir, false)
	if err != nil {
		return v.problems, err
	}
	for _, f := range faults {
		file, what, _ := strings.Cut(f, ": ")
		v.add(ProblemManifest, file, what)
	}
	for _, f := range behind {
		v.add(ProblemFolder, f, "there, and the warehouse does not know it")
	}
	return v.problems, v.orphans()
}

type verification struct {
	verify   Verifier
	ctx      context.Context
	db       *warehouse.DB
	dir      string
	fs       FS
	done     func()
	problems []Problem
}

func (v *verification) add(kind ProblemKind, file, what string) {
	v.problems = append(v.problems, Problem{Kind: kind, File: file, What: what})
}

func (v *verification) figure(file, what, expected, found string) {
	if expected != found {
		v.problems = append(v.problems, Problem{Kind: ProblemManifest, File: file, What: what, Expected: expected, Found: found})
	}
}

// chains holds the manifests of each program together: each but the first names one before it, and no two the same.
func (v *verification) chains(all []recorded) {
	names := map[string]place{}
	for _, p := range all {
		names[p.program+"\x00"+p.sha256] = p.place
	}
	first, followed := map[string]place{}, map[string]place{}
	for _, p := range all {
		m, err := parseManifest([]byte(p.text))
		if err != nil {
			continue // told with the publication
		}
		at := p.String() + "/" + schemas.ManifestName
		if other, ok := first[p.program]; ok && m.Previous == "" {
			v.add(ProblemChain, at, fmt.Sprintf("begins a chain, and %s does so too", other))
		}
		if m.Previous == "" {
			first[p.program] = p.place
			continue
		}
		key := p.program + "\x00" + m.Previous
		if _, ok := names[key]; !ok {
			v.add(ProblemChain, at, "names a previous manifest that is not there: SHA-256 "+m.Previous)
		}
		if other, ok := followed[key]; ok {
			v.add(ProblemChain, at, fmt.Sprintf("names the same previous manifest as %s", other))
		}
		followed[key] = p.place
	}
}

// publication verifies one published folder.
func (v *verification) publication(p recorded) error {
	at := p.String() + "/" + schemas.ManifestName
	text, err := readFile(v.fs, filepath.Join(v.dir, p.folder(), schemas.ManifestName))
	if err != nil {
		v.add(ProblemManifest, at, "cannot be read: "+err.Error())
	} else {
		v.figure(at, "SHA-256", p.sha256, digestOf(text))
	}
	v.figure(at, "SHA-256 of the warehouse's copy", p.sha256, digestOf([]byte(p.text)))
	m, err := parseManifest([]byte(p.text))
	if err != nil {
		v.add(ProblemManifest, at, err.Error())
		return nil
	}
	v.figure(at, "rows that the warehouse noted", fmt.Sprint(m.Totals.Rows), fmt.Sprint(p.rows))
	v.figure(at, "what it describes", p.String(), fmt.Sprintf("%s/date=%s/seq=%03d", m.Program, m.PostedOn, m.Seq))
	v.signature(p, m, text)
	if err := v.strangers(p, m); err != nil {
		return err
	}
	want, scales, err := totalsOf(m)
	if err != nil {
		v.add(ProblemManifest, at, err.Error())
		return nil
	}
	f, err := fromLedger(v.ctx, v.db, p.program, p.postedOn, p.seq)
	if err != nil {
		return err
	}
	fig, err := f.figures(v.ctx)
	if err != nil {
		return err
	}
	for _, fault := range fig.totals.Compare(want) {
		v.add(ProblemRows, at, "its control totals are not the ledger's: "+fault)
	}
	for _, format := range formatsOf(m.Files) {
		if err := v.format(p, m, format, f, &fig.totals, scales); err != nil {
			return err
		}
	}
	return nil
}

// strangers finds what lies in a published folder and is not in its manifest.
func (v *verification) strangers(p recorded, m *schemas.Manifest) error {
	known := map[string]bool{schemas.ManifestName: true, signatureName: m.SignedBy != ""}
	for _, f := range m.Files {
		known[f.Name] = true
	}
	entries, err := v.fs.ReadDir(filepath.Join(v.dir, p.folder()))
	for _, e := range entries {
		if !known[e.Name()] {
			v.add(ProblemStranger, p.String()+"/"+e.Name(), "not in the manifest")
		}
	}
	return err
}

// format reads the files of one format beside the ledger's rows, which stand in the same order.
func (v *verification) format(p recorded, m *schemas.Manifest, format Format, f *feed, ledger *pipeline.Totals,
	scales map[string]int,
) error {
	r := &rowComparison{verification: v, check: newChecker(p.program, p.postedOn, scales)}
	next, stop := iter.Pull(func(yield func(*pipeline.Grant) bool) { r.files(p, m, format, yield) })
	defer stop()
	r.next = next
	r.advance()
	if err := f.each(v.ctx, ledger.Rows, r.ledgerRow); err != nil {
		return err
	}
	for r.row != nil {
		r.problem("a grant that the ledger does not have: %s", r.row.GrantID)
		r.advance()
	}
	if n := r.found - maxRowProblems; n > 0 && !r.broken {
		v.add(ProblemRows, r.file, fmt.Sprintf("%d more rows differ from the ledger's", n))
	}
	if !r.broken {
		for _, fault := range ledger.Compare(r.check.sums()) {
			v.add(ProblemRows, p.String(), fmt.Sprintf("the %s files are out of balance with the ledger: %s", format, fault))
		}
	}
	return nil
}

// rowComparison merges the rows of files with those of the ledger.
type rowComparison struct {
	*verification
	check  *checker
	next   func() (*pipeline.Grant, bool)
	row    *pipeline.Grant // of the files; nil at their end
	file   string          // that row stands in
	found  int
	broken bool // a file cannot be read to its end: its rows are not told one by one
}

// files yields the rows of all files of a format and tells what is wrong with each file as a whole.
func (r *rowComparison) files(p recorded, m *schemas.Manifest, format Format, yield func(*pipeline.Grant) bool) {
	for _, want := range m.Files {
		if Format(want.Format) != format {
			continue
		}
		r.file = p.String() + "/" + want.Name
		got, err := inspect(r.fs, filepath.Join(r.dir, p.folder(), want.Name), format, func(g *pipeline.Grant) error {
			r.done()
			if err := r.check.add(g); err != nil {
				return err
			}
			if !yield(g) {
				return errStop
			}
			return nil
		})
		if err != nil {
			r.add(ProblemFile, r.file, "cannot be read: "+err.Error())
			r.broken = true
			continue
		}
		r.broken = r.broken || got.fault != nil
		for _, problem := range got.compare(want) {
			problem.Kind, problem.File = ProblemFile, r.file
			r.problems = append(r.problems, problem)
		}
	}
}

// advance takes the next row of the files, which holds until the one after it.
func (r *rowComparison) advance() {
	if row, ok := r.next(); ok {
		r.row = row
		return
	}
	r.row = nil
}

func (r *rowComparison) problem(format string, args ...any) {
	if r.found++; r.found <= maxRowProblems && !r.broken {
		r.add(ProblemRows, r.file, fmt.Sprintf(format, args...))
	}
}

// ledgerRow holds the next row of the ledger against the next of the files.
func (r *rowComparison) ledgerRow(g *pipeline.Grant) error {
	for r.row != nil && before(r.row, g) {
		r.problem("a grant that the ledger does not have: %s", r.row.GrantID)
		r.advance()
	}
	if r.row == nil || before(g, r.row) {
		r.problem("a grant of the ledger is missing: %s", g.GrantID)
		return nil
	}
	if *r.row != *g {
		r.problem("grant %s: %s", g.GrantID, differing(g, r.row))
	}
	r.advance()
	return nil
}

// before reports whether a stands before b in a grant file.
func before(a, b *pipeline.Grant) bool {
	switch {
	case a.MemberID != b.MemberID:
		return a.MemberID < b.MemberID
	case a.EarnedUS != b.EarnedUS:
		return a.EarnedUS < b.EarnedUS
	}
	return a.GrantID < b.GrantID
}

// differing names the columns in which two grants differ, with both values.
func differing(want, got *pipeline.Grant) string {
	var out []string
	for i := range cells {
		c := &cells[i]
		value := func(g *pipeline.Grant) string {
			if c.absent != nil && c.absent(g) {
				return ""
			}
			return string(c.text(nil, g, pipeline.AmountPlaces))
		}
		if w, g := value(want), value(got); w != g {
			out = append(out, fmt.Sprintf("%s: %q expected, %q found", c.Name, w, g))
		}
	}
	return strings.Join(out, ", ")
}

// orphans finds ledger rows that no publication stands for.
func (v *verification) orphans() error {
	var program, day string
	var seq int
	var rows int64
	return v.db.Each(v.ctx, `SELECT program, CAST(posted_on AS VARCHAR), seq, count(*) FROM ledger l
		WHERE NOT EXISTS (SELECT 1 FROM publications p
			WHERE p.program = l.program AND p.posted_on = l.posted_on AND p.seq = l.seq)
		GROUP BY ALL ORDER BY ALL`, nil, []any{&program, &day, &seq, &rows}, func() error {
		v.add(ProblemRows, fmt.Sprintf("%s/date=%s/seq=%03d", program, day, seq),
			fmt.Sprintf("%d rows of the ledger belong to no publication", rows))
		return nil
	})
}
