package emit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/columnar"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Publication is a manifest as it stands beside its files.
type Publication struct {
	Manifest *schemas.Manifest
	Text     []byte
	SHA256   string // of Text, hex

	place place
}

// ReadManifests returns the manifests of everything published below the grants folder, by program in the order of their
// chain. A chain that does not hold together is an error: what was published was changed, or is not all there.
func ReadManifests(grantsDir string) ([]Publication, error) {
	disk, err := look(osFS{}, grantsDir)
	if err != nil {
		return nil, err
	}
	byProgram := map[string][]Publication{}
	var programs []string
	var faults []string
	for _, at := range sortedPlaces(disk.published) {
		p, err := readManifest(grantsDir, at)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", at, err))
			continue
		}
		if byProgram[at.program] == nil {
			programs = append(programs, at.program)
		}
		byProgram[at.program] = append(byProgram[at.program], *p)
	}
	var out []Publication
	for _, id := range programs {
		chain, err := chained(byProgram[id])
		if err != nil {
			faults = append(faults, fmt.Sprintf("program %s: %v", id, err))
		}
		out = append(out, chain...)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w under %s:\n%s", errAltered, grantsDir, strings.Join(faults, "\n"))
	}
	return out, nil
}

func readManifest(grantsDir string, at place) (*Publication, error) {
	text, err := readFile(osFS{}, filepath.Join(grantsDir, at.folder(), schemas.ManifestName))
	if err != nil {
		return nil, fmt.Errorf("its manifest cannot be read: %w", err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, err
	}
	if m.Program != at.program || m.PostedOn != at.postedOn.String() || m.Seq != at.seq {
		return nil, fmt.Errorf("its manifest is of %s/date=%s/seq=%03d", m.Program, m.PostedOn, m.Seq)
	}
	return &Publication{Manifest: m, Text: text, SHA256: digestOf(text), place: at}, nil
}

// chained puts the manifests of a program in the order in which they were published.
func chained(list []Publication) ([]Publication, error) {
	after := map[string]Publication{}
	for _, p := range list {
		if other, ok := after[p.Manifest.Previous]; ok {
			return nil, fmt.Errorf("%s and %s both follow the same manifest", other.place, p.place)
		}
		after[p.Manifest.Previous] = p
	}
	var out []Publication
	for sha := ""; len(out) < len(list); sha = out[len(out)-1].SHA256 {
		next, ok := after[sha]
		if !ok {
			return nil, fmt.Errorf("%d of %d manifests follow each other; after %s there is none", len(out), len(list), endOf(out))
		}
		out = append(out, next)
	}
	return out, nil
}

func endOf(chain []Publication) string {
	if len(chain) == 0 {
		return "the beginning"
	}
	return chain[len(chain)-1].place.String()
}

// ledgerColumns are those of the ledger, in order, as they go through a file.
var ledgerColumns = []schemas.Column{
	{Name: "program", Type: "VARCHAR"}, {Name: "program_version", Type: "INTEGER"}, {Name: "member_id", Type: "VARCHAR"},
	{Name: "rule", Type: "VARCHAR"}, {Name: "reward", Type: "VARCHAR"}, {Name: "amount", Type: "BIGINT"},
	{Name: "kind", Type: "VARCHAR"}, {Name: "source_type", Type: "VARCHAR"}, {Name: "source_id", Type: "VARCHAR"},
	{Name: "n", Type: "INTEGER"}, {Name: "earned_us", Type: "BIGINT"}, {Name: "earned_on", Type: "DATE"},
	{Name: "posted_on", Type: "DATE"}, {Name: "available_on", Type: "DATE"}, {Name: "expires_on", Type: "DATE"},
	{Name: "reason", Type: "VARCHAR"}, {Name: "seq", Type: "INTEGER"},
}

// Restore fills the ledger and the publications of an empty warehouse from what was published, and the closings from
// their files. Every file is read whole and held against its manifest: one that is not as it was published is an error.
// spool is a file to use on the way. It belongs into a transaction.
func Restore(ctx context.Context, db *warehouse.DB, grantsDir, spool string, all []Publication, progress func(string)) (err error) {
	f, err := os.Create(spool)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(spool)) }()
	rows, err := columnar.NewRowWriter(f, ledgerColumns)
	if err != nil {
		return err
	}
	for i, p := range all {
		progress(fmt.Sprintf("reading what was published: %d of %d", i+1, len(all)))
		if err := errors.Join(p.restore(ctx, db, grantsDir, rows)); err != nil {
			return errors.Join(fmt.Errorf("reading %s: %w", p.place, err), rows.Close())
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "INSERT INTO ledger SELECT *, "+warehouse.Hash("source_id")+", "+warehouse.Hash("member_id")+
		" FROM read_parquet("+warehouse.Literal(spool)+")"); err != nil {
		return fmt.Errorf("filling the ledger: %w", err)
	}
	closings, err := ReadClosings(grantsDir)
	if err != nil {
		return err
	}
	for _, c := range closings {
		at, err := time.Parse(time.RFC3339Nano, c.At)
		if err != nil {
			return err
		}
		var through any
		if c.ClosedThrough != "" {
			through = c.ClosedThrough
		}
		if _, err := db.Exec(ctx, "INSERT INTO closings VALUES (?, ?, ?, CAST(? AS DATE), ?)", c.Program, c.N, c.Act, through, at); err != nil {
			return fmt.Errorf("filling the closings: %w", err)
		}
	}
	return nil
}

