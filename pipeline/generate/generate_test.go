package generate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

func options(t *testing.T, format string) Options {
	t.Helper()
	o := Defaults()
	o.Dir, o.Format = t.TempDir(), format
	o.From = pipeline.NewDate(2026, 11, 16) // a Monday
	return o
}

func run(t *testing.T, o Options) *Result {
	t.Helper()
	res, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// digests returns the SHA-256 of every file below dir, by its path.
func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d files, want %d", what, len(got), len(want))
	}
	for name, sum := range want {
		if got[name] != sum {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

func TestSameBytesWithAnyNumberOfThreads(t *testing.T) {
	for _, format := range []string{"csv", "parquet", "ndjson"} {
		o := options(t, format)
		o.Days, o.Transactions, o.linesPerFile = 2, 5_000, 3_000
		o.Threads = 1
		run(t, o)
		want := digests(t, o.Dir)
		if want["date=2026-11-16/items-003."+format] == "" {
			t.Fatalf("the rows were to be split over several files, got only %v", want)
		}
		o.Dir, o.Threads = t.TempDir(), 3
		run(t, o)
		same(t, format+", 3 threads", digests(t, o.Dir), want)
	}
}

func TestSeedDecides(t *testing.T) {
	o := options(t, "csv")
	o.Transactions = 500
	run(t, o)
	got := digests(t, o.Dir)
	// Written down from one driver and one machine: it must be this everywhere, on both drivers.
	const want = "fc31524cce507eeae003664bf99e3acaca522adc141e07ed7a24758d2fd67fbd"
	if sum := got["date=2026-11-16/transactions.csv"]; sum != want {
		t.Errorf("transactions.csv of seed 1 has digest %s, want %s", sum, want)
	}
	o.Dir, o.Seed = t.TempDir(), 2
	run(t, o)
	for name, sum := range digests(t, o.Dir) {
		if sum == got[name] && filepath.Ext(name) == ".csv" && !strings.Contains(name, "stores") {
			t.Errorf("%s is the same with another seed", name)
		}
	}
}

// facts opens a generated folder as tables named after the datasets.
func facts(t *testing.T, dir, ext string) *warehouse.DB {
	t.Helper()
	ctx := context.Background()
	db, err := warehouse.Open(ctx, warehouse.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, name := range []string{"transactions", "items", "returns", "activities", "members", "stores"} {
		reader := map[string]string{
			"parquet": "read_parquet(%, filename = true)",
			"csv":     "read_csv(%, filename = true, all_varchar = true, header = true)",
			"ndjson":  "read_json(%, filename = true, format = 'newline_delimited')",
		}[ext]
		glob := warehouse.Literal(filepath.Join(dir, "date=*", name+"*."+ext))
		if _, err := db.Exec(ctx, `CREATE OR REPLACE TABLE `+name+` AS SELECT *,
			CAST(regexp_extract(filename, 'date=([0-9-]+)', 1) AS DATE) AS sent FROM `+
			strings.Replace(reader, "%", glob, 1)); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func number(t *testing.T, db *warehouse.DB, query string) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRow(context.Background(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// none fails if the query finds rows.
func none(t *testing.T, db *warehouse.DB, what, query string) {
	t.Helper()
	if n := number(t, db, "SELECT count(*) FROM ("+query+")"); n != 0 {
		t.Errorf("%s: %d rows", what, n)
	}
}

func between(t *testing.T, what string, got, least, most int64) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s: %d, want %d to %d", what, got, least, most)
	}
}

func TestRowsMakeSense(t *testing.T) {
	o := options(t, "parquet")
	o.Days, o.Transactions, o.Members, o.LinesPerTransaction = 14, 10_000, 20_000, 3
	res := run(t, o)
	db := facts(t, o.Dir, "parquet")

	if n := number(t, db, "SELECT count(DISTINCT transaction_id) FROM transactions"); n != 140_000 {
		t.Errorf("%d transactions, want 14 days of 10,000", n)
	}
	if n := number(t, db, "SELECT count(*) FROM items"); n != 420_000 || res.Rows["items"] != n {
		t.Errorf("%d items of which Run tells %d, want three each", n, res.Rows["items"])
	}
	none(t, db, "amount is not lines, tax, shipping and tip", `SELECT 1 FROM transactions t
		JOIN (SELECT transaction_id, sum(amount) AS net FROM items GROUP BY ALL) i USING (transaction_id)
		WHERE t.amount <> i.net + t.tax + t.shipping + t.tip`)
	none(t, db, "parts of an amount", `SELECT 1 FROM transactions
		WHERE least(amount, tax, shipping, tip, gift_card, store_credit) < 0 OR gift_card + store_credit > amount
		UNION ALL SELECT 1 FROM returns WHERE amount <= 0 OR tax + shipping + tip > amount OR gift_card + store_credit > amount`)
	none(t, db, "keys twice in a delivery", `SELECT 1 FROM transactions GROUP BY sent, transaction_id HAVING count(*) > 1
		UNION ALL SELECT 1 FROM items GROUP BY transaction_id, line_no HAVING count(*) > 1
		UNION ALL SELECT 1 FROM returns GROUP BY return_id HAVING count(*) > 1
		UNION ALL SELECT 1 FROM activities GROUP BY activity_id HAVING count(*) > 1
		UNION ALL SELECT 1 FROM members GROUP BY sent, member_id HAVING count(*) > 1`)
	none(t, db, "items without purchase", "SELECT 1 FROM items ANTI JOIN transactions USING (transaction_id)")
	none(t, db, "stores that do not exist", "SELECT 1 FROM transactions ANTI JOIN stores USING (store_id) WHERE store_id <> ''")
	none(t, db, "returns before or larger than the purchase, or of what was not bought", `SELECT 1 FROM returns r
		LEFT JOIN (FROM transactions WHERE status = 'completed') t USING (transaction_id)
		WHERE t.amount IS NULL OR r.occurred_at < t.occurred_at OR r.amount > t.amount`)
	none(t, db, "a row of another day", `SELECT 1 FROM transactions WHERE CAST(occurred_at AS DATE) > sent
		UNION ALL SELECT 1 FROM activities WHERE CAST(occurred_at AS DATE) <> sent
		UNION ALL SELECT 1 FROM returns WHERE CAST(occurred_at AS DATE) <> sent`)
	none(t, db, "settled twice or never pending", `SELECT transaction_id FROM transactions GROUP BY transaction_id
		HAVING count(*) > 2 OR (count(*) = 2 AND arg_min(status, sent) <> 'pending')`)
}

func TestSkew(t *testing.T) {
	o := options(t, "parquet")
	o.Days, o.Transactions, o.Members = 14, 10_000, 20_000
	run(t, o)
	db := facts(t, o.Dir, "parquet")
	first := "(FROM transactions WHERE filename NOT LIKE '%settled%')"

	between(t, "per cent of purchases by the first percent of members", number(t, db, `SELECT sum(n) * 100 // (SELECT count(*) FROM
		transactions) FROM (SELECT count(*) AS n FROM transactions WHERE member_id <> '' GROUP BY member_id ORDER BY n DESC LIMIT 200)`), 12, 22)
	between(t, "purchases of the best member (average 7)", number(t, db,
		"SELECT max(n) FROM (SELECT count(*) AS n FROM transactions WHERE member_id <> '' GROUP BY member_id)"), 120, 300)
	between(t, "purchases of nobody per mille", number(t, db,
		"SELECT count(*) * 1000 // 140000 FROM "+first+" WHERE member_id IS NULL"), 65, 90)
	between(t, "Saturday's purchases over Monday's, per cent", number(t, db, `SELECT count(*) FILTER (WHERE dayofweek(sent) = 6)
		* 100 // count(*) FILTER (WHERE dayofweek(sent) = 1) FROM `+first), 154, 158)
	between(t, "the evening's best hour over the morning's eighth", number(t, db, `SELECT count(*) FILTER (WHERE hour(occurred_at) = 18)
		// count(*) FILTER (WHERE hour(occurred_at) = 8) FROM `+first), 4, 6)
	between(t, "late per mille", number(t, db,
		"SELECT count(*) * 1000 // 140000 FROM "+first+" WHERE CAST(occurred_at AS DATE) < sent"), 8, 12)
	// A seventh of the returns of the last week lies after the last delivery, two sevenths …: about a quarter of all.
	between(t, "returns per mille", number(t, db, "SELECT count(*) * 1000 // 140000 FROM returns"), 20, 26)
	between(t, "activities", number(t, db, "SELECT count(*) FROM activities"), 6_980, 7_000)
	between(t, "the best article's lines over the tenth's, per cent", number(t, db, `SELECT n[1] * 100 // n[10] FROM (SELECT
		list(n ORDER BY n DESC) AS n FROM (SELECT count(*) AS n FROM items GROUP BY item_id))`), 300, 800)
	between(t, "members with the highest tier per mille", number(t, db,
		"SELECT count(*) FILTER (WHERE tier = 'diamond') * 1000 // count(*) FROM members WHERE sent = DATE '2026-11-16'"), 30, 60)
	between(t, "kinds of everything", number(t, db, `SELECT min(n) FROM (
		SELECT count(DISTINCT status) AS n FROM transactions UNION ALL SELECT count(DISTINCT channel) FROM transactions
		UNION ALL SELECT count(DISTINCT region) - 1 FROM stores)`), 3, 3)
}

func TestControlTellsTheTruth(t *testing.T) {
	o := options(t, "csv")
	o.Days, o.Transactions = 2, 2_000
	run(t, o)
	db := facts(t, o.Dir, "csv")
	for _, day := range []string{"2026-11-16", "2026-11-17"} {
		folder := filepath.Join(o.Dir, "date="+day)
		if _, err := os.Stat(filepath.Join(folder, "_SUCCESS")); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(filepath.Join(folder, "control.json"))
		if err != nil {
			t.Fatal(err)
		}
		var control map[string]struct {
			Rows   int64
			Amount string
		}
		if err := json.Unmarshal(text, &control); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"transactions", "items", "returns", "activities", "members"} {
			where := " FROM " + name + " WHERE sent = DATE '" + day + "'"
			if n := number(t, db, "SELECT count(*)"+where); n != control[name].Rows || n == 0 {
				t.Errorf("%s of %s: %d rows, control says %d", name, day, n, control[name].Rows)
			}
			if name == "activities" || name == "members" {
				continue
			}
			var sum string
			if err := db.QueryRow(context.Background(), "SELECT CAST(sum(CAST(amount AS DECIMAL(18,2))) AS VARCHAR)"+where).
				Scan(&sum); err != nil {
				t.Fatal(err)
			}
			if sum != control[name].Amount {
				t.Errorf("%s of %s: amounts add up to %s, control says %s", name, day, sum, control[name].Amount)
			}
		}
	}
}

func TestFormatsSayTheSame(t *testing.T) {
	ctx := context.Background()
	var sums []string
	for _, format := range []string{"csv", "parquet", "ndjson"} {
		o := options(t, format)
		o.Transactions = 1_000
		run(t, o)
		db := facts(t, o.Dir, format)
		var sum string
		if err := db.QueryRow(ctx, `SELECT string_agg(transaction_id || coalesce(member_id, '') || CAST(CAST(occurred_at AS
			TIMESTAMP) AS VARCHAR) || CAST(CAST(amount AS DECIMAL(18, 2)) AS VARCHAR) || coalesce(store_id, ''), '|' ORDER BY transaction_id)
			FROM transactions`).Scan(&sum); err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	if sums[0] != sums[1] || sums[0] != sums[2] || len(sums[0]) < 40_000 {
		t.Errorf("csv, parquet and ndjson hold different transactions:\n%.200s\n%.200s\n%.200s", sums[0], sums[1], sums[2])
	}
}

func TestRefusals(t *testing.T) {
	o := options(t, "xml")
	o.Days, o.Transactions, o.Stores, o.LatePerMille = 0, -1, 9_999, 1_001
	_, err := Run(context.Background(), o)
	if err == nil {
		t.Fatal("nonsense was accepted")
	}
	for _, want := range []string{"days: 0", "transactions: -1", "stores: 9999", "late per mille: 1001", `format "xml"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}

	o = options(t, "csv")
	o.Days, o.Transactions = 2, 10
	there := filepath.Join(o.Dir, "date=2026-11-17")
	if err := os.MkdirAll(there, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), there) {
		t.Errorf("a folder that is there gave %v", err)
	}
	if got := digests(t, o.Dir); len(got) != 0 {
		t.Errorf("it wrote %v all the same", got)
	}
}

func TestInterruptedLeavesNoDelivery(t *testing.T) {
	o := options(t, "csv")
	o.Transactions = 50_000
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(Progress) { cancel() }
	if _, err := Run(ctx, o); err == nil {
		t.Fatal("an interrupted generation says that it is done")
	}
	if found, _ := filepath.Glob(filepath.Join(o.Dir, "date=*")); len(found) != 0 {
		t.Errorf("half a delivery stands at %v", found)
	}
	run(t, func() Options { o.Progress = nil; return o }())
	if found, _ := filepath.Glob(filepath.Join(o.Dir, ".*")); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestSmallest(t *testing.T) {
	o := options(t, "parquet")
	o.Days, o.Transactions, o.LinesPerTransaction, o.Members, o.Stores = 3, 1, 1, 1, 1
	o.ActivitiesPerMille, o.ReturnsPerMille = 0, 0
	res := run(t, o)
	if res.Rows["transactions"] < 3 || res.Rows["members"] > 3 || res.Rows["stores"] != 1 || res.Rows["returns"] != 0 {
		t.Errorf("rows %v", res.Rows)
	}
}
