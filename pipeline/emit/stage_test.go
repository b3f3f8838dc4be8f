package emit

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

const folder = "p/date=2026-11-20/seq=001/"

const wantCSV = `grant_id,program,program_version,member_id,rule,reward,amount,kind,source_type,source_id,earned_at,earned_on,posted_on,available_on,expires_on,reason
"p/base/transaction/a%2Fb ""%25""/3",p,1,"m,1",base,points,2,adjustment,transaction,"a/b ""%""",2026-11-19T23:59:59.999999Z,2026-11-20,2026-11-20,2026-12-04,2027-11-20,corrected
p/base/transaction/t1/1,p,1,m1,base,points,5,accrual,transaction,t1,2026-11-20T00:00:00Z,2026-11-20,2026-11-20,2026-12-04,2027-11-20,
p/cash/transaction/t1/1,p,1,m1,cash,cashback,3.33,accrual,transaction,t1,2026-11-20T00:00:00Z,2026-11-20,2026-11-20,2026-12-04,,
p/base/transaction/t0/2,p,1,m1,base,points,-1,reversal,transaction,t0,2026-11-20T00:00:01Z,2026-11-20,2026-11-20,2026-12-04,2027-11-20,returned
p/base/transaction/t9/1,p,1,m2,base,points,3,accrual,transaction,t9,2026-11-20T00:00:00.000005Z,2026-11-20,2026-11-20,2026-12-04,2027-11-20,
`

const wantNDJSON = `{"grant_id":"p/base/transaction/a%2Fb \"%25\"/3","program":"p","program_version":1,"member_id":"m,1","rule":"base","reward":"points","amount":2,"kind":"adjustment","source_type":"transaction","source_id":"a/b \"%\"","earned_at":"2026-11-19T23:59:59.999999Z","earned_on":"2026-11-20","posted_on":"2026-11-20","available_on":"2026-12-04","expires_on":"2027-11-20","reason":"corrected"}
{"grant_id":"p/base/transaction/t1/1","program":"p","program_version":1,"member_id":"m1","rule":"base","reward":"points","amount":5,"kind":"accrual","source_type":"transaction","source_id":"t1","earned_at":"2026-11-20T00:00:00Z","earned_on":"2026-11-20","posted_on":"2026-11-20","available_on":"2026-12-04","expires_on":"2027-11-20","reason":""}
{"grant_id":"p/cash/transaction/t1/1","program":"p","program_version":1,"member_id":"m1","rule":"cash","reward":"cashback","amount":3.33,"kind":"accrual","source_type":"transaction","source_id":"t1","earned_at":"2026-11-20T00:00:00Z","earned_on":"2026-11-20","posted_on":"2026-11-20","available_on":"2026-12-04","expires_on":null,"reason":""}
{"grant_id":"p/base/transaction/t0/2","program":"p","program_version":1,"member_id":"m1","rule":"base","reward":"points","amount":-1,"kind":"reversal","source_type":"transaction","source_id":"t0","earned_at":"2026-11-20T00:00:01Z","earned_on":"2026-11-20","posted_on":"2026-11-20","available_on":"2026-12-04","expires_on":"2027-11-20","reason":"returned"}
{"grant_id":"p/base/transaction/t9/1","program":"p","program_version":1,"member_id":"m2","rule":"base","reward":"points","amount":3,"kind":"accrual","source_type":"transaction","source_id":"t9","earned_at":"2026-11-20T00:00:00.000005Z","earned_on":"2026-11-20","posted_on":"2026-11-20","available_on":"2026-12-04","expires_on":"2027-11-20","reason":""}
`

