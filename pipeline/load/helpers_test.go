package load

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// project is a folder with exports and a warehouse.
type project struct {
	t   testing.TB
	dir string
	db  *warehouse.DB
	o   Options
}

func newProject(t testing.TB) *project {
	t.Helper()
	dir := t.TempDir()
	db, err := warehouse.Open(t.Context(), warehouse.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &project{t: t, dir: dir, db: db, o: Options{
		ExportsDir: filepath.Join(dir, "exports"), Through: pipeline.MaxDate, Currencies: []string{"INR"},
		SpoolDir: filepath.Join(dir, "spool"), MaxRejects: MaxRejects{Count: 1 << 40},
	}}
}

// put writes a file of a delivery; the form follows from the name.
func (p *project) put(date, name, text string) {
	p.t.Helper()
	var buf bytes.Buffer
	switch {
	case strings.HasSuffix(name, ".gz"):
		w := gzip.NewWriter(&buf)
		must(p.t, second(w.Write([]byte(text))))
		must(p.t, w.Close())
	case strings.HasSuffix(name, ".zst"):
		w, err := zstd.NewWriter(&buf)
		must(p.t, err)
		must(p.t, second(w.Write([]byte(text))))
		must(p.t, w.Close())
	default:
		buf.WriteString(text)
	}
	p.putBytes(date, name, buf.Bytes())
}

func (p *project) putBytes(date, name string, b []byte) {
	p.t.Helper()
	dir := filepath.Join(p.o.ExportsDir, "date="+date)
	must(p.t, os.MkdirAll(dir, 0o755))
	must(p.t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
}

// deliver writes a delivery of plain files, `_SUCCESS` included, in place of what was there.
func (p *project) deliver(date string, files map[string]string) {
	p.t.Helper()
	p.remove(date)
	for name, text := range files {
		p.put(date, name, text)
	}
	p.put(date, "_SUCCESS", "")
}

func (p *project) remove(date string) {
	p.t.Helper()
	must(p.t, os.RemoveAll(filepath.Join(p.o.ExportsDir, "date="+date)))
}

func (p *project) load() *Result {
	p.t.Helper()
	res, err := Load(p.t.Context(), p.db, p.o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.addsUp()
	return res
}

// refused loads, expects an error and that the warehouse is as it was, and returns the error with the project's
// folder cut off.
func (p *project) refused() string {
	p.t.Helper()
	before, err := p.db.Digests(p.t.Context())
	must(p.t, err)
	_, err = Load(p.t.Context(), p.db, p.o)
	if err == nil {
		p.t.Fatal("the delivery was loaded, and should be refused")
	}
	after, derr := p.db.Digests(p.t.Context())
	must(p.t, derr)
	if !maps.Equal(before, after) {
		p.t.Errorf("a refused delivery left something in the warehouse")
	}
	if left, err := os.ReadDir(p.o.SpoolDir); err == nil && len(left) > 0 {
		p.t.Errorf("a refused delivery left %d files in the spool folder", len(left))
	}
	return strings.ReplaceAll(err.Error(), p.dir+"/", "")
}

// rows runs a query and returns its rows as text, columns parted by `|`, in order of bytes.
func (p *project) rows(query string) []string {
	p.t.Helper()
	rows, err := p.db.Query(p.t.Context(), query)
	must(p.t, err)
	defer rows.Close()
	cols, err := rows.Columns()
	must(p.t, err)
	var out []string
	for rows.Next() {
		values, dest := make([]any, len(cols)), make([]any, len(cols))
		for i := range values {
			dest[i] = &values[i]
		}
		must(p.t, rows.Scan(dest...))
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	must(p.t, rows.Err())
	slices.Sort(out)
	return out
}

// rejects lists dataset, row and reason of all rejected rows.
func (p *project) rejects() []string {
	p.t.Helper()
	return p.rows("SELECT dataset, row_no, reason FROM rejects")
}

// figures lists read, accepted, duplicate, superseded and rejected rows of each file.
func (p *project) figures() []string {
	p.t.Helper()
	return p.rows(`SELECT strftime(delivery, '%Y-%m-%d') || '/' || name, rows_read, rows_accepted, rows_duplicate, rows_superseded, rows_rejected FROM files`)
}

// addsUp proves P6 for every file: figures add up, and are those of the tables.
func (p *project) addsUp() {
	p.t.Helper()
	for _, row := range p.rows(`SELECT name, rows_read, rows_accepted, rows_duplicate, rows_superseded, rows_rejected FROM files
		WHERE rows_read <> rows_accepted + rows_duplicate + rows_superseded + rows_rejected
			OR least(rows_accepted, rows_duplicate, rows_superseded, rows_rejected) < 0`) {
		p.t.Errorf("figures do not add up: %s", row)
	}
	for _, d := range schemas.Datasets {
		for _, row := range p.rows(fmt.Sprintf(`
			WITH held AS (SELECT file_id, count(*) AS n FROM %[1]s GROUP BY file_id),
			refused AS (SELECT file_id, count(*) AS n FROM rejects GROUP BY file_id),
			old AS (SELECT file_id, count(*) FILTER (state = 'duplicate') AS d, count(*) FILTER (state = 'superseded') AS s
				FROM %[2]s GROUP BY file_id)
			SELECT f.name, f.rows_accepted, h.n, f.rows_rejected, r.n, f.rows_duplicate, o.d, f.rows_superseded, o.s
			FROM files f LEFT JOIN held h USING (file_id) LEFT JOIN refused r USING (file_id) LEFT JOIN old o USING (file_id)
			WHERE f.dataset = '%[1]s' AND (f.rows_accepted <> coalesce(h.n, 0) OR f.rows_rejected <> coalesce(r.n, 0)
				OR f.rows_duplicate < coalesce(o.d, 0) OR f.rows_superseded < coalesce(o.s, 0))`, d.Name, d.HistoryTable())) {
			p.t.Errorf("figures are not those of the tables: %s: %s", d.Name, row)
		}
		for _, row := range p.rows(fmt.Sprintf(`SELECT file_id FROM %s x ANTI JOIN files f ON x.file_id = f.file_id AND x.delivery = f.delivery`, d.Name)) {
			p.t.Errorf("%s holds rows of a file that is not known: %s", d.Name, row)
		}
		for _, table := range []string{d.Name, d.HistoryTable()} {
			for _, row := range p.rows(fmt.Sprintf(`SELECT x.file_id, x.row_no, x.%s FROM %s x WHERE x.file_id IN (SELECT file_id FROM id_ranges)
				AND NOT EXISTS (SELECT 1 FROM id_ranges r WHERE r.file_id = x.file_id AND x.row_no BETWEEN first_row AND last_row AND x.%[1]s BETWEEN low AND high)`,
				d.Keys()[0], table)) {
				p.t.Errorf("%s holds a row that its file's ranges leave out: %s", table, row)
			}
		}
	}
	for _, row := range p.rows("SELECT transaction_id, member_hash FROM transactions WHERE member_hash IS DISTINCT FROM " + warehouse.Hash("member_id")) {
		p.t.Errorf("a hash that is not that of the member: %s", row)
	}
	for _, row := range p.rows("SELECT file_id, first_row FROM id_ranges GROUP BY ALL HAVING count(*) > 1 OR file_id NOT IN (SELECT file_id FROM files)") {
		p.t.Errorf("ranges of ids: %s", row)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }
