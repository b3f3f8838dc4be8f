package load

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// tx is a file of transactions; each row is `id amount [updated_at]`.
func tx(rows ...string) string {
	out := "transaction_id,occurred_at,amount,updated_at\n"
	for _, r := range rows {
		parts := append(strings.Split(r, " "), "")
		out += fmt.Sprintf("%s,2026-11-20T10:00,%s,%s\n", parts[0], parts[1], parts[2])
	}
	return out
}

// held lists what holds: id, amount and delivery.
func (p *project) held() []string {
	p.t.Helper()
	return p.rows("SELECT transaction_id, amount // 10000, strftime(delivery, '%d') FROM transactions")
}

func (p *project) equal(what string, got []string, want ...string) {
	p.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		p.t.Errorf("%s (-want +got)\n%s", what, d)
	}
}

func permutations(list []string) [][]string {
	if len(list) < 2 {
		return [][]string{list}
	}
	var out [][]string
	for i := range list {
		rest := append(append([]string{}, list[:i]...), list[i+1:]...)
		for _, p := range permutations(rest) {
			out = append(out, append([]string{list[i]}, p...))
		}
	}
	return out
}

// Whatever the order in which deliveries come, the same rows hold, and the same figures are told of every file.
func TestEveryOrderOfDeliveries(t *testing.T) {
	files := map[string]string{
		"2026-11-20": tx("a 1", "b 1", "c 1", "d 1"),
		"2026-11-21": tx("a 2", "b 1", "d -1"),
		"2026-11-22": tx("a 1", "b 2", "e 1"),
	}
	days := []string{"2026-11-20", "2026-11-21", "2026-11-22"}
	for _, format := range []string{"transactions.csv", "transactions.parquet"} {
		for _, order := range permutations(days) {
			p := newProject(t)
			for _, date := range order {
				text := files[date]
				if format == "transactions.parquet" {
					text = parquetOf(t, p.db, text)
				}
				p.deliver(date, map[string]string{format: text})
				p.load()
			}
			name := fmt.Sprint(format, " ", order)
			p.equal(name+": held", p.held(), "a|1|22", "b|2|22", "c|1|20", "d|1|20", "e|1|22")
			p.equal(name+": history", p.rows("SELECT transaction_id, amount // 10000, strftime(delivery, '%d'), state FROM transactions_history"),
				"a|1|20|duplicate", "a|2|21|superseded", "b|1|20|superseded", "b|1|21|superseded")
			p.equal(name+": figures", p.figures(), "2026-11-20/"+format+"|4|2|1|1|0", "2026-11-21/"+format+"|3|0|0|2|1", "2026-11-22/"+format+"|3|3|0|0|0")
		}
	}
}

// parquetOf turns a file of transactions into typed Parquet.
func parquetOf(t *testing.T, db *warehouse.DB, text string) string {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "x.csv"), filepath.Join(dir, "x.parquet")
	must(t, os.WriteFile(from, []byte(text), 0o600))
	must(t, second(db.Exec(t.Context(), "COPY (SELECT transaction_id, CAST(occurred_at AS TIMESTAMP) AS occurred_at, CAST(amount AS DECIMAL(18, 2)) AS amount, CAST(regexp_replace(updated_at, 'T\\d\\d:\\d\\d', '\\0:00') AS TIMESTAMPTZ) AS updated_at FROM read_csv("+
		warehouse.Literal(from)+", all_varchar = true, null_padding = true)) TO "+warehouse.Literal(to)+" (FORMAT parquet)")))
	return string(readFile(t, to))
}

// A key keeps the load that first brought it, and a content the load in which it came to hold.
func TestLoadsAreCarried(t *testing.T) {
	p := newProject(t)
	seqs := func() []string {
		return p.rows("SELECT transaction_id, first_seq, load_seq FROM transactions")
	}
	p.deliver("2026-11-20", map[string]string{"transactions.csv": tx("a 1", "b 1")})
	p.load()
	p.deliver("2026-11-22", map[string]string{"transactions.csv": tx("a 1", "b 2", "c 1")})
	p.load()
	p.equal("newer", seqs(), "a|1|1", "b|1|2", "c|2|2")
	p.deliver("2026-11-21", map[string]string{"transactions.csv": tx("a 3", "c 3", "d 1")})
	p.load()
	p.equal("older", seqs(), "a|1|1", "b|1|2", "c|2|2", "d|3|3")

	// Loaded anew: a is gone and the row between holds, b goes back to the first, c says the same, e is new.
	p.deliver("2026-11-22", map[string]string{"transactions.csv": tx("c 1", "e 1")})
	res := p.load()
	if len(res.Deliveries) != 1 || !res.Deliveries[0].Again || res.Deliveries[0].LoadSeq != 4 {
		t.Errorf("result %+v", res.Deliveries)
	}
	p.equal("held", p.held(), "a|3|21", "b|1|20", "c|1|22", "d|1|21", "e|1|22")
	p.equal("loads", seqs(), "a|1|4", "b|1|4", "c|2|2", "d|3|3", "e|4|4")
	p.equal("withdrawn", p.rows("FROM withdrawn"))
	p.equal("history", p.rows("SELECT transaction_id, strftime(delivery, '%d'), state FROM transactions_history"), "a|20|superseded", "c|21|superseded")

	// Nobody names e any more.
	p.deliver("2026-11-22", map[string]string{"transactions.csv": tx("c 1")})
	res = p.load()
	p.equal("withdrawn", p.rows("FROM withdrawn"), "transactions|e|5")
	if want := map[string]int64{"transactions": 1}; !maps.Equal(res.Deliveries[0].Withdrawn, want) {
		t.Errorf("withdrawn: %v", res.Deliveries[0].Withdrawn)
	}
	p.equal("figures", p.figures(), "2026-11-20/transactions.csv|2|1|0|1|0", "2026-11-21/transactions.csv|3|2|0|1|0", "2026-11-22/transactions.csv|1|1|0|0|0")
}

// F27: inside a delivery the greatest updated_at wins, and nothing is chosen silently.
func TestRowsOfOneDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		rows   []string
		held   []string
		counts string // accepted, duplicate, superseded, rejected
	}{
		"the same":                        {[]string{"a 1", "a 1.00", "a 01"}, []string{"a|1|20"}, "1|2|0|0"},
		"the same but for updated_at":     {[]string{"a 1", "a 1 2026-11-20T10:00"}, []string{"a|1|20"}, "1|1|0|0"},
		"newest wins":                     {[]string{"a 1 2026-11-20T10:00", "a 2 2026-11-20T11:00", "a 3"}, []string{"a|2|20"}, "1|0|2|0"},
		"with is newer than without":      {[]string{"a 1", "a 2 0001-01-01T00:00", "b 1"}, []string{"a|2|20", "b|1|20"}, "2|0|1|0"},
		"older says what the newest says": {[]string{"a 2 2026-11-20T10:00", "a 1", "a 2 2026-11-20T11:00"}, []string{"a|2|20"}, "1|1|1|0"},
		"instants, not texts":             {[]string{"a 1 2026-11-20T10:00+05:30", "a 2 2026-11-20T05:00Z"}, []string{"a|2|20"}, "1|0|1|0"},
		"without updated_at":              {[]string{"a 1", "a 2", "b 1"}, []string{"b|1|20"}, "1|0|0|2"},
		"tie":                             {[]string{"a 1 2026-11-20T10:00Z", "a 2 2026-11-20T15:30+05:30", "b 1"}, []string{"b|1|20"}, "1|0|0|2"},
		"tie at the top takes all":        {[]string{"a 1 2026-11-20T10:00", "a 2 2026-11-20T10:00", "a 1 2026-11-20T10:00", "a 9"}, nil, "0|0|0|4"},
		"tie below the top":               {[]string{"a 1", "a 2", "a 3 2026-11-20T10:00"}, []string{"a|3|20"}, "1|0|2|0"},
		"bad rows are set aside first":    {[]string{"a 1", "a -2 2026-11-20T10:00"}, []string{"a|1|20"}, "1|0|0|1"},
	} {
		for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}} {
			p := newProject(t)
			one, two, said := []string{}, []string{}, 0
			for _, i := range order {
				if i < len(c.rows) {
					if len(one) <= len(two) {
						one = append(one, c.rows[i])
					} else {
						two = append(two, c.rows[i])
					}
					amount, err := strconv.ParseFloat(strings.Fields(c.rows[i])[1], 64)
					must(t, err)
					said += int(amount)
				}
			}
			for _, form := range []string{"csv", "parquet"} {
				p.empty()
				text := func(rows []string) string {
					if form == "parquet" {
						return parquetOf(t, p.db, tx(rows...))
					}
					return tx(rows...)
				}
				// Over two files, so that it is not about places in one. What the control file says are the amounts of all rows.
				p.deliver("2026-11-20", map[string]string{"transactions-1." + form: text(one), "transactions-2." + form: text(two),
					"control.json": fmt.Sprintf(`{"transactions": {"rows": %d, "amount": "%d"}}`, len(c.rows), said)})
				p.load()
				p.equal(name, p.held(), c.held...)
				p.equal(name, p.rows("SELECT sum(rows_accepted), sum(rows_duplicate), sum(rows_superseded), sum(rows_rejected) FROM files"), c.counts)
			}
		}
	}
}

// Only transactions have updated_at; rows of the others that differ are all rejected, with the row as it came.
func TestConflictsKeepTheirRows(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{
		"transactions.csv": tx("t1 5"),
		"items.csv":        "transaction_id,line_no,item_id,amount\nt1,1,\"i\n1\",5\nt1,2,i2,5\nt1,1,i3,5\n",
		"items.ndjson":     `{"transaction_id":"t1","line_no":1,"item_id":"i4","amount":5.0}` + "\n",
		"stores.csv":       "store_id,region\ns1,north\ns1,south\ns1,north\n",
	})
	p.load()
	p.equal("rejects", p.rows("SELECT dataset, row_no, reason, detail, raw FROM rejects"),
		"items|1|conflicting_rows|<nil>|t1,1,\"i\n1\",5",
		`items|1|conflicting_rows|<nil>|{"transaction_id":"t1","line_no":1,"item_id":"i4","amount":5.0}`,
		"items|3|conflicting_rows|<nil>|t1,1,i3,5",
		"stores|1|conflicting_rows|<nil>|s1,north", "stores|2|conflicting_rows|<nil>|s1,south", "stores|3|conflicting_rows|<nil>|s1,north")
	p.equal("items", p.rows("SELECT transaction_id, line_no FROM items"), "t1|2")

	// A conflict says nothing (F26): what an earlier delivery said holds on.
	p.deliver("2026-11-19", map[string]string{"transactions.csv": tx("t1 4"), "stores.csv": "store_id,region\ns1,west\n"})
	p.load()
	p.equal("stores", p.rows("SELECT store_id, region FROM stores"), "s1|west")
	p.equal("transactions", p.held(), "t1|5|20")
}

// V25: the same delivery twice and the same file twice in one delivery count once.
func TestV25(t *testing.T) {
	text := tx("a 1", "b 2", "c 3")
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{"transactions.csv": text, "transactions-copy.csv": text})
	p.load()
	p.deliver("2026-11-21", map[string]string{"transactions.csv": text})
	p.load()
	p.equal("held", p.held(), "a|1|21", "b|2|21", "c|3|21")
	p.equal("figures", p.figures(), "2026-11-20/transactions-copy.csv|3|0|3|0|0", "2026-11-20/transactions.csv|3|0|3|0|0",
		"2026-11-21/transactions.csv|3|3|0|0|0")
	p.equal("loads", p.rows("SELECT DISTINCT first_seq, load_seq FROM transactions"), "1|1")
}