func sha(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

func TestPublishedFilesToTheLetter(t *testing.T) {
	s := newShop(t)
	s.req.Formats = []Format{CSV, NDJSON}
	s.req.Deliveries = []schemas.ManifestDelivery{{Date: day, LoadSeq: 3, Fingerprint: "ff"}}
	s.req.Horizon = mustDate(day) + 1
	staged := s.publish(someRows()...)
	wantManifest := fmt.Sprintf(`{
  "format": "accrue.manifest/2",
  "program": "p",
  "posted_on": "2026-11-20",
  "seq": 1,
  "run": "run-2026-11-20-001",
  "horizon": "2026-11-21",
  "versions": [
    {
      "version": 1,
      "effective_from": "2026-01-01",
      "file": "p.yaml",
      "sha256": "aa"
    }
  ],
  "deliveries": [
    {
      "date": "2026-11-20",
      "load_seq": 3,
      "fingerprint": "ff"
    }
  ],
  "files": [
    {
      "name": "grants.csv",
      "format": "csv",
      "bytes": %d,
      "rows": 5,
      "sha256": "%s"
    },
    {
      "name": "grants.ndjson",
      "format": "ndjson",
      "bytes": %d,
      "rows": 5,
      "sha256": "%s"
    }
  ],
  "totals": {
    "rows": 5,
    "sums": [
      {
        "reward": "cashback",
        "kind": "accrual",
        "rows": 1,
        "amount": "3.33"
      },
      {
        "reward": "points",
        "kind": "accrual",
        "rows": 2,
        "amount": "8"
      },
      {
        "reward": "points",
        "kind": "adjustment",
        "rows": 1,
        "amount": "2"
      },
      {
        "reward": "points",
        "kind": "reversal",
        "rows": 1,
        "amount": "-1"
      }
    ]
  },
  "previous_manifest_sha256": ""
}
`, len(wantCSV), sha(wantCSV), len(wantNDJSON), sha(wantNDJSON))
	want := map[string]string{folder + "grants.csv": wantCSV, folder + "grants.ndjson": wantNDJSON, folder + "manifest.json": wantManifest}
	if d := cmp.Diff(want, s.files()); d != "" {
		t.Errorf("want (-) and published (+):\n%s", d)
	}
	if staged.SHA256 != sha(wantManifest) || string(staged.Text) != wantManifest {
		t.Error("Staged says something else than the folder")
	}
	if got := s.state(); got != "p/date=2026-11-20/seq=001 published" {
		t.Errorf("publications: %s", got)
	}
	if info, err := os.Stat(filepath.Join(s.grants, folder, "grants.csv")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v (%v), want 0644: others read what is published", info.Mode(), err)
	}
}

// The CSV form is one that others read too.
func TestCSVIsWhatEncodingCSVReads(t *testing.T) {
	records, err := csv.NewReader(strings.NewReader(wantCSV)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(schemas.GrantColumns(), records[0]); d != "" {
		t.Error(d)
	}
	if records[1][9] != `a/b "%"` || records[1][0] != `p/base/transaction/a%2Fb "%25"/3` {
		t.Errorf("got %q", records[1])
	}
}

func TestChainOfManifests(t *testing.T) {
	s := newShop(t)
	first := s.publish(someRows()...)
	if first.Manifest.Previous != "" {
		t.Errorf("the first manifest names %s before it", first.Manifest.Previous)
	}
	s.req.Seq = 2
	second := s.publish(row{member: "m1", rule: "base", source: "t1", n: 2, amount: -50_000, kind: "reversal", reason: "corrected"})
	// A date before the others, published after them: the chain is in the order of publishing.
	s.req.Seq, s.req.PostedOn = 1, mustDate("2026-11-19")
	third := s.publish()
	if second.Manifest.Previous != first.SHA256 || third.Manifest.Previous != second.SHA256 {
		t.Errorf("chain: %q, %q, %q", first.SHA256, second.Manifest.Previous, third.Manifest.Previous)
	}
	if last, err := LastManifest(context.Background(), s.db, "p"); err != nil || last != third.SHA256 {
		t.Errorf("the last manifest is %q (%v), want %q", last, err, third.SHA256)
	}
	if last, err := LastManifest(context.Background(), s.db, "q"); err != nil || last != "" {
		t.Errorf("another program's last manifest is %q (%v)", last, err)
	}
}

// A date with no differences publishes a manifest with zero rows and a file with a header.
func TestNothingToPublish(t *testing.T) {
	s := newShop(t)
	ctx := context.Background()
	if done, err := Published(ctx, s.db, "p", mustDate(day), mustDate(day)); err != nil || len(done) > 0 {
		t.Errorf("published already: %v, %v", done, err)
	}
	s.req.Formats, s.req.MaxRowsPerFile = Formats, 2
	staged := s.publish()
	if got := s.read(folder + "grants.csv"); got != csvHeader {
		t.Errorf("grants.csv: %q", got)
	}
	if staged.Manifest.Totals.Rows != 0 || len(staged.Manifest.Files) != 4 || staged.Manifest.Totals.Sums == nil {
		t.Errorf("manifest: %+v", staged.Manifest)
	}
	if done, err := Published(ctx, s.db, "p", mustDate(day), mustDate(day)); err != nil || !done[mustDate(day)] {
		t.Errorf("published: %v, %v", done, err)
	}
	if problems, err := VerifyPublished(ctx, s.db, s.grants, Options{}); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestPartsHoldAllRowsInOrder(t *testing.T) {
	s := newShop(t)
	s.req.Formats, s.req.MaxRowsPerFile = Formats, 2
	staged := s.publish(someRows()...)
	var got []string
	for _, f := range staged.Manifest.Files {
		got = append(got, fmt.Sprint(f.Name, " ", f.Rows))
	}
	want := []string{}
	for _, f := range []string{"csv", "parquet", "ndjson", "arrow"} {
		want = append(want, "grants-0001."+f+" 2", "grants-0002."+f+" 2", "grants-0003."+f+" 1")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	parts := ""
	for i, name := range []string{"grants-0001.csv", "grants-0002.csv", "grants-0003.csv"} {
		text := s.read(folder + name)
		if i > 0 {
			text = strings.TrimPrefix(text, csvHeader)
		}
		parts += text
	}
	if parts != wantCSV {
		t.Errorf("the parts together:\n%s", parts)
	}
	// All formats hold the same rows; that those of the CSV file are right is shown above.
	digests := map[string]bool{}
	for _, format := range Formats {
		check := newChecker("p", mustDate(day), map[string]int{"cashback": 2}).withDigest()
		for _, f := range staged.Manifest.Files {
			if Format(f.Format) != format {
				continue
			}
			got, err := inspect(osFS{}, filepath.Join(s.grants, folder, f.Name), format, check.add)
			if err != nil || got.fault != nil {
				t.Fatal(format, err, got.fault)
			}
		}
		digests[check.digest()] = true
	}
	if len(digests) != 1 || digests[""] {
		t.Errorf("the formats hold different rows: digests %v", digests)
	}
}

// The digest of rows sees every value of a grant.
func TestDigestOfRowsSeesEveryValue(t *testing.T) {
	grant := func() pipeline.Grant {
		return pipeline.Grant{
			GrantID: "p/r/transaction/s/1", Program: "p", ProgramVersion: 1, MemberID: "m", Rule: "r", Reward: "points",
			Amount: pipeline.Unit, Kind: "accrual", SourceType: "transaction", SourceID: "s", EarnedUS: 1, EarnedOn: 2,
			PostedOn: 3, AvailableOn: 4, ExpiresOn: 5, Expires: true, Reason: "late",
		}
	}
	seen := map[string]int{}
	for i := -1; i < reflect.TypeFor[pipeline.Grant]().NumField(); i++ {
		g := grant()
		if i >= 0 {
			switch f := reflect.ValueOf(&g).Elem().Field(i); f.Kind() {
			case reflect.String:
				f.SetString(f.String() + "x")
			case reflect.Bool:
				f.SetBool(false)
			default:
				f.SetInt(f.Int() + 1)
			}
		}
		seen[string(appendValues(nil, &g))]++
	}
	if want := reflect.TypeFor[pipeline.Grant]().NumField() + 1; len(seen) != want {
		t.Errorf("%d of %d grants that differ in one value each look different", len(seen), want)
	}
}

// P1: the same rows give the same bytes, whatever the threads, the memory, the order of rows and the slices.
func TestP1SameBytes(t *testing.T) {
	var first map[string]string
	for _, c := range []struct {
		threads int
		memory  string
		order   string
		slice   int64
	}{
		{1, "4GB", "i", sliceRows}, {2, "1GB", "-i", 3_000}, {8, "200MB", "(i * 7919) % 12000", 1_000}, {2, "4GB", "i % 7, i", 12_000},
	} {
		s := newShop(t, func(o *warehouse.Options) { o.Threads, o.MemoryLimit, o.TempDir = c.threads, c.memory, t.TempDir() })
		s.exec(`INSERT INTO difference SELECT 'p', 1, 'm' || lpad(CAST(i % 1000 AS VARCHAR), 4, '0'), 'rule' || i % 3,
				CASE WHEN i % 5 = 0 THEN 'cashback' ELSE 'points' END, (i % 90 + 1) * 10000, 'accrual', 'transaction', 't' || i // 3, 1,
				` + fmt.Sprint(midnight) + ` + (i // 2000) * 1000000, DATE '2026-11-20', DATE '2026-11-20', DATE '2026-12-04',
				CASE WHEN i % 5 <> 0 THEN DATE '2027-11-20' END, '', 1, i % 1000
			FROM range(12000) t(i) ORDER BY ` + c.order)
		s.expect()
		s.req.Formats, s.req.MaxRowsPerFile = Formats, 10_000
		s.req.SliceRows = c.slice
		staged, err := Stage(context.Background(), s.db, s.req)
		if err != nil {
			t.Fatal(err)
		}
		if staged.Manifest.Totals.Rows != 12_000 {
			t.Fatalf("%d rows", staged.Manifest.Totals.Rows)
		}
		files := s.files()
		if first == nil {
			first = files
			continue
		}
		for name, text := range first {
			if files[name] != text {
				t.Errorf("%+v: %s differs", c, name)
			}
		}
	}
}

// Rows of one member and instant are ordered by the bytes of the whole grant id, in which `-` comes before `/`.
func TestTiesGoByTheGrantID(t *testing.T) {
	s := newShop(t)
	for _, n := range []int64{1, 2, sliceRows} {
		s.req.SliceRows = n
		s.differ(row{member: "m", rule: "a", source: "t"}.of(1), row{member: "m", rule: "a-b", source: "t"}.of(2),
			row{member: "m", rule: "a", source: "t-1"}.of(3), row{member: "m", rule: "a", source: "t", n: 10}.of(4),
			row{member: "m", rule: "a", source: "t", n: 2}.of(5), row{member: "M", rule: "z", source: "t"}.of(6),
			row{member: "m", rule: "z", source: "t", earned: -1}.of(7), row{member: "mé", rule: "a", source: "t"}.of(8))
		staged, err := Stage(context.Background(), s.db, s.req)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(s.read("p/date=2026-11-20/.seq=001.staging/grants.csv")), "\n")[1:] {
			got = append(got, strings.Split(line, ",")[0])
		}
		want := []string{"p/z/transaction/t/1", "p/z/transaction/t/1", "p/a-b/transaction/t/1", "p/a/transaction/t-1/1",
			"p/a/transaction/t/1", "p/a/transaction/t/10", "p/a/transaction/t/2", "p/a/transaction/t/1"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if err := staged.Discard(); err != nil {
			t.Error(err)
		}
	}
}

func (r row) of(amount int64) row {
	r.amount = amount * 10_000
	return r
}

// A reward whose amounts have more places than its scale says is written with as many as they need: a grant that was
// posted under a finer scale must be taken back exactly.
func TestScaleGrowsWhereAmountsNeedIt(t *testing.T) {
	s := newShop(t)
	s.publish(row{member: "m1", rule: "base", source: "t1", n: 2, amount: -2_500, kind: "reversal", reason: "restated"},
		row{member: "m1", rule: "base", source: "t2", amount: 20_000})
	text := s.read(folder + "grants.csv")
	if !strings.Contains(text, ",points,-0.25,reversal,") || !strings.Contains(text, ",points,2.00,accrual,") {
		t.Errorf("got\n%s", text)
	}
}

func TestStageTakesTheLedgersTotals(t *testing.T) {
	s := newShop(t)
	s.differ(someRows()...)
	for _, c := range []struct {
		rows int64
		want string
	}{{1, "rows: 6 expected, 5 found, difference -1"}, {-2, "rows: 4 expected, 5 found, difference 1"},
		{1, "sum of points accrual: 8.0015 expected, 8 found, difference -0.0015"}} {
		s.req.Expected.Add("points", pipeline.Accrual, c.rows, pipeline.Sum{}.Add(5))
		_, err := Stage(context.Background(), s.db, s.req)
		if err == nil || !strings.Contains(err.Error(), "publishing p/date=2026-11-20/seq=001: the rows are out of balance with the ledger: "+c.want) {
			t.Errorf("want %s, got %v", c.want, err)
		}
	}
	if len(s.files()) > 0 {
		t.Errorf("files are left: %v", s.files())
	}
}

func TestAFolderThatTheWarehouseDoesNotKnowIsLeftAlone(t *testing.T) {
	s := newShop(t)
	if err := os.MkdirAll(filepath.Join(s.grants, folder), 0o755); err != nil {
		t.Fatal(err)
	}
	s.differ(someRows()...)
	if _, err := s.commit(); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("got %v", err)
	}
}

// A grants path with characters that DuckDB would take for a pattern.
func TestParquetInAFolderOfAnyName(t *testing.T) {
	s := newShop(t)
	s.grants = filepath.Join(s.grants, "a[b]*c?'d")
	s.req.GrantsDir, s.req.Formats = s.grants, []Format{Parquet}
	s.publish(someRows()...)
	if len(s.files()) != 2 {
		t.Errorf("published %v", s.files())
	}
}

func TestProgressCountsWritingAndReading(t *testing.T) {
	s := newShop(t)
	s.req.Formats = []Format{CSV, NDJSON}
	var done, total int64
	s.req.Progress = func(d, of int64) { done, total = d, of }
	s.publish(someRows()...)
	if done != 15 || total != 15 { // 5 rows written, and read back from two files
		t.Errorf("%d of %d, want 15 of 15", done, total)
	}
}
