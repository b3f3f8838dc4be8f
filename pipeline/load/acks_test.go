package load

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func (p *project) ackOptions() AckOptions {
	return AckOptions{Dir: filepath.Join(p.dir, "acks"), SpoolDir: p.o.SpoolDir, RejectsDir: filepath.Join(p.dir, "rejects"),
		MaxRejects: p.o.MaxRejects}
}

// ack writes a file of acknowledgements; the form follows from the name.
func (p *project) ack(name, text string) {
	p.t.Helper()
	p.put("2026-01-01", name, text)
	must(p.t, os.MkdirAll(filepath.Join(p.dir, "acks"), 0o755))
	must(p.t, os.Rename(filepath.Join(p.o.ExportsDir, "date=2026-01-01", name), filepath.Join(p.dir, "acks", name)))
}

func (p *project) acks() *AckResult {
	p.t.Helper()
	res, err := Acks(p.t.Context(), p.db, p.ackOptions())
	if err != nil {
		p.t.Fatal(err)
	}
	return res
}

func (p *project) ackRows() []string {
	return p.rows(`SELECT f.name, a.row_no, a.grant_id, a.status, a.amount, a.posted_wall // 86400000000, a.reason
		FROM acks a JOIN ack_files f USING (file_id)`)
}

func wantRows(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The three forms, packed and not, say the same; a folder that is not there holds nothing.
func TestAcksOfAllForms(t *testing.T) {
	p := newProject(t)
	if res := p.acks(); res.Files != 0 || res.Unchanged != 0 {
		t.Errorf("without a folder %+v", res)
	}
	p.ack("a.csv", "status,grant_id,amount,posted_at,reason\nposted,p/base/transaction/001/1,12.5000,2026-11-21T02:00:00Z,\n")
	p.ack("b.ndjson.gz", `{"grant_id":"p/base/transaction/001/2","status":"posted","amount":-2.5,"posted_at":"2026-11-21T02:00"}`+"\n")
	p.ack("c.csv.zst", "grant_id,status,amount,reason\np/base/transaction/2/1,rejected,,unknown member\n")
	if res := p.acks(); res.Files != 3 || res.Read != 3 || res.Rejected != 0 || len(res.Warnings) != 0 {
		t.Errorf("%+v", res)
	}
	wantRows(t, p.ackRows(),
		"a.csv|1|p/base/transaction/001/1|posted|125000|20778|<nil>",
		"b.ndjson.gz|1|p/base/transaction/001/2|posted|-25000|20778|<nil>",
		"c.csv.zst|1|p/base/transaction/2/1|rejected|<nil>|<nil>|unknown member")
	// Parquet: written by DuckDB, with a native decimal.
	must(t, second(p.db.Exec(t.Context(), "COPY (SELECT 'p/r/activity/9/1' AS grant_id, 'posted' AS status, "+
		"CAST(7.25 AS DECIMAL(10, 2)) AS amount) TO '"+filepath.Join(p.dir, "acks", "d.parquet")+"' (FORMAT parquet)")))
	if res := p.acks(); res.Files != 1 || res.Unchanged != 3 {
		t.Errorf("%+v", res)
	}
	wantRows(t, p.ackRows()[3:], "d.parquet|1|p/r/activity/9/1|posted|72500|<nil>|<nil>")
}

func TestAcksThatChangedAreLoadedAnew(t *testing.T) {
	p := newProject(t)
	p.ack("a.csv", "grant_id,status,amount\ng/1,posted,1\ng/2,posted,2\n")
	p.ack("b.csv", "grant_id,status,amount\ng/3,posted,3\n")
	p.acks()
	p.ack("a.csv", "grant_id,status,amount\ng/2,posted,5\n")
	if res := p.acks(); res.Files != 1 || res.Unchanged != 1 {
		t.Errorf("%+v", res)
	}
	wantRows(t, p.rows("SELECT grant_id, amount FROM acks"), "g/2|50000", "g/3|30000")
	wantRows(t, p.rows("SELECT name, rows_read, rows_accepted FROM ack_files"), "a.csv|1|1", "b.csv|1|1")
	// A file that has gone says what it said; one that was only touched is not read in again.
	must(t, os.Remove(filepath.Join(p.dir, "acks", "b.csv")))
	p.ack("a.csv", "grant_id,status,amount\ng/2,posted,5\n")
	if res := p.acks(); res.Files != 0 || res.Unchanged != 1 || len(res.Warnings) != 1 {
		t.Errorf("%+v", res)
	}
	wantRows(t, p.rows("SELECT grant_id FROM acks"), "g/2", "g/3")
}

func TestAcksAreChecked(t *testing.T) {
	p := newProject(t)
	p.ack("a.csv", "grant_id,status,amount,posted_at\ng/1,done,1,\ng/2,,1,\n,posted,1,\ng/4,posted,,\ng/5,posted,1e3,\n"+
		"g/6,posted,0.00001,\ng/7,posted,1,yesterday\ng/8,posted\ng/9,posted,9,\n")
	res := p.acks()
	if res.Read != 9 || res.Rejected != 8 || len(res.RejectsFiles) != 1 {
		t.Errorf("%+v", res)
	}
	wantRows(t, p.rows("SELECT row_no, reason, detail FROM ack_rejects"), "1|bad_status|status=done", "2|bad_status|status=",
		"3|missing_key|grant_id=", "4|bad_number|amount=", "5|bad_number|amount=1e3", "6|too_many_places|amount=0.00001",
		"7|bad_timestamp|posted_at=yesterday", "8|bad_row|2 fields, the header has 4")
	wantRows(t, p.rows("SELECT grant_id FROM acks"), "g/9")
	text, err := os.ReadFile(filepath.Join(p.dir, "rejects", "acks", "a.csv", "rejects.csv"))
	must(t, err)
	if !strings.Contains(string(text), "1,bad_status,status=done,\"g/1,done,1,\"\n") {
		t.Errorf("%s", text)
	}
}

// One file that is refused keeps none of the others away, and leaves what it said before.
func TestAcksThatAreRefused(t *testing.T) {
	p := newProject(t)
	p.o.MaxRejects = MaxRejects{Count: 0}
	p.ack("a.csv", "grant_id,status,amount\ng/1,posted,1\n")
	p.acks()
	p.ack("a.csv", "grant_id,status,amount\ng/1,odd,1\ng/2,posted,3\n")
	p.ack("b.csv", "grant_id,amount\ng/1,1\n")
	p.ack("c.csv", "grant_id,status,amount\ng/3,posted,1\n")
	_, err := Acks(t.Context(), p.db, p.ackOptions())
	var rejects *RejectsError
	var file *FileError
	if !errors.As(err, &rejects) || !errors.As(err, &file) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"1 of 2 rows of acknowledgements in a.csv rejected (bad_status 1); the limit is 0",
		"b.csv:1: the required column of acks is missing: status; found: grant_id, amount"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say: %s", err, want)
		}
	}
	wantRows(t, p.rows("SELECT grant_id, status FROM acks"), "g/1|posted", "g/3|posted")
}
