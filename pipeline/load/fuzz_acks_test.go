package load

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/schemas"
)

// FuzzAcks: a file of acknowledgements is refused and leaves nothing, or all its rows come into the warehouse as they
// stand there, each among the accepted or among the rejected; and packed it says the same.
func FuzzAcks(f *testing.F) {
	for _, text := range []string{
		"grant_id,status,amount,posted_at,reason\ng/1,posted,12.5000,2026-11-21T02:00:00Z,\n\"g/2,\n\",rejected,,,\"no \"\"one\"\"\"\n",
		"grant_id,status,amount,posted_at\ng/1,done,1,\ng/2,,1,\n,posted,1,\ng/4,posted,,\ng/5,posted,1e3,\ng/6,posted,0.00001,yesterday\ng/8,posted\n",
		"status\n", "", "grant_id,status,amount\n'; DROP TABLE acks; --,posted,1\n",
	} {
		f.Add(false, []byte(text))
	}
	f.Add(true, []byte(`{"grant_id":"g/1","status":"posted","amount":-2.5,"posted_at":"2026-11-21T02:00"}`+"\n[]\n"+`{"grant_id":"g\u0000"}`))
	shared := newProject(f)
	must(f, os.MkdirAll(filepath.Join(shared.dir, "acks"), 0o700))
	f.Fuzz(func(t *testing.T, ndjson bool, text []byte) {
		p := *shared
		p.t = t
		form, name := CSV, "f.csv"
		if ndjson {
			form, name = NDJSON, "f.ndjson"
		}
		plain := p.acknowledged(name, text, form)
		if packed := p.acknowledged(name+".gz", text, form); !slices.Equal(plain, packed) {
			t.Errorf("packed it says something else:\n%s", cmp.Diff(plain, packed))
		}
	})
}

// acknowledged loads one file of acknowledgements and returns its rows in the warehouse.
func (p *project) acknowledged(name string, text []byte, form Form) []string {
	p.t.Helper()
	for _, table := range []string{"acks", "ack_rejects", "ack_files"} {
		must(p.t, second(p.db.Exec(p.t.Context(), "DELETE FROM "+table)))
	}
	p.ack(name, string(text))
	defer func() { must(p.t, os.Remove(filepath.Join(p.dir, "acks", name))) }()
	res, err := Acks(p.t.Context(), p.db, p.ackOptions())
	got := p.rows("SELECT row_no, * EXCLUDE (file_id, row_no) FROM acks")
	if err != nil {
		var fault *FileError
		if left := p.rows("SELECT file_id FROM ack_files UNION ALL SELECT file_id FROM ack_rejects"); !errors.As(err, &fault) || len(got)+len(left) > 0 {
			p.t.Errorf("refused with %v; it left %q and %q", err, got, left)
		}
		return nil
	}
	if len(text) == 0 {
		return got
	}
	want, err := judged(schemas.Acks, form, text)
	if err != nil {
		p.t.Fatalf("loaded, and yet: %v", err)
	}
	rows := slices.DeleteFunc(slices.Clone(want.rows), func(r string) bool { return slices.Contains(schemas.RejectReasons, schemas.RejectReason(r)) })
	slices.Sort(rows)
	if !slices.Equal(rows, got) {
		p.t.Errorf("(-read +in the warehouse)\n%s", cmp.Diff(rows, got))
	}
	rejected := p.rows("SELECT row_no FROM ack_rejects")
	if res.Read != int64(len(got)+len(rejected)) || len(rejected) != want.rejected || res.Rejected != int64(len(rejected)) {
		p.t.Errorf("%+v, and there are %d accepted and %d rejected", res, len(got), len(rejected))
	}
	return got
}