// The same for what DuckDB reads itself, over the border of its row groups, where keys rise all the way but once.
func TestTwinsFarApart(t *testing.T) {
	query := "SELECT printf('t%%07d', CASE WHEN i = %d THEN %d ELSE i END) AS transaction_id, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, %s AS amount FROM range(300000) r(i)"
	for i, c := range []struct {
		at, as int
		amount string
		want   string
	}{
		{-1, 0, "1", "300000|300000|0|0"}, {122880, 122879, "1", "300000|299999|1|0"},
		{299999, 0, "1", "300000|299999|1|0"}, {250000, 100, "i", "300000|299998|0|2"},
	} {
		date := pipeline.NewDate(2026, 11, 1+i).String()
		p := newProject(t)
		p.deliver(date, map[string]string{"transactions.parquet": written(t, fmt.Sprintf(query, c.at, c.as, c.amount))})
		p.load()
		p.equal(fmt.Sprint(c), p.rows("SELECT rows_read, rows_accepted, rows_duplicate, rows_rejected FROM files"), c.want)
	}
}

// F48: members' rows hold for each delivery.
func TestMembersOfEveryDelivery(t *testing.T) {
	p := newProject(t)
	none := "activity_id,member_id,type,occurred_at\n"
	members := func(rows string) map[string]string {
		return map[string]string{"activities.csv": none, "members.csv": "member_id,tier\n" + rows}
	}
	p.deliver("2026-11-21", members("m1,gold\nm2,\n"))
	p.load()
	p.deliver("2026-11-20", members("m1,gold\nm3,\nm3,\n"))
	p.load()
	p.equal("members", p.rows("SELECT member_id, strftime(delivery, '%d'), first_seq, load_seq FROM members"), "m1|20|2|2", "m1|21|1|1", "m2|21|1|1", "m3|20|2|2")
	p.deliver("2026-11-21", members("m1,gold\nm3,x\n"))
	p.load()
	p.equal("members", p.rows("SELECT member_id, strftime(delivery, '%d'), first_seq, load_seq FROM members"), "m1|20|2|2", "m1|21|1|1", "m3|20|2|2", "m3|21|3|3")
	p.equal("withdrawn", p.rows("FROM withdrawn"), "members|m2|3")
}

// A return that moves or vanishes is noted for its transaction, a line for its transaction.
func TestWithdrawnIsToldByTransaction(t *testing.T) {
	p := newProject(t)
	returns := "return_id,transaction_id,amount,occurred_at\n"
	items := "transaction_id,line_no,item_id,amount\n"
	p.deliver("2026-11-20", map[string]string{"transactions.csv": tx("t1 5", "t2 5"), "items.csv": items + "t1,1,i,5\nt1,2,i,5\n",
		"returns.csv": returns + "r1,t1,1,2026-11-20T10:00\nr2,t2,1,2026-11-20T10:00\nr3,t2,1,2026-11-20T10:00\n"})
	p.load()
	p.deliver("2026-11-21", map[string]string{"transactions.csv": tx(), "returns.csv": returns + "r1,t2,1,2026-11-20T10:00\n"})
	p.load()
	p.equal("moved", p.rows("FROM withdrawn"), "returns|t1|2")
	p.deliver("2026-11-20", map[string]string{"transactions.csv": tx("t1 5", "t2 5"), "items.csv": items + "t1,1,i,5\n",
		"returns.csv": returns + "r2,t1,1,2026-11-20T10:00\n"})
	p.load()
	p.equal("withdrawn", p.rows("SELECT DISTINCT * FROM withdrawn"), "items|t1|3", "returns|t1|2", "returns|t2|3")
	p.equal("returns", p.rows("SELECT return_id, transaction_id, first_seq, load_seq FROM returns"), "r1|t2|1|2", "r2|t1|1|3")
}