// restore reads the files of a publication, adds the rows of the first format, and notes the publication.
func (p *Publication) restore(ctx context.Context, db *warehouse.DB, grantsDir string, rows *columnar.RowWriter) error {
	want, scales, err := totalsOf(p.Manifest)
	if err != nil {
		return err
	}
	formats := formatsOf(p.Manifest.Files)
	for i, format := range formats {
		check := newChecker(p.place.program, p.place.postedOn, scales)
		for _, f := range p.Manifest.Files {
			if Format(f.Format) != format {
				continue
			}
			got, err := inspect(osFS{}, filepath.Join(grantsDir, p.place.folder(), f.Name), format, func(g *pipeline.Grant) error {
				if err := check.add(g); err != nil || i > 0 {
					return err
				}
				return p.row(rows, g)
			})
			if err != nil {
				return err
			}
			if problems := got.compare(f); len(problems) > 0 {
				return fmt.Errorf("%w: %s", errAltered, problems[0])
			}
		}
		if faults := want.Compare(check.sums()); len(faults) > 0 {
			return fmt.Errorf("the %s files are out of balance with the manifest: %s", format, faults[0])
		}
	}
	_, err = db.Exec(ctx, "INSERT INTO publications VALUES (?, CAST(? AS DATE), ?, ?, 'published', ?, ?, ?)",
		p.place.program, p.place.postedOn.String(), p.place.seq, p.Manifest.Run, p.Manifest.Totals.Rows, p.SHA256, string(p.Text))
	return err
}

// row adds a grant as a row of the ledger.
func (p *Publication) row(rows *columnar.RowWriter, g *pipeline.Grant) error {
	n, err := strconv.Atoi(g.GrantID[strings.LastIndexByte(g.GrantID, '/')+1:])
	if err != nil {
		return err
	}
	texts := map[string]string{
		"program": g.Program, "member_id": g.MemberID, "rule": g.Rule, "reward": g.Reward, "kind": g.Kind,
		"source_type": g.SourceType, "source_id": g.SourceID, "reason": g.Reason,
	}
	numbers := map[string]int64{
		"program_version": int64(g.ProgramVersion), "amount": int64(g.Amount), "n": int64(n), "earned_us": g.EarnedUS,
		"earned_on": int64(g.EarnedOn), "posted_on": int64(g.PostedOn), "available_on": int64(g.AvailableOn),
		"expires_on": int64(g.ExpiresOn), "seq": int64(p.place.seq),
	}
	for i, c := range ledgerColumns {
		switch text, isText := texts[c.Name]; {
		case isText:
			rows.Text(i, []byte(text))
		case c.Name == "expires_on" && !g.Expires:
			rows.Null(i)
		default:
			rows.Int(i, numbers[c.Name])
		}
	}
	rows.EndRow()
	return nil
}

// HasPublished reports whether anything was ever published below the grants folder.
func HasPublished(grantsDir string) (bool, error) {
	disk, err := look(osFS{}, grantsDir)
	if err != nil {
		return false, err
	}
	closings, err := lookClosings(osFS{}, grantsDir)
	return len(disk.published) > 0 || len(closings) > 0, err
}

// Last returns the newest manifest of each program of a list in the order of ReadManifests.
func Last(all []Publication) []Publication {
	var out []Publication
	for _, p := range all {
		if n := len(out); n > 0 && out[n-1].place.program == p.place.program {
			out = out[:n-1]
		}
		out = append(out, p)
	}
	return slices.Clip(out)
}
