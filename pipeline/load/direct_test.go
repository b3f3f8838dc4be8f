package load

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"accrue/pipeline/columnar"
)

// What DuckDB makes of a typed amount is what parseNumber makes of its text.
func TestUnitsAreThoseOfTheText(t *testing.T) {
	p := newProject(t)
	values := []string{"0", "1", "-1", "0.1", "-0.01", "0.0001", "-0.0001", "999.99", "123456789.12", "99999999999", "-99999999999.99",
		"999999999999.9", "9999999999999", "99999999999999.9999", "100000000000000", "-100000000000000", "100000000000000.0001",
		"100000000000001", "-100000000000001", "999999999999999999", "9999999999999999999999999999999999", "-9999999999999999999999999999999999.9999"}
	tested := 0
	for _, typ := range []string{"TINYINT", "BIGINT", "UBIGINT", "DECIMAL(4,4)", "DECIMAL(9,2)", "DECIMAL(13,0)", "DECIMAL(13,4)", "DECIMAL(14,2)",
		"DECIMAL(18,0)", "DECIMAL(18,2)", "DECIMAL(18,4)", "DECIMAL(19,4)", "DECIMAL(38,0)", "DECIMAL(38,2)", "DECIMAL(38,4)"} {
		c := columnar.SourceColumn{Class: columnar.ClassInteger}
		if _, err := fmt.Sscanf(typ, "DECIMAL(%d,%d)", &c.Precision, &c.Scale); err == nil {
			c.Class = columnar.ClassDecimal
		}
		for _, v := range values {
			// Only values that the type holds as they are.
			held := p.rows(fmt.Sprintf("SELECT CAST(TRY_CAST('%s' AS %s) AS VARCHAR)", v, typ))[0]
			whole, frac, negative, _ := splitNumber([]byte(v))
			if w, f, n, ok := splitNumber([]byte(held)); !ok || string(w) != string(whole) || string(f) != string(frac) || n != negative {
				continue
			}
			tested++
			// A column, not a constant, which DuckDB might work out in another way.
			got := p.rows(fmt.Sprintf("SELECT coalesce(%s, -7) FROM (SELECT CAST('%s' AS %s) AS q FROM range(2) r(i) WHERE i < 1)", units(c, "q"), v, typ))[0]
			want, reason := parseNumber([]byte(v))
			if text := fmt.Sprint(want); reason == "" && got != text || reason != "" && got != "-7" && !large(got) {
				t.Errorf("%s as %s is %s, want %s %s", v, typ, got, text, reason)
			}
		}
	}
	if tested < 150 {
		t.Errorf("only %d values were tested", tested)
	}
}

// large reports whether ten-thousandths are more than an amount can be: such a row is rejected by a test of its own.
func large(text string) bool { return len(strings.TrimPrefix(text, "-")) >= 19 }

// Types that DuckDB is not trusted with are read row by row, with the same outcome as text.
func TestOddTypesOfParquet(t *testing.T) {
	for name, c := range map[string]struct {
		columns string
		want    []string // of t1, t2, t3: amount, or the reason
	}{
		"fine decimals": {"unnest(['10.12345', '1.5', '9999999999999999999999999999.9'])::DECIMAL(38,10) AS amount, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at",
			[]string{"too_many_places", "15000", "number_too_large"}},
		"nanoseconds": {"1 AS amount, unnest(['2026-11-20 10:00:00.000000001', '2026-11-20 10:00:00.000001', NULL])::TIMESTAMP_NS AS occurred_at",
			[]string{"bad_timestamp", "10000", "bad_timestamp"}},
		"far times": {"1 AS amount, unnest(['infinity', '2026-11-20 10:00:00', '10000-01-01 00:00:00'])::TIMESTAMP AS occurred_at",
			[]string{"bad_timestamp", "10000", "bad_timestamp"}},
		"blobs": {"1 AS amount, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, unnest(['a'::BLOB, '\\xFF'::BLOB, NULL]) AS channel",
			[]string{"10000", "bad_row", "10000"}},
		"names of another case": {"unnest([1, 2, 3]) AS amount, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, 'x' AS file_row_number",
			[]string{"10000", "20000", "30000"}},
		"all null": {"unnest([1, -1, 3]) AS amount, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, NULL AS currency, NULL::DATE AS x",
			[]string{"10000", "negative_amount", "30000"}},
	} {
		p := newProject(t)
		p.deliver("2026-11-20", map[string]string{"transactions.parquet": written(t, "SELECT unnest(['t1', 't2', 't3']) AS transaction_id, "+c.columns)})
		p.load()
		got := p.rows("SELECT row_no, amount::VARCHAR AS said FROM transactions UNION ALL SELECT row_no, reason FROM rejects")
		want := []string{"1|" + c.want[0], "2|" + c.want[1], "3|" + c.want[2]}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
