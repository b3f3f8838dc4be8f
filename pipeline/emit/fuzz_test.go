package emit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/schemas"
)

const seedManifest = `{
  "format": "accrue.manifest/2", "program": "p", "posted_on": "2026-11-20", "seq": 1, "run": "run-2026-11-20-001", "horizon": "2026-11-20",
  "versions": [{"version": 1, "effective_from": "2026-01-01", "file": "p.yaml", "sha256": "00", "files": [{"name": "codes.csv", "sha256": "01"}]}],
  "deliveries": [{"date": "2026-11-20", "load_seq": 1, "fingerprint": "02"}],
  "files": [{"name": "grants.csv", "format": "csv", "bytes": 10, "rows": 2, "sha256": "03"}],
  "totals": {"rows": 2, "sums": [{"reward": "cash", "kind": "accrual", "rows": 1, "amount": "1.50"}, {"reward": "cash", "kind": "reversal", "rows": 1, "amount": "-0.0500"}]},
  "previous_manifest_sha256": "", "signed_by": "0123456789ABCDEF"
}
`

// FuzzManifest: a manifest is refused with its place, or says the same once it is written again; its totals too. Beside
// published files it is taken for what it says only in the folder that it names.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(seedManifest))
	for _, change := range [][2]string{
		{`"grants.csv"`, `"../grants.csv"`}, {`/2"`, `/3"`}, {`"seq": 1`, `"seq": 1.5`}, {`"1.50"`, `"1.-50"`}, {`"rows": 2, "sums"`, `"rows": 3, "sums"`},
		{`"run"`, `"ran"`}, {`"program": "p"`, `"program": "p", "Program": "q"`}, {"}\n", "} x"}, {`[{"date"`, `[null, {"date"`},
	} {
		f.Add([]byte(strings.Replace(seedManifest, change[0], change[1], 1)))
	}
	dir := f.TempDir()
	at := place{program: "p", postedOn: 20777, seq: 1}
	if err := os.MkdirAll(filepath.Join(dir, at.folder()), 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if (m == nil) == (err == nil) {
			t.Fatalf("manifest %v, error %v", m, err)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "not a manifest: line ") && !strings.HasPrefix(err.Error(), "a manifest of the form ") {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if err := os.WriteFile(filepath.Join(dir, at.folder(), schemas.ManifestName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if m.Program != "p" || m.PostedOn != "2026-11-20" || m.Seq != 1 || m.Previous != "" {
			if found, err := ReadManifests(dir); err == nil {
				t.Errorf("%q is taken for %s: %v", text, at, found)
			}
		}
		again, err := manifestText(m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := parseManifest(again)
		if err != nil {
			t.Fatalf("%s\n%v", again, err)
		}
		if third, err := manifestText(n); err != nil || !bytes.Equal(again, third) {
			t.Errorf("written again it says something else (%v):\n%s", err, cmp.Diff(again, third))
		}
		for _, file := range m.Files {
			if filepath.Base(file.Name) != file.Name || file.Name == ".." {
				t.Errorf("%q leads out of the folder", file.Name)
			}
		}
		total, scales, err := totalsOf(m)
		if err != nil {
			return
		}
		m.Totals = manifestTotals(total, scales)
		if same, _, err := totalsOf(m); err != nil || len(total.Compare(same)) > 0 {
			t.Errorf("totals %v became %v (%v)", total, same, err)
		}
	})
}
