package load

import (
	"fmt"
	"strings"
	"testing"
)

// Numbers that lose digits on their way through DOUBLE, or are rounded by a cast, keep them here, whatever the form.
func TestNumbersKeepTheirDigits(t *testing.T) {
	amounts := []string{"99999999999999.9999", "12345678901234.5678", "1.239", "0.3", "4.35", "1.15", "8.20"}
	want := []string{"1|999999999999999999", "2|123456789012345678", "3|12390", "4|3000", "5|43500", "6|11500", "7|82000"}
	csv, ndjson := header, ""
	var values []string
	for i, a := range amounts {
		csv += fmt.Sprintf("t%d,m1,2026-11-20T10:00,%s\n", i, a)
		ndjson += fmt.Sprintf(`{"transaction_id":"t%d","occurred_at":"2026-11-20T10:00","amount":%s}`+"\n", i, a)
		values = append(values, fmt.Sprintf("('t%d', TIMESTAMP '2026-11-20 10:00:00', CAST('%s' AS DECIMAL(19,4)))", i, a))
	}
	parquet := written(t, "SELECT * FROM (VALUES "+strings.Join(values, ", ")+") v(transaction_id, occurred_at, amount)")
	for name, text := range map[string]string{"transactions.csv": csv, "transactions.ndjson": ndjson, "transactions.parquet": parquet} {
		p := newProject(t)
		p.deliver("2026-11-20", map[string]string{name: text})
		p.load()
		p.equal(name, p.rows("SELECT row_no, amount FROM transactions"), want...)
	}
}

// A file's sum goes beyond 64 bits without a wrong sign, on two threads as on one.
func TestSumsBeyond64Bits(t *testing.T) {
	const rows = 250_000 // over several row groups; each is 10^14
	csv := strings.Builder{}
	csv.WriteString(header)
	for i := range rows {
		fmt.Fprintf(&csv, "t%d,,2026-11-20T10:00,100000000000000\n", i)
	}
	parquet := written(t, fmt.Sprintf("SELECT 't' || i AS transaction_id, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, 100000000000000 AS amount FROM range(%d) r(i)", rows))
	for name, text := range map[string]string{"transactions.csv": csv.String(), "transactions.parquet": parquet} {
		p := newProject(t)
		p.deliver("2026-11-20", map[string]string{name: text,
			"control.json": `{"transactions": {"rows": 250000, "amount": "25000000000000000000"}}`})
		res := p.load()
		p.equal(name, p.rows("SELECT amount_read FROM files"), "250000000000000000000000")
		if got := res.Deliveries[0].Datasets[0].Amount.String(); got != "25000000000000000000" {
			t.Errorf("%s: the sum is %s", name, got)
		}
	}
}
