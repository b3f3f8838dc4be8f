package reconcile

import (
	"errors"
	"fmt"
	"os"

	"accrue/pipeline"
	"accrue/pipeline/columnar"
	"accrue/schemas"
)

// Publication names a published folder.
type Publication struct {
	Program  string
	PostedOn pipeline.Date
	Seq      int
}

// String is its path below the grants folder.
func (p Publication) String() string {
	return fmt.Sprintf("%s/date=%s/seq=%03d", p.Program, p.PostedOn, p.Seq)
}

// fileColumns are the columns of rows read back from grant files.
var fileColumns = []schemas.Column{
	{Name: "program", Type: "VARCHAR"}, {Name: "posted_on", Type: "DATE"}, {Name: "seq", Type: "INTEGER"},
	{Name: "file", Type: "VARCHAR"}, {Name: "row_no", Type: "BIGINT"}, {Name: "grant_id", Type: "VARCHAR"},
	{Name: "member_id", Type: "VARCHAR"}, {Name: "rule", Type: "VARCHAR"}, {Name: "reward", Type: "VARCHAR"},
	{Name: "amount", Type: "BIGINT"}, {Name: "kind", Type: "VARCHAR"}, {Name: "source_type", Type: "VARCHAR"},
	{Name: "source_id", Type: "VARCHAR"}, {Name: "program_version", Type: "INTEGER"}, {Name: "earned_us", Type: "BIGINT"},
	{Name: "earned_on", Type: "DATE"}, {Name: "available_on", Type: "DATE"}, {Name: "expires_on", Type: "DATE"},
	{Name: "reason", Type: "VARCHAR"},
}

// FileRows collects the rows of published files as they stand on the disk, in a file of its own.
type FileRows struct {
	path string
	f    *os.File
	w    *columnar.RowWriter
}

// NewFileRows starts a collection in a new file.
func NewFileRows(path string) (*FileRows, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w, err := columnar.NewRowWriter(f, fileColumns)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &FileRows{path: path, f: f, w: w}, nil
}

// Add takes one row.
func (r *FileRows) Add(p Publication, file string, row int64, g *pipeline.Grant) {
	texts := map[int]string{
		0: p.Program, 3: file, 5: g.GrantID, 6: g.MemberID, 7: g.Rule, 8: g.Reward, 10: g.Kind, 11: g.SourceType, 12: g.SourceID, 18: g.Reason,
	}
	for col, s := range texts {
		r.w.Text(col, []byte(s))
	}
	for col, v := range map[int]int64{
		1: int64(p.PostedOn), 2: int64(p.Seq), 4: row, 9: int64(g.Amount), 13: int64(g.ProgramVersion), 14: g.EarnedUS,
		15: int64(g.EarnedOn), 16: int64(g.AvailableOn),
	} {
		r.w.Int(col, v)
	}
	if g.Expires {
		r.w.Int(17, int64(g.ExpiresOn))
	} else {
		r.w.Null(17)
	}
	r.w.EndRow()
}

// Close ends the file.
func (r *FileRows) Close() error { return errors.Join(r.w.Close(), r.f.Close()) }

// Broken notes a publication whose rows were collected; whole says that they were read to their end.
func (w *Work) Broken(p Publication, whole bool) error {
	w.broken = true
	_, err := w.db.Exec(w.ctx, "INSERT INTO recon.broken VALUES (?, CAST(? AS DATE), ?, ?)", p.Program, p.PostedOn.String(), p.Seq, whole)
	return err
}

// FileBreak adds a break about a published file or folder as a whole.
func (w *Work) FileBreak(p Publication, path, kind, expected, found, what string) error {
	return w.Break(Break{Program: p.Program, Tie: Files, Type: kind, Key: path, Date: p.PostedOn, Expected: expected, Found: found,
		What: what, place: "grants/" + path})
}

// InScope reports whether a publication is looked at.
func (w *Work) InScope(p Publication) bool {
	return (w.scope.Program == "" || w.scope.Program == p.Program) && p.PostedOn >= w.scope.From && p.PostedOn <= min(w.scope.To, w.scope.AsOf)
}

