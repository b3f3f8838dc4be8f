package jobs

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"accrue/pipeline/evaluate"
	"accrue/pipeline/generate"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// P6: rows read = accepted + duplicate + superseded + rejected for every file and load, entitlements = the ledger's
// sums, and the ledger = the published files, as another reader sees them.
func TestP6NothingIsLost(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	o := generate.Defaults()
	o.Dir, o.From, o.Days, o.Transactions = p.ExportsDir(), day(t, "2026-11-22"), 2, 400
	if _, err := generate.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	// A delivery with every fate a row can have: repeated, corrected, conflicting and broken.
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-24", "transactions.csv"),
		"transaction_id,member_id,occurred_at,amount,updated_at\n"+
			"TX-1001,anita,2026-11-20T10:05,100.00,\n"+ // corrects the first night's row: superseded there
			"N-1,anita,2026-11-24T10:00,100,\nN-1,anita,2026-11-24T10:00,100.00,\n"+ // says the same twice
			"N-2,anita,2026-11-24T11:00,100,\nN-2,anita,2026-11-24T11:00,200,\n"+ // which one?
			"N-3,bela,2026-11-24T12:00,300,2026-11-24T13:00\nN-3,bela,2026-11-24T12:00,400,2026-11-24T12:30\n"+ // the newer one
			"N-4,bela,2026-02-30T12:00,1\nN-5,bela,2026-11-24T12:00,1e2,\n")
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-24", "items.csv"),
		"transaction_id,line_no,item_id,amount\nnot-yet,1,MO-SPA,5\n")
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-24", "_SUCCESS"), "")
	write(t, filepath.Join(p.Dir, SettingsName), "max_rejects: 50 %\ngrants: {formats: [csv, ndjson], max_rows_per_file: 17}\n")
	p = open(t, p.Dir)

	var s *Summary
	for _, date := range []string{"2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"} {
		s = run(t, p, date)
		for _, d := range s.Datasets {
			if d.Read != d.Accepted+d.Duplicate+d.Superseded+d.Rejected {
				t.Errorf("%s: %s: %+v does not add up", date, d.Dataset, d)
			}
		}
	}
	want := []DatasetSummary{
		{Dataset: "transactions", Read: 9, Accepted: 3, Duplicate: 1, Superseded: 1, Rejected: 4},
		{Dataset: "items", Read: 1, Accepted: 1, Waiting: 1},
	}
	if diff := cmp.Diff(want, s.Datasets); diff != "" {
		t.Errorf("the last delivery (-want +got):\n%s", diff)
	}
	read(t, p, func(db *warehouse.DB) {
		rowsAddUp(t, db)
		entitlementsAreTheLedger(t, p, db)
		filesAreTheLedger(t, p, db)
	})
	noFindings(t, p)
}

// rowsAddUp holds the figures of the files against the rows in the tables, whatever the files say of themselves.
func rowsAddUp(t *testing.T, db *warehouse.DB) {
	t.Helper()
	if n := number(t, db, `SELECT count(*) FROM files
		WHERE rows_read <> rows_accepted + rows_duplicate + rows_superseded + rows_rejected`); n != 0 {
		t.Errorf("the figures of %d files do not add up", n)
	}
	for _, d := range schemas.Datasets {
		for what, query := range map[string]string{
			"accepted": "SELECT count(*) FROM " + d.Name, "rejected": "SELECT count(*) FROM rejects WHERE dataset = '" + d.Name + "'",
		} {
			figure := number(t, db, "SELECT CAST(coalesce(sum(rows_"+what+"), 0) AS BIGINT) FROM files WHERE dataset = '"+d.Name+"'")
			if n := number(t, db, query); n != figure {
				t.Errorf("%s: %d rows %s by the files' figures, %d in the tables", d.Name, figure, what, n)
			}
		}
	}
}

// entitlementsAreTheLedger evaluates anew and compares with the ledger by every grant's source, rule and member.
func entitlementsAreTheLedger(t *testing.T, p *Project, db *warehouse.DB) {
	t.Helper()
	families, err := p.Programs()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evaluate.Run(t.Context(), db, families[0], day(t, "2026-11-24"), evaluate.Options{}); err != nil {
		t.Fatal(err)
	}
	if n := number(t, db, "SELECT count(*) FROM entitlements"); n < 300 {
		t.Errorf("only %d entitlements", n)
	}
	if n := number(t, db, `WITH owed AS (
			SELECT r.rule, m.member_id, w.reward, CAST(e.source_type AS VARCHAR) AS source_type, e.source_id, e.amount
			FROM entitlements e JOIN eval_rules r ON r.rule_no = e.rule_no JOIN eval_members m ON m.member_no = e.member_no
			JOIN eval_rewards w ON w.reward_no = e.reward_no),
		posted AS (SELECT rule, member_id, reward, CAST(source_type AS VARCHAR) AS source_type, source_id, amount FROM ledger)
		SELECT count(*) FROM (SELECT sum(amount) AS difference FROM (
			SELECT * FROM owed UNION ALL SELECT rule, member_id, reward, source_type, source_id, -amount FROM posted)
			GROUP BY rule, member_id, reward, source_type, source_id HAVING sum(amount) <> 0)`); n != 0 {
		t.Errorf("%d sources are owed something else than the ledger says", n)
	}
}

// filesAreTheLedger reads the published CSV files and compares with the ledger, row by row.
func filesAreTheLedger(t *testing.T, p *Project, db *warehouse.DB) {
	t.Helper()
	type row struct{ Posted, Reward, Amount string }
	files := map[string]row{}
	paths, err := filepath.Glob(filepath.Join(p.grantsDir(), "*", "date=*", "seq=*", "grants*.csv"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d files published (%v), want several parts for each night", len(paths), err)
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if len(records) > 18 {
			t.Errorf("%s holds %d rows, want 17 at most", path, len(records)-1)
		}
		for _, rec := range records[1:] {
			if _, twice := files[rec[0]]; twice {
				t.Errorf("%s is published twice", rec[0])
			}
			files[rec[0]] = row{rec[12], rec[5], decimal.RequireFromString(rec[6]).String()}
		}
	}
	posted := map[string]row{}
	r := &Reader{Project: p, db: db}
	if err := r.Grants(t.Context(), GrantFilter{}, func(g Grant) error {
		posted[g.GrantID] = row{g.PostedOn, g.Reward, g.Value.String()}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(posted, files); diff != "" {
		t.Errorf("ledger and files (-ledger +files):\n%s", diff)
	}
}
