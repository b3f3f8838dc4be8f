package load

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

const header = "transaction_id,member_id,occurred_at,amount\n"

// written has DuckDB write the query's rows as Parquet.
func written(t *testing.T, query string) string {
	t.Helper()
	p := newProject(t)
	path := filepath.Join(t.TempDir(), "x.parquet")
	must(t, second(p.db.Exec(t.Context(), "COPY ("+query+") TO "+warehouse.Literal(path)+" (FORMAT parquet, COMPRESSION uncompressed)")))
	return string(readFile(t, path))
}

// Whatever is wrong with a file as a whole refuses the delivery, says what and where, and leaves the warehouse as it
// was.
func TestRefusedFiles(t *testing.T) {
	typed := "SELECT 't1' AS transaction_id, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, 1.5::%s AS amount"
	decimals := written(t, fmt.Sprintf(typed, "DECIMAL(9,2)"))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	must(t, second(z.Write([]byte(header+strings.Repeat("t1,m1,2026-11-20T10:00,5\n", 100_000)))))
	must(t, z.Close())

	for name, c := range map[string]struct{ file, text, want string }{
		"empty file":         {"transactions.csv", "", "exports/date=2026-11-20/transactions.csv: is empty: there is no header"},
		"empty file, packed": {"transactions.csv.gz", "", "exports/date=2026-11-20/transactions.csv.gz: is empty: there is no header"},
		"no header": {"transactions.csv", "t1,m1,2026-11-20T10:00,5\n",
			"exports/date=2026-11-20/transactions.csv:1: the required columns of transactions are missing: transaction_id, occurred_at, amount; found: t1, m1, 2026-11-20T10:00, 5; is there no header?"},
		"a column is missing": {"transactions.csv", "transaction_id,occurred_at,Amount\n",
			"exports/date=2026-11-20/transactions.csv:1: the required column of transactions is missing: amount; found: transaction_id, occurred_at, Amount"},
		"a column is missing, ndjson": {"transactions.ndjson", `{"transaction_id":"t1","amount":5}`,
			"exports/date=2026-11-20/transactions.ndjson: the required column of transactions is missing: occurred_at"},
		"a quote never closes": {"transactions.csv", header + "t1,m1,2026-11-20T10:00,5\nt2,\"m2,2026-11-20T10:00,5\n",
			"exports/date=2026-11-20/transactions.csv:3:4: the quote that opens here is never closed"},
		"cut gzip":      {"transactions.csv.gz", packed.String()[:packed.Len()/2], "exports/date=2026-11-20/transactions.csv.gz:"},
		"no gzip":       {"transactions.csv.gz", header, "exports/date=2026-11-20/transactions.csv.gz: cannot be unpacked (gz): gzip: invalid header"},
		"no zstd":       {"transactions.csv.zst", header, "exports/date=2026-11-20/transactions.csv.zst"},
		"UTF-16":        {"transactions.csv", "\xFF\xFEt\x00", "exports/date=2026-11-20/transactions.csv:1: is written in UTF-16; accrue reads UTF-8"},
		"cut Parquet":   {"transactions.parquet", decimals[:len(decimals)/2], "exports/date=2026-11-20/transactions.parquet: cannot be read as parquet: "},
		"empty Parquet": {"transactions.parquet", "", "exports/date=2026-11-20/transactions.parquet: is empty"},
		"DOUBLE amount": {"transactions.parquet", written(t, fmt.Sprintf(typed, "DOUBLE")),
			"exports/date=2026-11-20/transactions.parquet: the column amount has type DOUBLE, a binary float, which cannot hold decimal amounts exactly; it must be DECIMAL, an integer or text"},
		"FLOAT id": {"transactions.parquet", written(t, "SELECT 1::FLOAT AS transaction_id, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, 1 AS amount"),
			"exports/date=2026-11-20/transactions.parquet: the column transaction_id has type FLOAT, a binary float, which cannot hold ids exactly; it must be text or an integer"},
		"DATE for a timestamp": {"transactions.parquet", written(t, "SELECT 't1' AS transaction_id, DATE '2026-11-20' AS occurred_at, 1 AS amount"),
			"exports/date=2026-11-20/transactions.parquet: the column occurred_at has type DATE; it must be TIMESTAMP or text"},
		"Parquet called Arrow": {"transactions.arrow", decimals, "exports/date=2026-11-20/transactions.arrow: cannot be read as arrow: "},
		"garbage":              {"transactions.arrow", strings.Repeat("x", 1000), "exports/date=2026-11-20/transactions.arrow: cannot be read as arrow: "},
		"only items":           {"items.csv", "transaction_id,line_no,item_id,amount\n", "exports/date=2026-11-20: holds neither transactions nor activities"},
		"unknown form":         {"transactions.xlsx", "x", "exports/date=2026-11-20: holds neither transactions nor activities; it holds what accrue does not read: transactions.xlsx"},
		"a list for control":   {"control.json", "{\n\"items\": []}", "exports/date=2026-11-20/control.json:2:"},
		"cut control":          {"control.json", `{"items": {"rows": 1}`, "exports/date=2026-11-20/control.json:1:21: "},
		"unknown control": {"control.json", `{"item": {"rows": 1}, "stores": {"amount": "1"},` + "\n" + `"transactions": {"row": 1, "rows": -1, "amount": "1e5"}}`,
			`exports/date=2026-11-20/control.json:1:2: "item" is no dataset; there are transactions, items, returns, activities, members, stores` + "\n" +
				"exports/date=2026-11-20/control.json:1:34: stores: rows of stores have no amount\n" +
				"exports/date=2026-11-20/control.json:2:18: transactions: unknown figure \"row\"; there are rows and amount\n" +
				"exports/date=2026-11-20/control.json:2:36: transactions: rows must be a whole number, not -1\n" +
				"exports/date=2026-11-20/control.json:2:50: transactions: amount must be a decimal such as \"2150.00\", not 1e5"},
		"twice in control": {"control.json", `{"transactions": {"rows": 1, "rows": 2}, "transactions": {"rows": [3]}, "items": 4}`,
			"exports/date=2026-11-20/control.json:1:30: \"rows\" stands here twice\n" +
				"exports/date=2026-11-20/control.json:1:42: \"transactions\" stands here twice\n" +
				`exports/date=2026-11-20/control.json:1:82: it must have the form {"transactions": {"rows": 3, "amount": "2150.00"}}`},
		"nothing for control": {"control.json", "null", `exports/date=2026-11-20/control.json:1:1: it must have the form {"transactions": {`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			p.deliver("2026-11-19", map[string]string{"transactions.csv": header + "t0,m1,2026-11-19T10:00,5\n"})
			p.load()
			p.putBytes("2026-11-20", c.file, []byte(c.text))
			p.put("2026-11-20", "_SUCCESS", "")
			if c.file == "control.json" {
				p.put("2026-11-20", "transactions.csv", header)
			}
			got, prefix := p.refused(), "delivery 2026-11-20: "
			if !strings.HasPrefix(got, prefix+c.want) || strings.HasSuffix(c.want, "text") && got != prefix+c.want {
				t.Errorf("\n got %s\nwant %s", got, prefix+c.want)
			}
		})
	}
}