// Files holds the ledger against published files: the collected rows of broken publications grant by grant; all others
// have been found to hold what the ledger does. It leaves the view of what is published, which Acknowledged takes.
// rows is the path of the collected rows, "" where no publication is broken. It returns the publications that have
// breaks of their rows.
func (w *Work) Files(rows string) (map[Publication]bool, error) {
	w.held[Files] = true
	create := "CREATE TABLE recon.file_rows AS SELECT * FROM " + parquet(rows)
	if rows == "" {
		create = "CREATE TABLE recon.file_rows (" + ddl(fileColumns) + ")"
	}
	if err := w.run("the published files", create,
		fmt.Sprintf(`CREATE OR REPLACE TEMP VIEW recon_ledger AS
			SELECT l.*, %s AS grant_id, b.whole FROM ledger l JOIN recon.broken b ON b.program = l.program AND b.posted_on = l.posted_on AND b.seq = l.seq`,
			w.grantID("l.")),
		`CREATE OR REPLACE TEMP VIEW recon_files AS
			SELECT *, row_number() OVER (PARTITION BY program, posted_on, seq, grant_id ORDER BY file, row_no) AS place,
				count(*) OVER (PARTITION BY program, posted_on, seq, grant_id) AS times,
				sum(amount) OVER (PARTITION BY program, posted_on, seq, grant_id) AS total
			FROM recon.file_rows`,
		w.rowBreaks(),
		w.unpublished(),
		w.published(),
		fmt.Sprintf(`INSERT INTO recon.ties
			SELECT coalesce(l.program, p.program), '%s', coalesce(l.reward, p.reward), coalesce(l.n, 0), coalesce(l.total, 0),
				coalesce(p.n, 0), coalesce(p.total, 0)
			FROM (SELECT program, reward, count(*) AS n, sum(amount) AS total FROM ledger l WHERE %s GROUP BY ALL) l
			FULL JOIN (SELECT program, reward, count(*) AS n, sum(amount) AS total FROM %s WHERE %s GROUP BY ALL) p
				ON p.program = l.program AND p.reward = l.reward`, Files, w.inScope("l.posted_on"), w.inFiles(), w.inScope("posted_on"))); err != nil {
		return nil, err
	}
	out := map[Publication]bool{}
	var p Publication
	var days int64
	err := w.db.Each(w.ctx, fmt.Sprintf(`SELECT DISTINCT f.program, f.posted_on - DATE '1970-01-01', f.seq FROM recon.broken f
		JOIN recon.breaks b ON b.tie = '%s' AND b.program = f.program AND b.dated = f.posted_on
			AND starts_with(b.place, concat('grants/', f.program, '/date=', f.posted_on, '/seq=', lpad(CAST(f.seq AS VARCHAR), 3, '0')))`, Files),
		nil, []any{&p.Program, &days, &p.Seq}, func() error {
			p.PostedOn = pipeline.Date(days)
			out[p] = true
			return nil
		})
	return out, err
}

// rowBreaks compares the collected rows with the ledger's, by their grant ids.
func (w *Work) rowBreaks() string {
	differs := ""
	for _, c := range []string{"member_id", "rule", "reward", "kind", "source_type", "source_id", "program_version", "earned_us", "earned_on",
		"available_on", "expires_on", "reason"} {
		differs += fmt.Sprintf(`, CASE WHEN CAST(l.%[1]s AS VARCHAR) IS DISTINCT FROM CAST(f.%[1]s AS VARCHAR)
			THEN concat('%[1]s: ', coalesce(CAST(l.%[1]s AS VARCHAR), ''), ' expected, ', coalesce(CAST(f.%[1]s AS VARCHAR), ''), ' found') END`, c)
	}
	return fmt.Sprintf(`INSERT INTO recon.breaks
			(program, tie, type, key, dated, member_id, rule, reward, source_type, source_id, expected, found, what, place, place_row)
		SELECT program, '%[1]s', type, grant_id, posted_on, member_id, rule, reward, source_type, source_id, %[2]s, %[3]s,
			CASE type WHEN '%[4]s' THEN 'in the ledger, and not in the published file' WHEN '%[5]s' THEN 'in the published file, and not in the ledger'
				WHEN '%[6]s' THEN concat(times, ' times in the published file') ELSE coalesce(nullif(differs, ''), 'the amount differs') END,
			concat('grants/', program, '/date=', posted_on, '/seq=', lpad(CAST(seq AS VARCHAR), 3, '0'), coalesce('/' || name, '')), row_no
		FROM (
			SELECT coalesce(l.program, f.program) AS program, coalesce(l.posted_on, f.posted_on) AS posted_on, coalesce(l.seq, f.seq) AS seq,
				coalesce(l.grant_id, f.grant_id) AS grant_id, coalesce(l.member_id, f.member_id) AS member_id, coalesce(l.rule, f.rule) AS rule,
				coalesce(l.reward, f.reward) AS reward, coalesce(CAST(l.source_type AS VARCHAR), f.source_type) AS source_type,
				coalesce(l.source_id, f.source_id) AS source_id, l.amount AS expected, coalesce(l.whole, TRUE) AS whole,
				CASE WHEN f.times > 1 THEN f.total ELSE f.amount END AS found, f.times, f.row_no, string_split(f.file, '/')[-1] AS name,
				concat_ws('; '%[7]s) AS differs,
				CASE WHEN f.grant_id IS NULL THEN '%[4]s' WHEN l.grant_id IS NULL THEN '%[5]s' WHEN f.times > 1 THEN '%[6]s'
					WHEN l.amount <> f.amount OR concat_ws('; '%[7]s) <> '' THEN '%[8]s' END AS type
			FROM recon_ledger l
			FULL JOIN (SELECT * FROM recon_files WHERE place = 1) f
				ON f.program = l.program AND f.posted_on = l.posted_on AND f.seq = l.seq AND f.grant_id = l.grant_id
		) WHERE type IS NOT NULL AND (type <> '%[4]s' OR whole)`,
		Files, decimal("expected"), decimal("found"), Missing, Extra, Duplicate, differs, Amount)
}