func TestWhatMakesADeliveryLoadAgain(t *testing.T) {
	p := newProject(t)
	var steps []string
	p.o.Step = func(name string) { steps = append(steps, name) }
	p.deliver("2026-11-20", map[string]string{"transactions.csv": tx("a 1", "b 1")})
	first := p.load().Deliveries[0].Fingerprint
	p.equal("steps", steps, Steps...)
	again := func() int { t.Helper(); return len(p.load().Deliveries) }
	if again() != 0 {
		t.Error("nothing has changed, and it was loaded again")
	}
	path := filepath.Join(p.o.ExportsDir, "date=2026-11-20", "transactions.csv")
	must(t, os.Chtimes(path, time.Unix(1_800_000_000, 0), time.Unix(1_800_000_000, 5)))
	if again() != 0 {
		t.Error("a touched file was loaded again")
	}
	p.equal("time", p.rows("SELECT modified_ns FROM files"), "1800000000000000005")
	p.put("2026-11-20", "transactions.csv", tx("a 2", "b 1")) // of the same size
	if again() != 1 {
		t.Error("a changed file was not loaded again")
	}
	p.put("2026-11-20", "items.csv", "transaction_id,line_no,item_id,amount\n")
	if again() != 1 {
		t.Error("a new file was not loaded")
	}
	p.put("2026-11-20", "control.json", "{}")
	if again() != 1 {
		t.Error("a new control.json was not looked at")
	}
	p.deliver("2026-11-20", map[string]string{"transactions.csv": tx("a 1", "b 1")})
	if got := p.load().Deliveries[0].Fingerprint; got != first {
		t.Errorf("the same files have the fingerprint %s, and had %s", got, first)
	}

	p.remove("2026-11-20")
	res := p.load()
	p.equal("a folder that is gone", res.Warnings, "delivery 2026-11-20 was loaded and its folder is gone; what was loaded stays")
	p.equal("held", p.held(), "a|1|20", "b|1|20")
}

// A row that was rejected for its currency comes in when a program has that currency.
func TestNewCurrency(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{"transactions.csv": "transaction_id,occurred_at,amount,currency\na,2026-11-20T10:00,1,EUR\nb,2026-11-20T10:00,1,USD\n"})
	p.load()
	p.o.Currencies = []string{"INR", "EUR"}
	p.load()
	p.equal("held", p.held(), "a|1|20")
	p.equal("rejects", p.rejects(), "transactions|2|unknown_currency")
	if res := p.load(); len(res.Deliveries) != 0 {
		t.Error("it is loaded again and again")
	}
}

// What DuckDB cannot read in a file that it should be able to is read row by row.
func TestDirectFallsBack(t *testing.T) {
	p := newProject(t)
	text := written(t, "SELECT 't' || i AS transaction_id, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, 1.5 AS amount, 'abcdefg' || i AS channel FROM range(3) r(i)")
	if n := strings.Count(text, "abcdefg1"); n == 0 {
		t.Fatal("texts are not to be seen in the file")
	}
	p.deliver("2026-11-20", map[string]string{"transactions.parquet": strings.ReplaceAll(text, "abcdefg1", "abc\xff\xfefg1")})
	p.load()
	p.equal("held", p.held(), "t0|1|20", "t2|1|20")
	p.equal("rejects", p.rejects(), "transactions|2|bad_row")
}

// Rows of more files than are read one by one come again: half of them say something else.
func TestRowsOfManyFilesComeAgain(t *testing.T) {
	p := newProject(t)
	const files = mostMetFiles + 1
	first, again := map[string]string{}, header
	for i := range files {
		first[fmt.Sprintf("transactions-%03d.csv", i)] = fmt.Sprintf("%sa%d,,2026-11-20T10:00,5\nb%d,,2026-11-20T10:00,5\n", header, i, i)
		again += fmt.Sprintf("a%d,,2026-11-20T10:00,6\nb%d,,2026-11-20T10:00,5\n", i, i)
	}
	p.deliver("2026-11-20", first)
	p.load()
	p.deliver("2026-11-21", map[string]string{"transactions.csv": again})
	p.load()
	p.equal("history", p.rows("SELECT left(transaction_id, 1), state, strftime(delivery, '%d'), count(*) FROM transactions_history GROUP BY ALL"),
		fmt.Sprintf("a|superseded|20|%d", files), fmt.Sprintf("b|duplicate|20|%d", files))
	// What says the same holds since the load that first said it.
	p.equal("held", p.rows("SELECT left(transaction_id, 1), strftime(delivery, '%d'), load_seq, first_seq, amount, count(*) FROM transactions GROUP BY ALL"),
		fmt.Sprintf("a|21|2|1|60000|%d", files), fmt.Sprintf("b|21|1|1|50000|%d", files))
	p.addsUp()
}
