package reconcile

import (
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// ExportFile is a loaded export file whose rows are held against the facts.
type ExportFile struct {
	ID       int
	Delivery pipeline.Date
	Dataset  string
	Name     string
}

func (f ExportFile) path() string { return "exports/date=" + f.Delivery.String() + "/" + f.Name }

// SuspectFiles finds loaded files whose rows, or whose amounts, are not all accounted for, by the figures that were
// noted when they were loaded. Files with rejected rows or with rows that repeat each other are suspect where the
// amounts of what is left do not give the sum that was read: then only the file itself can tell.
func (w *Work) SuspectFiles() (map[int]bool, error) {
	out := map[int]bool{}
	w.held[Facts] = true
	for _, d := range schemas.Datasets {
		amount := "0"
		_, hasAmounts := d.Field("amount")
		if hasAmounts {
			amount = "amount"
		}
		var id int
		with := fmt.Sprintf(`
			WITH held AS (
				SELECT file_id, count(*) AS n, sum(%[4]s) AS total FROM %[1]s WHERE %[3]s GROUP BY file_id
			), past AS (
				SELECT file_id, count(*) AS n, sum(%[4]s) AS total FROM %[2]s WHERE %[3]s GROUP BY file_id
			), refused AS (SELECT file_id, count(*) AS n FROM rejects WHERE %[3]s GROUP BY file_id)`,
			d.Name, d.HistoryTable(), w.during("delivery"), amount)
		from := fmt.Sprintf(`FROM files f LEFT JOIN held h USING (file_id) LEFT JOIN past p USING (file_id) LEFT JOIN refused r USING (file_id)
			WHERE f.dataset = '%s' AND %s`, d.Name, w.during("delivery"))
		query := with + "\nSELECT f.file_id " + from + ` AND (
				f.rows_read <> f.rows_accepted + f.rows_duplicate + f.rows_superseded + f.rows_rejected
				OR f.rows_accepted <> coalesce(h.n, 0) OR f.rows_rejected <> coalesce(r.n, 0)
				OR f.rows_duplicate + f.rows_superseded < coalesce(p.n, 0)
				OR f.amount_read <> coalesce(h.total, 0) + coalesce(p.total, 0))`
		if err := w.db.Each(w.ctx, query, nil, []any{&id}, func() error {
			out[id] = true
			return nil
		}); err != nil {
			return nil, fmt.Errorf("holding the facts of %s against their files: %w", d.Name, err)
		}
		if err := w.run("the facts of "+d.Name, "INSERT INTO recon.fact_files"+with+fmt.Sprintf(`
			SELECT '%s', f.file_id, %t, f.rows_read, f.amount_read, f.rows_duplicate + f.rows_superseded + f.rows_rejected + coalesce(h.n, 0),
				coalesce(h.total, 0) + coalesce(p.total, 0) `, d.Name, hasAmounts)+from); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FileRows holds the rows of a file, read again into a Parquet file (row_no and the dataset's stored columns), against
// what was kept of it, key by key, and returns how many breaks there are. Rows that the delivery repeats, and rows
// that were rejected, are where they should be.
func (w *Work) FileRows(f ExportFile, rows string) (int64, error) {
	var ds *schemas.Dataset
	for _, d := range schemas.Datasets {
		if d.Name == f.Dataset {
			ds = d
		}
	}
	amount, same := "CAST(NULL AS BIGINT)", "TRUE"
	if _, ok := ds.Field("amount"); ok {
		amount, same = "amount", "list_contains(r.amounts, k.amount)"
	}
	keys := make([]string, len(ds.Keys()))
	for i, k := range ds.Keys() {
		keys[i] = warehouse.Ident(k)
	}
	key := "concat_ws(' ', " + strings.Join(keys, ", ") + ")"
	member := "CAST(NULL AS VARCHAR)"
	if _, ok := ds.Field("member_id"); ok {
		member = "member_id"
	}
	kept := fmt.Sprintf(`SELECT %[1]s AS key, %[2]s AS amount, file_id, row_no FROM %[3]s WHERE delivery = %[5]s
		UNION ALL SELECT %[1]s, %[2]s, file_id, row_no FROM %[4]s WHERE delivery = %[5]s`, key, amount, ds.Name, ds.HistoryTable(), dateSQL(f.Delivery))
	source := "NULL, NULL"
	switch ds {
	case schemas.Transactions, schemas.Items, schemas.Returns:
		source = "'transaction', transaction_id"
	case schemas.Activities:
		source = "'activity', activity_id"
	}
	before, err := w.count("recon.breaks")
	if err != nil {
		return 0, err
	}
	err = w.run("the rows of "+f.path(),
		"CREATE OR REPLACE TEMP TABLE recon_kept AS "+kept,
		fmt.Sprintf("CREATE OR REPLACE TEMP TABLE recon_read AS SELECT %s AS key, %s AS amount, %s AS member_id, %s, row_no FROM %s",
			key, amount, member, named(source), parquet(rows)),
		fmt.Sprintf(`INSERT INTO recon.breaks (program, tie, type, key, dated, member_id, source_type, source_id, expected, found, what, place, place_row)
			SELECT '', '%s', '%s', concat('%s ', r.key), %s, r.member_id, r.source_type, r.source_id,
				coalesce(%s, '1'), NULL, 'a row of the file is not among the facts', %s, r.row_no
			FROM recon_read r
			WHERE NOT EXISTS (SELECT 1 FROM recon_kept k WHERE k.key = r.key)
				AND r.row_no NOT IN (SELECT row_no FROM rejects WHERE file_id = %d)
			QUALIFY row_number() OVER (PARTITION BY r.key ORDER BY r.row_no) = 1`,
			Facts, Missing, ds.Name, dateSQL(f.Delivery), decimal("r.amount"), warehouse.Literal(f.path()), f.ID),
		fmt.Sprintf(`INSERT INTO recon.breaks (program, tie, type, key, dated, expected, found, what, place, place_row)
			SELECT '', '%s', CASE WHEN r.key IS NULL THEN '%s' ELSE '%s' END, concat('%s ', k.key), %s,
				CASE WHEN r.key IS NOT NULL THEN %s END, coalesce(%s, '1'),
				CASE WHEN r.key IS NULL THEN 'a row among the facts is not in the file' ELSE 'the amount is not that of the file' END,
				%s, coalesce(r.row_no, k.row_no)
			FROM (SELECT * FROM recon_kept WHERE file_id = %d) k
			LEFT JOIN (SELECT key, list(amount) AS amounts, max(amount) AS amount, min(row_no) AS row_no FROM recon_read GROUP BY key) r
				ON r.key = k.key
			WHERE r.key IS NULL OR NOT (%s)`,
			Facts, Extra, Amount, ds.Name, dateSQL(f.Delivery), decimal("r.amount"), decimal("k.amount"),
			warehouse.Literal(f.path()), f.ID, same),
		w.readAgain(f),
		"DROP TABLE recon_read", "DROP TABLE recon_kept")
	if err != nil {
		return 0, err
	}
	after, err := w.count("recon.breaks")
	return after - before, err
}

// readAgain puts right the figures of a file that was read row by row: its side is what stands in it now, and the facts'
// side differs from it by the breaks.
func (w *Work) readAgain(f ExportFile) string {
	total := func(column string) string {
		return "coalesce(sum(CAST(CAST(" + column + " AS DECIMAL(30, 4)) * 10000 AS HUGEINT)), 0)"
	}
	return fmt.Sprintf(`UPDATE recon.fact_files AS f SET left_rows = f.right_rows + b.missing - b.extra, left_amount = r.total,
			right_amount = r.total + b.found - b.expected
		FROM (SELECT CAST(coalesce(sum(amount), 0) AS HUGEINT) AS total FROM recon_read
				WHERE row_no NOT IN (SELECT row_no FROM rejects WHERE file_id = %[1]d)) r,
			(SELECT count(*) FILTER (WHERE type = '%[2]s') AS missing, count(*) FILTER (WHERE type = '%[3]s') AS extra, %[4]s AS expected, %[5]s AS found
				FROM recon.breaks WHERE tie = '%[6]s' AND place = %[7]s) b
		WHERE f.file_id = %[1]d`, f.ID, Missing, Extra, total("expected"), total("found"), Facts, warehouse.Literal(f.path()))
}

func named(source string) string {
	parts := strings.Split(source, ", ")
	return "CAST(" + parts[0] + " AS VARCHAR) AS source_type, CAST(" + parts[1] + " AS VARCHAR) AS source_id"
}

func (w *Work) count(table string) (n int64, err error) {
	err = w.db.QueryRow(w.ctx, "SELECT count(*) FROM "+table).Scan(&n)
	return n, err
}

// ExportBreak adds a break about an export file as a whole.
func (w *Work) ExportBreak(f ExportFile, kind, expected, found, what string) error {
	if kind == Extra { // the delivery has none of its rows any more
		if err := w.run(f.path(), fmt.Sprintf("UPDATE recon.fact_files SET left_rows = 0, left_amount = 0 WHERE file_id = %d", f.ID)); err != nil {
			return err
		}
	}
	return w.Break(Break{Tie: Facts, Type: kind, Key: f.path(), Date: f.Delivery, Expected: expected, Found: found, What: what, place: f.path()})
}
