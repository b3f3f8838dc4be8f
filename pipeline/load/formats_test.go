package load

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/warehouse"
)

// sheet is the same rows for every form of file. An empty cell is absent.
type sheet struct {
	dataset string
	columns []string
	types   []string // of the typed Parquet file; each cell must be a value of it
	rows    [][]string
	rejects []string // row and reason
	facts   []string // row number and what is stored, some columns of some rows
	query   string
}

const instantText, wallText = "2026-11-20T04:30:00.000000Z", "2026-11-20T10:00:00.500000"

var sheets = []sheet{
	{
		dataset: "transactions",
		columns: []string{"transaction_id", "member_id", "occurred_at", "amount", "currency", "status", "tax", "tip", "gift_card", "updated_at", "channel"},
		types:   []string{"VARCHAR", "BIGINT", "TIMESTAMP", "DECIMAL(20,4)", "VARCHAR", "VARCHAR", "DECIMAL(9,2)", "INTEGER", "DECIMAL(38,0)", "TIMESTAMPTZ", "VARCHAR"},
		rows: [][]string{
			1:  {"t01", "7", wallText, "100.0000", "INR", "pending", "10.00", "3", "100", instantText, "web"},
			2:  {"", "7", wallText, "1.0000", "", "", "", "", "", "", ""},
			3:  {"t03", "", "", "1.0000", "EUR", "", "", "", "", "", ""},
			4:  {"t04", "", wallText, "", "", "", "", "", "", "", ""},
			5:  {"t05", "", wallText, "-0.0001", "EUR", "", "", "", "", "", ""},
			6:  {"t06", "", wallText, "100000000000000.0001", "", "", "-1.00", "", "", "", ""},
			7:  {"t07", "", wallText, "100000000000000.0000", "", "", "", "", "", "", ""},
			8:  {"t08", "", wallText, "1.0000", "EUR", "done", "", "", "", "", ""},
			9:  {"t09", "", wallText, "1.0000", "INR", "done", "2.00", "", "", "", ""},
			10: {"t10", "", wallText, "10.0000", "INR", "", "7.00", "4", "", "", ""},
			11: {"t11", "", wallText, "10.0000", "INR", "", "", "", "11", "", ""},
			12: {"t12", "", wallText, "10.0000", "INR", "", "7.00", "3", "10", "", ""},
			13: {"t13", "", wallText, "1.0000", "", "", "", "", "", "", "a\x00b"},
			14: {"t14", "", wallText, "0.0000", "", "", "", "", "", "", "é,\"x\""},
			15: {"t01", "7", wallText, "100.0000", "INR", "pending", "10.00", "3", "100", "", "web"},
			16: {"t16", "", wallText, "5.0000", "", "", "", "", "99999999999999999999999999999999999999", "", ""},
			17: {"t17", "", wallText, "5.0000", "", "cancelled", "", "-1", "", "", ""},
			18: {"t18", "1", wallText, "5.0000", "", "", "", "", "", "", ""},
			19: {"t18", "2", wallText, "5.0000", "", "", "", "", "", "", ""},
		},
		rejects: []string{"10|parts_exceed_amount", "11|parts_exceed_amount", "13|bad_row", "16|number_too_large", "17|negative_amount",
			"18|conflicting_rows", "19|conflicting_rows", "2|missing_key", "3|bad_timestamp", "4|bad_number", "5|negative_amount",
			"6|number_too_large", "8|unknown_currency", "9|bad_status"},
		// 2026-11-20T10:00:00.5 is 20777 days and 36000.5 seconds after the epoch; 04:30Z is 16200.
		query: "SELECT row_no, transaction_id, member_id, occurred_wall, occurred_offset, occurred_form, amount, currency, status, tax, tip, gift_card, updated_wall, updated_offset, updated_form, channel, shipping FROM transactions",
		facts: []string{
			"12|t12|<nil>|1795168800500000|<nil>|14|100000|INR|completed|70000|30000|100000|<nil>|<nil>|<nil>|<nil>|0",
			"14|t14|<nil>|1795168800500000|<nil>|14|0|<nil>|completed|0|0|0|<nil>|<nil>|<nil>|é,\"x\"|0",
			"1|t01|7|1795168800500000|<nil>|14|1000000|INR|pending|100000|30000|1000000|1795149000000000|0|30|web|0",
			"7|t07|<nil>|1795168800500000|<nil>|14|1000000000000000000|<nil>|completed|0|0|0|<nil>|<nil>|<nil>|<nil>|0",
		},
	},
	{
		dataset: "items",
		columns: []string{"transaction_id", "line_no", "item_id", "category", "quantity", "amount"},
		types:   []string{"BIGINT", "SMALLINT", "VARCHAR", "VARCHAR", "DECIMAL(10,3)", "BIGINT"},
		rows: [][]string{
			1: {"1", "1", "i1", "c", "2.000", "50"},
			2: {"1", "2", "i1", "", "", "-50"},
			3: {"1", "3", "", "", "", "1"},
			4: {"1", "", "i1", "", "-1.000", "1"},
			5: {"1", "5", "i1", "", "-1.000", "1"},
			6: {"1", "6", "i1", "", "", "-100000000000001"},
			7: {"1", "7", "i1", "", "0.000", ""},
			8: {"2", "1", "i1", "", "0.000", "0"},
		},
		rejects: []string{"3|missing_key", "4|missing_key", "5|negative_amount", "6|number_too_large", "7|bad_number"},
		query:   "SELECT row_no, transaction_id, line_no, item_id, category, brand, quantity, amount FROM items",
		facts:   []string{"1|1|1|i1|c|<nil>|20000|500000", "2|1|2|i1|<nil>|<nil>|10000|-500000", "8|2|1|i1|<nil>|<nil>|0|0"},
	},
	{
		dataset: "returns",
		columns: []string{"return_id", "transaction_id", "line_no", "amount", "quantity", "tax", "occurred_at"},
		types:   []string{"VARCHAR", "VARCHAR", "INTEGER", "DECIMAL(18,2)", "INTEGER", "DECIMAL(18,2)", "TIMESTAMPTZ"},
		rows: [][]string{
			1: {"r1", "t1", "1", "5.00", "1", "5.00", instantText},
			2: {"r2", "t1", "", "0.00", "", "", instantText},
			3: {"r3", "t1", "", "5.00", "", "5.01", instantText},
			4: {"r4", "", "", "0.00", "", "", instantText},
			5: {"r5", "t1", "", "0.01", "", "", instantText},
		},
		rejects: []string{"2|negative_amount", "3|parts_exceed_amount", "4|missing_key"},
		query:   "SELECT row_no, return_id, transaction_id, line_no, amount, quantity, tax, occurred_wall, occurred_offset, occurred_form FROM returns",
		facts:   []string{"1|r1|t1|1|50000|10000|50000|1795149000000000|0|30", "5|r5|t1|<nil>|100|<nil>|0|1795149000000000|0|30"},
	},
	{
		dataset: "activities",
		columns: []string{"activity_id", "member_id", "type", "occurred_at", "subject", "value"},
		types:   []string{"UBIGINT", "VARCHAR", "VARCHAR", "TIMESTAMP", "VARCHAR", "VARCHAR"},
		rows: [][]string{
			1: {"18446744073709551615", "m1", "bonus", wallText, "s", "1e5"},
			2: {"2", "m1", "", wallText, "", ""},
			3: {"3", "", "bonus", wallText, "", ""},
		},
		rejects: []string{"2|missing_key", "3|missing_key"},
		query:   "SELECT row_no, activity_id, member_id, type, subject, value, status FROM activities",
		facts:   []string{"1|18446744073709551615|m1|bonus|s|1e5|completed"},
	},
	{
		dataset: "members",
		columns: []string{"member_id", "tier", "birth_date", "joined_at", "status", "tags"},
		types:   []string{"VARCHAR", "VARCHAR", "DATE", "DATE", "VARCHAR", "VARCHAR"},
		rows: [][]string{
			1: {"m1", "gold", "2000-02-29", "2026-01-31", "", " vip ;b;;vip;B\t"},
			2: {"m2", "", "", "", "closed", ";;"},
			3: {"m3", "", "", "", "gone", ""},
			4: {"m4", "", "1969-12-31", "1969-12-31", "", "a b"},
			5: {"m5", "", "", "", "active", "\u00a0x\u2003;é;z"},
			6: {"m6", "", "", "", "active", "x"}, 7: {"m7", "", "", "", "active", ";vip;b;;vip;B"},
		},
		rejects: []string{"3|bad_status"},
		query:   "SELECT row_no, member_id, tier, birth_date - DATE '1970-01-01', joined_wall, joined_offset, joined_form, status, tags FROM members",
		facts: []string{
			"1|m1|gold|11016|1769817600000000|<nil>|64|active|;B;b;vip;", "2|m2|<nil>|<nil>|<nil>|<nil>|<nil>|closed|<nil>",
			"4|m4|<nil>|-1|-86400000000|<nil>|64|active|;a b;", "5|m5|<nil>|<nil>|<nil>|<nil>|<nil>|active|;x;z;é;",
			"6|m6|<nil>|<nil>|<nil>|<nil>|<nil>|active|;x;", "7|m7|<nil>|<nil>|<nil>|<nil>|<nil>|active|;B;b;vip;",
		},
	},
	{
		dataset: "stores",
		columns: []string{"store_id", "time_zone", "region"},
		types:   []string{"INTEGER", "VARCHAR", "VARCHAR"},
		rows: [][]string{
			1: {"1", "Asia/Kolkata", "north"}, 2: {"2", "", ""}, 3: {"3", "Local", ""}, 4: {"4", "../UTC", ""}, 5: {"5", "Mars/Base", ""},
			6: {"6", "UTC", ""}, 7: {"7", "/etc/localtime", ""}, 8: {"8", "right/UTC", ""}, 9: {"9", "asia/kolkata ", ""},
		},
		rejects: []string{"3|bad_row", "4|bad_row", "5|bad_row", "7|bad_row", "8|bad_row", "9|bad_row"},
		query:   "SELECT row_no, store_id, time_zone, region FROM stores",
		facts:   []string{"1|1|Asia/Kolkata|north", "2|2|<nil>|<nil>", "6|6|UTC|<nil>"},
	},
}