// All files that are wrong are told at once.
func TestAllFaultsAtOnce(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{"transactions.csv": "", "items.csv": "x\n", "stores.csv": "store_id\n"})
	want := "delivery 2026-11-20: exports/date=2026-11-20/transactions.csv: is empty: there is no header\n" +
		"exports/date=2026-11-20/items.csv:1: the required columns of items are missing: transaction_id, line_no, item_id, amount; found: x; is there no header?"
	if got := p.refused(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// A line of 300 MB is refused without being read.
func TestLongLine(t *testing.T) {
	for _, form := range []string{"csv", "ndjson"} {
		p := newProject(t)
		dir := filepath.Join(p.o.ExportsDir, "date=2026-11-20")
		must(t, os.MkdirAll(dir, 0o755))
		f, err := os.Create(filepath.Join(dir, "transactions."+form+".gz"))
		must(t, err)
		z := gzip.NewWriter(f)
		first := header + "t1,m1,2026-11-20T10:00,5\n"
		if form == "ndjson" {
			first = `{"transaction_id":"t1","occurred_at":"2026-11-20T10:00","amount":5}` + "\n\n"
		}
		must(t, second(z.Write([]byte(first))))
		block := bytes.Repeat([]byte{'x'}, 1<<20)
		for range 300 {
			must(t, second(z.Write(block)))
		}
		must(t, z.Close())
		must(t, f.Close())
		p.put("2026-11-20", "_SUCCESS", "")
		start := time.Now()
		want := "delivery 2026-11-20: exports/date=2026-11-20/transactions." + form + ".gz:3: the record that begins here is longer than 1048576 bytes (max_line)"
		if got := p.refused(); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	}
}

// What is wrong with a row rejects the row and says why, in the table and in a file for people.
func TestRejectedRows(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{
		"transactions.csv": "\xEF\xBB\xBF" + strings.ReplaceAll(header, "\n", "\r\n") + "t1,m1,2026-11-20T10:00,1e2\r\nt2,m1,2026-11-20T10:00,1_000\r\n" +
			"t3,m1,2026-11-20T10:00,10.12345\r\nt4,m1,2026-02-30T10:00,5\r\nt5,m1,2026-11-20T10:00\r\n\"t\"6,m1,2026-11-20T10:00,5\r\n" +
			"t7,m\xff,2026-11-20T10:00,5\r\nt8,m1,2026-11-20T10:00, 5\r\nt9,m1,2026-11-20T10:00,5\r\n",
	})
	res := p.load()
	want := "dataset,file,row,reason,detail,raw\n" +
		"transactions,transactions.csv,1,bad_number,amount=1e2,\"t1,m1,2026-11-20T10:00,1e2\"\n" +
		"transactions,transactions.csv,2,bad_number,amount=1_000,\"t2,m1,2026-11-20T10:00,1_000\"\n" +
		"transactions,transactions.csv,3,too_many_places,amount=10.12345,\"t3,m1,2026-11-20T10:00,10.12345\"\n" +
		"transactions,transactions.csv,4,bad_timestamp,occurred_at=2026-02-30T10:00,\"t4,m1,2026-02-30T10:00,5\"\n" +
		"transactions,transactions.csv,5,bad_row,\"3 fields, the header has 4\",\"t5,m1,2026-11-20T10:00\"\n" +
		"transactions,transactions.csv,6,bad_row,text behind a closing quote,\"\"\"t\"\"6,m1,2026-11-20T10:00,5\"\n" +
		"transactions,transactions.csv,7,bad_row,member_id=m\uFFFD,\"t7,m\uFFFD,2026-11-20T10:00,5\"\n" +
		"transactions,transactions.csv,8,bad_number,amount= 5,\"t8,m1,2026-11-20T10:00, 5\"\n"
	path := filepath.Join(p.dir, "rejects", "date=2026-11-20", "rejects.csv")
	if d := cmp.Diff(want, string(readFile(t, path))); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if res.Deliveries[0].RejectsFile != path {
		t.Errorf("the rejects file is said to be %s", res.Deliveries[0].RejectsFile)
	}
	ds := res.Deliveries[0].Datasets[0]
	if ds.Read != 9 || ds.Accepted != 1 || ds.Rejected != 8 || ds.Rejects[badNumber] != 3 {
		t.Errorf("figures are %+v, rejects %v", ds.Figures, ds.Rejects)
	}
	// Loaded anew without them, the file goes.
	p.deliver("2026-11-20", map[string]string{"transactions.csv": header})
	p.load()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the rejects file is still there: %v", err)
	}
}

