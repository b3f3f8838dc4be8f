package emit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type killed struct{ step string }

// untilKilled takes a difference all the way, and is killed at a step.
func (s *shop) untilKilled(step string, rows ...row) {
	s.t.Helper()
	s.differ(rows...)
	s.req.Step = func(name string) {
		if name == step {
			panic(killed{step})
		}
	}
	defer func() { s.req.Step = nil }()
	ctx := context.Background()
	var staged *Staged
	begin := func() (err error) {
		if s.req.Previous, err = LastManifest(ctx, s.db, "p"); err != nil {
			return err
		}
		s.exec("BEGIN TRANSACTION")
		s.exec("INSERT INTO ledger BY NAME SELECT * EXCLUDE (member_no) FROM difference")
		if staged, err = Stage(ctx, s.db, s.req); err != nil {
			return err
		}
		if err := staged.Record(ctx, s.db); err != nil {
			return err
		}
		s.exec("COMMIT")
		return staged.Publish(ctx, s.db)
	}
	defer func() {
		if r := recover(); r != (killed{step}) {
			s.t.Fatalf("killed at %q, want %q", r, step)
		}
		if strings.HasPrefix(step, "emit.") {
			s.exec("ROLLBACK") // as opening the warehouse again does
		}
	}()
	s.t.Fatal(begin())
}

// P7: killed at any step and started again, the same files stand there and the same publications are known.
func TestP7KilledAtEveryStep(t *testing.T) {
	ctx := context.Background()
	whole := newShop(t)
	whole.req.Formats, whole.req.MaxRowsPerFile = Formats, 2
	whole.publish(someRows()...)
	want := whole.files()
	for _, step := range Steps {
		s := newShop(t)
		s.req.Formats, s.req.MaxRowsPerFile = Formats, 2
		s.untilKilled(step, someRows()...)
		r, err := Recover(ctx, s.db, s.grants, Options{})
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		const at = "p/date=2026-11-20/seq=001"
		wantDone := &Recovered{}
		switch step {
		case "emit.write": // nothing was there yet
		case "emit.sync", "emit.readback":
			wantDone.Wiped = []string{"p/date=2026-11-20/.seq=001.staging"}
		case "publish.rename":
			wantDone.Renamed = []string{at}
		default:
			wantDone.Marked = []string{at}
		}
		if d := cmp.Diff(wantDone, r); d != "" {
			t.Errorf("%s: %s", step, d)
		}
		if strings.HasPrefix(step, "emit.") {
			s.publish(someRows()...)
		}
		if d := cmp.Diff(want, s.files()); d != "" {
			t.Errorf("%s: other files:\n%s", step, d)
		}
		if got := s.state(); got != at+" published" {
			t.Errorf("%s: publications %q", step, got)
		}
		if r, err := Recover(ctx, s.db, s.grants, Options{}); err != nil || !cmp.Equal(r, &Recovered{}) {
			t.Errorf("%s: a second recovery does %+v, %v", step, r, err)
		}
	}
}