// unpublished names rows of the ledger that no publication stands for.
func (w *Work) unpublished() string {
	if !w.orphans {
		return "SELECT 1"
	}
	return fmt.Sprintf(`INSERT INTO recon.breaks (program, tie, type, key, dated, member_id, rule, reward, source_type, source_id, expected, what)
		SELECT program, '%s', '%s', %s, posted_on, member_id, rule, reward, source_type, source_id, %s, 'in the ledger, and in no publication'
		FROM ledger l WHERE %s AND NOT EXISTS (SELECT 1 FROM publications p
		WHERE p.program = l.program AND p.posted_on = l.posted_on AND p.seq = l.seq)`,
		Files, Missing, w.grantID("l."), decimal("amount"), w.inScope("l.posted_on"))
}

// inFiles is a relation of what stands in the published files, row for row.
func (w *Work) inFiles() string {
	if !w.broken {
		return "recon_published"
	}
	return fmt.Sprintf(`(SELECT l.program, l.posted_on, l.reward, l.amount FROM ledger l WHERE %s
			UNION ALL SELECT program, posted_on, reward, amount FROM recon.file_rows)`, w.unbroken())
}

// unbroken is the condition that a row l of the ledger is of a publication whose files hold what the ledger does.
func (w *Work) unbroken() string {
	out := "TRUE"
	if w.orphans {
		out += " AND EXISTS (SELECT 1 FROM publications p WHERE p.program = l.program AND p.posted_on = l.posted_on AND p.seq = l.seq)"
	}
	if w.broken {
		out += " AND NOT EXISTS (SELECT 1 FROM recon.broken b WHERE b.program = l.program AND b.posted_on = l.posted_on AND b.seq = l.seq)"
	}
	return out
}

// published is the view of what was handed to downstream. The rows of broken publications are those of their files,
// and those that only the ledger has: that they are missing was said, and downstream may have had them all the same.
// spot is the row's place: rowid in the ledger, or -1 less the rowid among the collected rows.
func (w *Work) published() string {
	out := fmt.Sprintf(`CREATE OR REPLACE TEMP VIEW recon_published AS
		SELECT l.program, l.posted_on, l.reward, l.amount, %s AS grant_id, l.rowid AS spot FROM ledger l WHERE %s`, w.grantID("l."), w.unbroken())
	if !w.broken {
		return out
	}
	return out + fmt.Sprintf(`
		UNION ALL
		SELECT program, posted_on, reward, amount, grant_id, -1 - rowid FROM recon.file_rows
		QUALIFY row_number() OVER (PARTITION BY grant_id ORDER BY file, row_no) = 1
		UNION ALL
		SELECT l.program, l.posted_on, l.reward, l.amount, l.grant_id, l.spot FROM (
			SELECT l.*, %s AS grant_id, l.rowid AS spot FROM ledger l
			JOIN recon.broken b ON b.program = l.program AND b.posted_on = l.posted_on AND b.seq = l.seq
		) l WHERE NOT EXISTS (SELECT 1 FROM recon.file_rows f WHERE f.grant_id = l.grant_id)`, w.grantID("l."))
}

func ddl(columns []schemas.Column) string {
	out := ""
	for i, c := range columns {
		if i > 0 {
			out += ", "
		}
		out += c.Name + " " + c.Type
	}
	return out
}