func TestMaxRejects(t *testing.T) {
	percent := func(s string) *decimal.Decimal { d := decimal.RequireFromString(s); return &d }
	rows := header
	for i := range 19 {
		rows += fmt.Sprintf("t%d,m1,2026-11-20T10:00,5\n", i)
	}
	rows += "x,m1,2026-11-20T10:00,-5\n"
	for _, c := range []struct {
		limit MaxRejects
		want  string
	}{
		{MaxRejects{Percent: percent("5")}, ""}, {MaxRejects{Count: 1}, ""},
		{MaxRejects{Percent: percent("4.99")}, "the limit is 4.99 %"}, {MaxRejects{}, "the limit is 0"},
	} {
		p := newProject(t)
		p.o.MaxRejects = c.limit
		p.deliver("2026-11-20", map[string]string{"transactions.csv": rows})
		if c.want == "" {
			p.load()
			continue
		}
		want := "delivery 2026-11-20: 1 of 20 rows of transactions rejected (negative_amount 1); " + c.want +
			"; the rows are in rejects/date=2026-11-20/rejects.csv"
		if got := p.refused(); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		_, err := Load(t.Context(), p.db, p.o)
		var over *RejectsError
		if !errors.As(err, &over) || over.Over[0].Rejected != 1 {
			t.Errorf("the error is %T", err)
		}
		if text := string(readFile(t, over.File)); !strings.Contains(text, "x,m1,2026-11-20T10:00,-5") {
			t.Errorf("the rejects file holds %s", text)
		}
	}
}