// What was committed and is not on the disk any more, or not whole, is written anew from the ledger, to the byte.
func TestRecoverRewrites(t *testing.T) {
	ctx := context.Background()
	for name, spoil := range map[string]func(hidden string) error{
		"no folder":      os.RemoveAll,
		"no grants":      func(h string) error { return os.RemoveAll(filepath.Dir(filepath.Dir(filepath.Dir(h)))) },
		"a file missing": func(h string) error { return os.Remove(filepath.Join(h, "grants-0002.parquet")) },
		"a file cut":     func(h string) error { return os.Truncate(filepath.Join(h, "grants-0001.csv"), 100) },
		"no manifest":    func(h string) error { return os.Remove(filepath.Join(h, "manifest.json")) },
		"a byte flipped": func(h string) error {
			path := filepath.Join(h, "grants-0002.arrow")
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 4
			return os.WriteFile(path, b, 0o600)
		},
	} {
		s := newShop(t)
		s.req.Formats, s.req.MaxRowsPerFile = Formats, 2
		s.publish(someRows()...)
		first := s.files()
		s.req.Seq = 2
		s.untilKilled("publish.rename", row{member: "m9", rule: "base", source: "t1", amount: 1_2500, reward: "cashback"}, row{member: "m1", rule: "base", source: "t7", amount: 10_000}, row{member: "m3", rule: "base", source: "t8", amount: 10_000})
		hidden := filepath.Join(s.grants, "p/date=2026-11-20/.seq=002.staging")
		want := map[string]string{}
		for path, text := range s.files() {
			want[strings.Replace(path, ".seq=002.staging", "seq=002", 1)] = text
		}
		if len(want) <= len(first) {
			t.Fatal("nothing was staged")
		}
		if err := spoil(hidden); err != nil {
			t.Fatal(err)
		}
		if name == "no grants" {
			for path, text := range first { // the published ones are somebody's to put back
				if err := os.MkdirAll(filepath.Dir(filepath.Join(s.grants, path)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(s.grants, path), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		r, err := Recover(ctx, s.db, s.grants, Options{})
		if err != nil || len(r.Rewritten) != 1 || r.Rewritten[0] != "p/date=2026-11-20/seq=002" {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		if d := cmp.Diff(want, s.files()); d != "" {
			t.Errorf("%s: other files:\n%s", name, d)
		}
	}
}

// A ledger that does not give the published bytes is not published in their name.
func TestRecoverRefusesAnotherLedger(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]string{
		"other amounts": "UPDATE ledger SET amount = amount + 10000 WHERE source_id = 't9'",
		"other dates":   "UPDATE ledger SET available_on = available_on + 1",
		"a row less":    "DELETE FROM ledger WHERE source_id = 't9'",
		"a row more":    "INSERT INTO ledger SELECT * REPLACE ('t99' AS source_id) FROM ledger WHERE source_id = 't9'",
	} {
		s := newShop(t)
		s.untilKilled("publish.rename", someRows()...)
		if err := os.RemoveAll(s.grants); err != nil {
			t.Fatal(err)
		}
		s.exec(change)
		_, err := Recover(ctx, s.db, s.grants, Options{})
		if err == nil || !strings.Contains(err.Error(), "bringing p/date=2026-11-20/seq=001, which is committed, to its place") {
			t.Errorf("%s: got %v", name, err)
		}
		if len(s.files()) > 0 || s.state() != "p/date=2026-11-20/seq=001 committed" {
			t.Errorf("%s: files %v, publications %q", name, s.files(), s.state())
		}
	}
}

func TestRecoverNamesWhatIsNotAsPublished(t *testing.T) {
	ctx := context.Background()
	s := newShop(t)
	first := s.publish(someRows()...)
	s.req.Seq = 2
	s.publish(row{member: "m1", rule: "base", source: "t7", amount: 10_000})
	s.req.Seq, s.req.PostedOn = 1, mustDate("2026-11-21")
	s.publish()
	manifest := filepath.Join(s.grants, folder, "manifest.json")
	if err := os.WriteFile(manifest, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.grants, "p/date=2026-11-20/seq=002")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"p/date=2026-11-22/seq=001", "q/date=2026-11-20/seq=001", "p/date=2026-11-20/.seq=009.staging/x",
		"p/notes", "p/date=2026-11-20/seq=1", "p/date=x/seq=001"} {
		if err := os.MkdirAll(filepath.Join(s.grants, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Recover(ctx, s.db, s.grants, Options{})
	want := fmt.Sprintf(`published files were changed under %s:
p/date=2026-11-20/seq=001: its manifest was published with SHA-256 %s and has %s
p/date=2026-11-20/seq=002: published, and not there any more
p/date=2026-11-22/seq=001: the warehouse does not know it
q/date=2026-11-20/seq=001: the warehouse does not know it
Put the published files back as they were`, s.grants, first.SHA256, sha("{}"))
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if d := cmp.Diff([]string{"p/date=2026-11-20/.seq=009.staging"}, r.Wiped); d != "" {
		t.Error(d)
	}
}
