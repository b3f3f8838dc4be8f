package emit

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// published is a shop with two publications in all formats.
func published(t *testing.T) *shop {
	s := newShop(t)
	s.req.Formats, s.req.MaxRowsPerFile = Formats, 3
	s.publish(someRows()...)
	s.req.Seq = 2
	s.publish(row{member: "m1", rule: "base", source: "t7", amount: 10_000})
	return s
}

func (s *shop) verify() []string {
	s.t.Helper()
	problems, err := VerifyPublished(context.Background(), s.db, s.grants, Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	out := []string{}
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) overwrite(name string, change func(string) string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.grants, name), []byte(change(s.read(name))), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func TestVerifyFindsNothingWrong(t *testing.T) {
	s := published(t)
	var done, total int64
	problems, err := VerifyPublished(context.Background(), s.db, s.grants, Options{Progress: func(d, of int64) { done, total = d, of }})
	if err != nil || len(problems) > 0 || done != 24 || total != 24 { // 5 rows and 1, in four formats
		t.Errorf("%v, %v, %d of %d", problems, err, done, total)
	}
}

func TestVerifyNamesWhatWasChanged(t *testing.T) {
	const two = "p/date=2026-11-20/seq=002/"
	replace := func(from, to string) func(string) string {
		return func(text string) string { return strings.Replace(text, from, to, 1) }
	}
	file := func(name, from, to string) func(*shop) {
		return func(s *shop) { s.overwrite(name, replace(from, to)) }
	}
	ledger := func(query string) func(*shop) { return func(s *shop) { s.exec(query) } }
	part := wantCSV[:strings.Index(wantCSV, "p/base/transaction/t0/2")]
	for name, c := range map[string]struct {
		change func(*shop)
		want   []string
	}{
		"an amount in a file": {file(folder+"grants-0001.csv", ",points,5,", ",points,6,"), []string{
			folder + "grants-0001.csv: grant p/base/transaction/t1/1: amount: \"5.0000\" expected, \"6.0000\" found",
			folder + "grants-0001.csv: SHA-256: " + sha(part) + " expected, " + sha(strings.Replace(part, ",points,5,", ",points,6,", 1)) + " found",
			"p/date=2026-11-20/seq=001: the csv files are out of balance with the ledger: sum of points accrual: 8 expected, 9 found, difference 1",
		}},
		"a row of the ledger": {ledger("UPDATE ledger SET expires_on = NULL WHERE source_id = 't7'"), []string{
			two + `grants.csv: grant p/base/transaction/t7/1: expires_on: "" expected, "2027-11-20" found`,
			two + `grants.parquet: grant p/base/transaction/t7/1: expires_on: "" expected, "2027-11-20" found`,
			two + `grants.ndjson: grant p/base/transaction/t7/1: expires_on: "" expected, "2027-11-20" found`,
			two + `grants.arrow: grant p/base/transaction/t7/1: expires_on: "" expected, "2027-11-20" found`,
		}},
		"a missing row in the ledger": {ledger("DELETE FROM ledger WHERE source_id = 't7'"), []string{
			two + "manifest.json: its control totals are not the ledger's: rows: 0 expected, 1 found, difference 1",
			two + "manifest.json: its control totals are not the ledger's: rows of points accrual: 0 expected, 1 found, difference 1",
			two + "manifest.json: its control totals are not the ledger's: sum of points accrual: 0 expected, 1 found, difference 1",
			two + "grants.csv: a grant that the ledger does not have: p/base/transaction/t7/1",
			"p/date=2026-11-20/seq=002: the csv files are out of balance with the ledger: rows: 0 expected, 1 found, difference 1",
			"…",
		}},
		"a row more in the ledger": {ledger("INSERT INTO ledger SELECT * REPLACE ('t70' AS source_id) FROM ledger WHERE source_id = 't7'"), []string{
			two + "manifest.json: its control totals are not the ledger's: rows: 2 expected, 1 found, difference -1",
			two + "manifest.json: its control totals are not the ledger's: rows of points accrual: 2 expected, 1 found, difference -1",
			two + "manifest.json: its control totals are not the ledger's: sum of points accrual: 2 expected, 1 found, difference -1",
			two + "grants.csv: a grant of the ledger is missing: p/base/transaction/t70/1",
			"…",
		}},
		"an id": {file(two+"grants.csv", "p/base", "p/base/"), []string{
			two + "grants.csv: bytes: 284 expected, 285 found", two + "grants.csv: SHA-256: …",
			two + "grants.csv: grant p/base//transaction/t7/1: the id does not fit the columns that it is made of",
		}},
		"a file cut short": {func(s *shop) { s.overwrite(two+"grants.ndjson", func(text string) string { return text[:50] }) }, []string{
			two + "grants.ndjson: bytes: 346 expected, 50 found", two + "grants.ndjson: SHA-256: …", "…",
		}},
		"a missing file": {func(s *shop) { s.must(os.Remove(filepath.Join(s.grants, two+"grants.parquet"))) }, []string{
			two + "grants.parquet: cannot be read: …",
		}},
		"a file of nobody": {func(s *shop) { s.must(os.WriteFile(filepath.Join(s.grants, two+"grants.csv.bak"), nil, 0o600)) }, []string{
			two + "grants.csv.bak: not in the manifest",
		}},
		"a manifest":        {file(folder+"manifest.json", "p.yaml", "q.yaml"), []string{folder + "manifest.json: SHA-256: …"}},
		"a missing folder":  {func(s *shop) { os.RemoveAll(filepath.Join(s.grants, two)) }, []string{"p/date=2026-11-20/seq=002: published, and not there"}},
		"an unknown folder": {func(s *shop) { s.must(os.MkdirAll(filepath.Join(s.grants, "p/date=2026-11-20/seq=003"), 0o755)) }, []string{"p/date=2026-11-20/seq=003: there, and the warehouse does not know it"}},
		"a hidden folder": {func(s *shop) {
			s.must(os.MkdirAll(filepath.Join(s.grants, "p/date=2026-11-20/.seq=003.staging"), 0o755))
		}, []string{"p/date=2026-11-20/.seq=003.staging: a hidden folder that a killed run left"}},
		"the warehouse's manifest": {ledger("UPDATE publications SET manifest = replace(manifest, 'p.yaml', 'q.yaml') WHERE seq = 2"), []string{
			two + "manifest.json: SHA-256 of the warehouse's copy: …",
		}},
		"the number of rows": {ledger("UPDATE publications SET rows_count = 7 WHERE seq = 2"), []string{
			two + "manifest.json: rows that the warehouse noted: 1 expected, 7 found",
		}},
		"rows without publication": {ledger("INSERT INTO ledger SELECT * REPLACE (9 AS seq) FROM ledger WHERE source_id = 't7'"), []string{
			"p/date=2026-11-20/seq=009: 1 rows of the ledger belong to no publication",
		}},
		"a link of the chain": {func(s *shop) {
			s.exec("DELETE FROM ledger WHERE seq = 1")
			s.exec("DELETE FROM publications WHERE seq = 1")
			os.RemoveAll(filepath.Join(s.grants, folder))
		}, []string{two + "manifest.json: names a previous manifest that is not there: SHA-256 …"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := published(t)
			c.change(s)
			got := s.verify()
			for i, w := range c.want {
				if w == "…" {
					c.want, got = c.want[:i], got[:min(i, len(got))]
					break
				}
				if head, ok := strings.CutSuffix(w, "…"); ok && i < len(got) && strings.HasPrefix(got[i], head) {
					got[i] = w
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("want (-) and got (+):\n%s", d)
			}
		})
	}
}

// A bit flipped anywhere in a published file, of whichever kind, is noticed, and the file named.
func TestVerifyNamesEveryFlippedBit(t *testing.T) {
	flips := 10
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FLIPS")); err == nil {
		flips = n
	}
	s := published(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"grants-0001.csv", "grants-0001.parquet", "grants-0001.ndjson", "grants-0001.arrow", "manifest.json"} {
		whole := s.read(folder + name)
		for range flips {
			at := rnd.IntN(8 * len(whole))
			text := []byte(whole)
			text[at/8] ^= 1 << (at % 8)
			s.overwrite(folder+name, func(string) string { return string(text) })
			if got := s.verify(); !slices.ContainsFunc(got, func(p string) bool { return strings.HasPrefix(p, folder+name+": ") }) {
				t.Errorf("%s, bit %d of byte %d: verify says %q", name, at%8, at/8, got)
			}
		}
		s.overwrite(folder+name, func(string) string { return whole })
	}
	if got := s.verify(); len(got) > 0 {
		t.Errorf("whole again, verify says %q", got)
	}
}

// Many differing rows are told once, with their number.
func TestVerifyDoesNotFlood(t *testing.T) {
	s := newShop(t)
	var rows []row
	for i := range 50 {
		rows = append(rows, row{member: "m1", rule: "base", source: "t" + string(rune('A'+i)), amount: 10_000})
	}
	s.publish(rows...)
	s.exec("UPDATE ledger SET available_on = available_on + 1")
	got := s.verify()
	if len(got) != maxRowProblems+1 || got[maxRowProblems] != folder+"grants.csv: 30 more rows differ from the ledger's" {
		t.Errorf("%d problems, the last: %s", len(got), got[len(got)-1])
	}
}

func TestVerifyReadsOnly(t *testing.T) {
	s := published(t)
	before := s.files()
	digests, err := s.db.Digests(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.verify()
	after, err := s.db.Digests(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(digests, after); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(before, s.files()); d != "" {
		t.Error(d)
	}
}