func TestReadiness(t *testing.T) {
	p := newProject(t)
	p.put("2026-11-19", "transactions.csv", header+"t1,m1,2026-11-19T10:00,5\n")
	p.put("2026-11-19", "_SUCCESS", "")
	p.put("2026-11-20", "transactions.csv", header+"t2,m1,2026-11-20T10:00,5\n")
	p.o.Through = pipeline.NewDate(2026, 11, 21)
	want := "delivery is not ready: exports/date=2026-11-20: neither _SUCCESS nor control.json is there yet"
	if got := p.refused(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := Load(t.Context(), p.db, p.o); !errors.Is(err, ErrNotReady) {
		t.Errorf("the error is %v", err)
	}
	p.o.Through = pipeline.NewDate(2026, 11, 19) // the open one is later
	if res := p.load(); len(res.Deliveries) != 1 {
		t.Errorf("%d deliveries were loaded", len(res.Deliveries))
	}
	p.o.Through = pipeline.NewDate(2026, 11, 20)
	p.put("2026-11-20", "control.json", `{"transactions": {"rows": 1, "amount": 5.0}}`)
	if res := p.load(); len(res.Deliveries) != 1 || res.Unchanged != 1 {
		t.Errorf("%d deliveries were loaded, %d unchanged", len(res.Deliveries), res.Unchanged)
	}
	p.put("2026-11-18", "transactions.csv", header)
	p.o.ReadyByFolder = true
	if res := p.load(); len(res.Deliveries) != 1 || res.Unchanged != 2 {
		t.Errorf("%d deliveries were loaded, %d unchanged", len(res.Deliveries), res.Unchanged)
	}
}

func TestControlTotals(t *testing.T) {
	p := newProject(t)
	// Rejected rows count too (F54), as far as their amounts are numbers: 1 + 10.12345 − 5 + 3 = 9.12345.
	p.deliver("2026-11-20", map[string]string{
		"transactions.csv": header + "t1,m1,2026-11-20T10:00,1\nt2,m1,2026-11-20T10:00,10.12345\nt3,m1,2026-11-20T10:00,-5\n,m1,,3\nt5,m1,2026-11-20T10:00,1e2\n",
		"control.json":     `{"transactions": {"rows": 3, "amount": "2150.00"}, "items": {"rows": 4}}`,
	})
	want := "delivery 2026-11-20: exports/date=2026-11-20/control.json: items: 4 rows by control.json, 0 read, difference -4; " +
		"transactions: 3 rows by control.json, 5 read, difference 2; transactions: amount 2150 by control.json, 9.12345 read, difference -2140.87655"
	if got := p.refused(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	p.put("2026-11-20", "control.json", `{"transactions": {"rows": 5, "amount": "9.12345"}, "items": {"rows": 0, "amount": 0}}`)
	p.load()
	// The same for what DuckDB reads itself.
	p.remove("2026-11-20")
	p.putBytes("2026-11-20", "transactions.parquet", []byte(written(t, `SELECT * FROM (VALUES ('t1', TIMESTAMP '2026-11-20 10:00:00', 1.25),
		('t2', TIMESTAMP '2026-11-20 10:00:00', -5), ('', NULL, 3), ('t4', NULL, NULL)) v(transaction_id, occurred_at, amount)`)))
	p.put("2026-11-20", "control.json", `{"transactions": {"rows": 4, "amount": "-0.75"}}`)
	p.load()
	if got, want := p.rows("SELECT amount_read FROM files"), []string{"-7500"}; !cmp.Equal(got, want) {
		t.Errorf("amount_read is %s, want %s", got, want)
	}
}

func TestScanRefuses(t *testing.T) {
	p := newProject(t)
	if got, want := p.refused(), "there is no exports folder exports"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.put("2026-02-30", "_SUCCESS", "")
	must(t, os.WriteFile(filepath.Join(p.o.ExportsDir, "date=2026-11-20"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(p.o.ExportsDir, "tmp"), 0o700))
	want := `exports/date=2026-02-30: the name of a delivery is date=YYYY-MM-DD: "2026-02-30" is not a date of the form YYYY-MM-DD` + "\n" +
		"exports/date=2026-11-20: a delivery is a folder"
	if got := p.refused(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestWarningsAndWaiting(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{
		"transactions.csv": "note,transaction_id,occurred_at,amount,extra\nx,t1,2026-11-20T10:00,5,\n", "transactions.csv.md5": "x", "README": "x", ".hidden": "",
		"items.csv":   "transaction_id,line_no,item_id,amount\nt1,1,i,5\nt2,1,i,5\nt2,2,i,5\n",
		"returns.csv": "return_id,transaction_id,amount,occurred_at\nr1,t3,5,2026-11-20T10:00\n", "members.ndjson": "",
	})
	res := p.load()
	want := []string{
		"exports/date=2026-11-20: not read, as the names are of no dataset and form that accrue knows: README, transactions.csv.md5",
		"exports/date=2026-11-20/transactions.csv: unknown columns are ignored: extra, note",
		"exports/date=2026-11-20/members.ndjson: holds no rows",
	}
	for i := range res.Warnings {
		res.Warnings[i] = strings.ReplaceAll(res.Warnings[i], p.dir+"/", "")
	}
	if d := cmp.Diff(want, res.Warnings); d != "" {
		t.Errorf("warnings (-want +got)\n%s", d)
	}
	if want := map[string]int64{"items": 2, "returns": 1}; !maps.Equal(res.Waiting, want) {
		t.Errorf("waiting: %v, want %v", res.Waiting, want)
	}
	p.deliver("2026-11-21", map[string]string{"transactions.csv": header + "t2,,2026-11-20T10:00,5\n"})
	if res := p.load(); !maps.Equal(res.Waiting, map[string]int64{"returns": 1}) {
		t.Errorf("waiting: %v", res.Waiting)
	}
}

// What waits is counted after rows of one key are settled: of two conflicting transactions none is there, and of two equal
// lines one.
func TestWaitingCountsWhatIsLeft(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{
		"transactions.csv": header + "t1,,2026-11-20T10:00,5\nt1,,2026-11-20T10:00,6\nt2,,2026-11-20T10:00,5\n",
		"items.csv":        "transaction_id,line_no,item_id,amount\nt1,1,i,5\nt1,2,i,5\nt2,1,i,5\nt3,1,i,5\nt3,1,i,5\n",
	})
	if res := p.load(); !maps.Equal(res.Waiting, map[string]int64{"items": 3}) {
		t.Errorf("waiting: %v, want the two lines of t1 and the one of t3", res.Waiting)
	}
}

// What waits is the same however many transactions are held against the lines at once, and however the rows lie in files.
func TestWaitingInParts(t *testing.T) {
	const lines = "transaction_id,line_no,item_id,amount\n"
	inOrder, mixed := make([]int, 20), make([]int, 20)
	for i := range inOrder {
		inOrder[i], mixed[i] = i, i*7%20
	}
	for _, ids := range [][]int{inOrder, mixed} {
		for _, files := range []int{1, 2, 5} {
			texts := map[string]string{"returns.csv": "return_id,transaction_id,amount,occurred_at\nr1,t03,5,2026-11-20T10:00\nr2,t04,5,2026-11-20T10:00\n"}
			for at, i := range ids {
				transactions, items := fmt.Sprintf("transactions-%d.csv", at*files/len(ids)), fmt.Sprintf("items-%d.csv", at*files/len(ids))
				if texts[items] == "" {
					texts[transactions], texts[items] = header, lines
				}
				texts[items] += fmt.Sprintf("t%02d,1,i,5\nt%02[1]d,2,i,5\n", i)
				if i%2 == 0 {
					texts[transactions] += fmt.Sprintf("t%02d,,2026-11-20T10:00,5\n", i)
				}
			}
			for _, atOnce := range []int64{1, 3, 10, 0} {
				p := newProject(t)
				p.o.straysAtOnce = atOnce
				p.deliver("2026-11-20", texts)
				if res := p.load(); !maps.Equal(res.Waiting, map[string]int64{"items": 20, "returns": 1}) {
					t.Errorf("%v in %d files, %d at once: waiting: %v, want the two lines and the return of those with odd numbers",
						ids, files, atOnce, res.Waiting)
				}
			}
		}
	}
}