func (s *sheet) csv() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(s.columns)
	for _, row := range s.rows[1:] {
		_ = w.Write(row)
	}
	w.Flush()
	return b.String()
}

// ndjson writes every value as text, or with numbers those of numeric types as numbers.
func (s *sheet) ndjson(numbers bool) string {
	var b strings.Builder
	for _, row := range s.rows[1:] {
		parts := []string{}
		for i, cell := range row {
			text, _ := json.Marshal(cell)
			if isNumber := strings.Contains(s.types[i], "INT") || strings.HasPrefix(s.types[i], "DEC"); numbers && isNumber {
				text = []byte(cell)
			}
			if cell == "" {
				text = []byte("null")
			}
			parts = append(parts, fmt.Sprintf("%q: %s", s.columns[i], text))
		}
		b.WriteString("{" + strings.Join(parts, ", ") + "}\n")
	}
	return b.String()
}

// parquet has DuckDB write the rows, with the sheet's types or as text.
func (s *sheet) parquet(t *testing.T, db *warehouse.DB, typed bool) []byte {
	path := filepath.Join(t.TempDir(), "x.parquet")
	var rows []string
	for n, row := range s.rows[1:] {
		cells := []string{fmt.Sprint(n)}
		for i, cell := range row {
			v := "NULL"
			if cell != "" {
				v = "replace(" + warehouse.Literal(strings.ReplaceAll(cell, "\x00", "\u2400")) + ", '\u2400', chr(0))"
			}
			if typed {
				v = "CAST(" + v + " AS " + s.types[i] + ")"
			}
			cells = append(cells, v)
		}
		rows = append(rows, "("+strings.Join(cells, ", ")+")")
	}
	_, err := db.Exec(t.Context(), fmt.Sprintf("COPY (SELECT * EXCLUDE (n) FROM (VALUES %s) v(n, %s) ORDER BY n) TO %s (FORMAT parquet)",
		strings.Join(rows, ", "), strings.Join(s.columns, ", "), warehouse.Literal(path)))
	must(t, err)
	return readFile(t, path)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

// arrowOf turns a Parquet file into an Arrow file or stream.
func arrowOf(t *testing.T, parquetBytes []byte, stream bool) []byte {
	t.Helper()
	pr, err := file.NewParquetReader(bytes.NewReader(parquetBytes))
	must(t, err)
	fr, err := pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	must(t, err)
	table, err := fr.ReadTable(context.Background())
	must(t, err)
	// Arrow v15 calls every timestamp UTC; what DuckDB wrote as TIMESTAMP is none.
	fields := table.Schema().Fields()
	for i := range fields {
		if fields[i].Name == "occurred_at" && !strings.Contains(pr.MetaData().Schema.Column(i).LogicalType().String(), "isAdjustedToUTC=true") {
			fields[i].Type = &arrow.TimestampType{Unit: arrow.Microsecond}
			if _, ok := table.Schema().Field(i).Type.(*arrow.TimestampType); !ok {
				fields[i].Type = table.Schema().Field(i).Type
			}
		}
	}
	schema := arrow.NewSchema(fields, nil)
	path := filepath.Join(t.TempDir(), "x.arrow")
	f, err := os.Create(path)
	must(t, err)
	var write func(arrow.Record) error
	var end func() error
	if stream {
		w := ipc.NewWriter(f, ipc.WithSchema(schema))
		write, end = w.Write, w.Close
	} else {
		w, err := ipc.NewFileWriter(f, ipc.WithSchema(schema))
		must(t, err)
		write, end = w.Write, w.Close
	}
	rows := array.NewTableReader(table, 3)
	for rows.Next() {
		cols := append([]arrow.Array{}, rows.Record().Columns()...)
		for i, c := range cols {
			if !arrow.TypeEqual(c.DataType(), fields[i].Type) {
				cols[i] = array.MakeFromData(array.NewData(fields[i].Type, c.Len(), c.Data().Buffers(), nil, c.NullN(), c.Data().Offset()))
			}
		}
		must(t, write(array.NewRecord(schema, cols, rows.Record().NumRows())))
	}
	must(t, end())
	must(t, f.Close())
	return readFile(t, path)
}

// The same rows give the same facts and the same rejects, whatever form of file they come in.
func TestFormsAgree(t *testing.T) {
	for _, s := range sheets {
		t.Run(s.dataset, func(t *testing.T) {
			db := newProject(t).db
			typed, text := s.parquet(t, db, true), s.parquet(t, db, false)
			for name, content := range map[string][]byte{
				".csv": []byte(s.csv()), ".csv.gz": []byte(s.csv()), ".csv.zst": []byte(s.csv()),
				".ndjson": []byte(s.ndjson(false)), ".ndjson.gz": []byte(s.ndjson(true)), "-text.parquet": text, ".parquet": typed,
				".arrow": arrowOf(t, typed, false), "-stream.arrow": arrowOf(t, typed, true), "-text.arrow.gz": arrowOf(t, text, false),
				"-stream.arrow.zst": arrowOf(t, text, true),
			} {
				p := newProject(t)
				if s.dataset != "transactions" && s.dataset != "activities" {
					p.put("2026-11-20", "activities.csv", "activity_id,member_id,type,occurred_at\n")
				}
				p.put("2026-11-20", s.dataset+name, string(content))
				p.put("2026-11-20", "_SUCCESS", "")
				res := p.load()
				if d := cmp.Diff(s.facts, p.rows(s.query)); d != "" {
					t.Errorf("%s: facts (-want +got)\n%s", name, d)
				}
				if d := cmp.Diff(s.rejects, p.rows("SELECT row_no, reason FROM rejects")); d != "" {
					t.Errorf("%s: rejects (-want +got)\n%s", name, d)
				}
				for _, ds := range res.Deliveries[0].Datasets {
					direct := ds.Files[0].taken.direct != nil
					if ds.Dataset == s.dataset && direct != (name == ".parquet" && s.dataset != "stores") {
						t.Errorf("%s: read by DuckDB itself: %v", name, direct)
					}
				}
				for _, raw := range p.rows("SELECT reason || ' ' || raw FROM rejects WHERE raw IS NULL OR length(raw) < 5") {
					t.Errorf("%s: a reject without its row: %s", name, raw)
				}
			}
		})
	}
}
