package load

import (
	"fmt"
	"strings"
	"testing"

	"accrue/pipeline/warehouse"
)

// Rows that lie in runs of rising keys, none of which reaches into another, are not held against each other; all others
// are, and no row is taken twice. Of each file it is known between which ids its rows lie.
func TestRunsOfKeys(t *testing.T) {
	falling := make([]string, mostRuns+2)
	for i := range falling {
		falling[i] = fmt.Sprintf("%05d", len(falling)-i)
	}
	for _, c := range []struct {
		name      string
		files     []string // ids, or ids with line numbers
		duplicate int64
		held      bool // against each other
	}{
		{"in order", []string{"1 2 3"}, 0, false},
		{"one row", []string{"1"}, 0, false},
		{"the files the wrong way round", []string{"5 6", "1 2", "3 4"}, 0, false},
		{"a digit more", []string{"8 9 10 11"}, 0, false},
		{"files of ranges that cross", []string{"1 3", "2 4"}, 0, true},
		{"one within the other", []string{"1 9", "2 3"}, 0, true},
		{"the end of one begins the next", []string{"1 2", "2 3"}, 1, true},
		{"the end of the last begins the first", []string{"5 6", "1 5"}, 1, true},
		{"the first row again at the end", []string{"5 6 1 5"}, 1, true},
		{"in no order, and again in another file", []string{"3 1 2", "3"}, 1, true},
		{"the last row again", []string{"1 2 2"}, 1, true},
		{"all again", []string{"1 2", "1 2"}, 2, true},
		{"in no order", []string{strings.Join(falling, " ")}, 0, true},
		{"in order but for the last", []string{strings.Join(falling[:mostRuns], " ")}, 0, false},

		{"lines in order", []string{"t1/1 t1/2 t2/1"}, 0, false},
		{"a purchase after one that comes behind it", []string{"t2/1 t2/2 t1/1 t1/2"}, 0, false},
		{"a purchase in two files", []string{"t1/2 t1/3", "t1/1"}, 0, false},
		{"line ten before line nine", []string{"t1/8 t1/9 t1/10 t2/1"}, 0, true},
		{"a line again", []string{"t1/1 t1/2", "t1/2 t2/1"}, 1, true},
		{"a line of the same number elsewhere", []string{"t1/1 t2/1"}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			held, rows := false, int64(0)
			db, err := warehouse.Open(t.Context(), warehouse.Options{Trace: func(_ *warehouse.DB, query string, _ []any) {
				held = held || strings.Contains(query, "TEMP TABLE load_suspects")
			}})
			must(t, err)
			t.Cleanup(func() { db.Close() })
			p.db = db
			files, table := map[string]string{}, "transactions"
			for i, ids := range c.files {
				text := header
				for id := range strings.FieldsSeq(ids) {
					rows++
					line := fmt.Sprintf("%s,,2026-11-20T10:00,5\n", id)
					if purchase, no, ok := strings.Cut(id, "/"); ok {
						table, line = "items", fmt.Sprintf("%s,%s,i,5\n", purchase, no)
					}
					text += line
				}
				if table == "items" {
					text = strings.Replace(text, header, "transaction_id,line_no,item_id,amount\n", 1)
				}
				files[fmt.Sprintf("%s-%d.csv", table, i)] = text
			}
			if table == "items" {
				files["transactions.csv"] = header + "t1,,2026-11-20T10:00,5\nt2,,2026-11-20T10:00,5\n"
			}
			p.deliver("2026-11-20", files)
			p.load()
			if held != c.held {
				t.Errorf("held against each other: %v, want %v", held, c.held)
			}
			p.equal("rows", p.rows("SELECT sum(rows_accepted), sum(rows_duplicate) FROM files WHERE dataset = '"+table+"'"),
				fmt.Sprintf("%d|%d", rows-c.duplicate, c.duplicate))
			ranges := len(c.files)
			if c.name == "in no order" {
				ranges = 0
			}
			p.equal("ranges", p.rows("SELECT count(DISTINCT r.file_id) FROM id_ranges r JOIN files f ON f.file_id = r.file_id WHERE dataset = '"+table+"'"), fmt.Sprint(ranges))
		})
	}
}

// Rows far from each other, on both sides of where runs, files and halves of them part, and beside rows without a key or with
// one that no statement can name: of each key one row is taken, in every form of file.
func TestTwinsAmongManyRuns(t *testing.T) {
	const rows = 3*runLength + 100
	// By row, from 1: the row whose id it repeats.
	again := map[int]int{2: 1, runLength * 2: runLength + 7, 2*runLength + 1: 2*runLength - 1, rows/2 + 1: rows / 2, rows: 5}
	odd := map[int]string{70: "", 80: "a\x00b", runLength: "\x00"} // rejected
	var first, second strings.Builder
	for _, b := range []*strings.Builder{&first, &second} {
		b.WriteString("transaction_id,occurred_at,amount,updated_at\n")
	}
	id := func(row int) string {
		if text, ok := odd[row]; ok {
			return text
		}
		if other, ok := again[row]; ok {
			row = other
		}
		return fmt.Sprintf("t%06d", row)
	}
	for row := 1; row <= rows; row++ {
		fmt.Fprintf(&first, "%s,2026-11-20T10:00,1,\n", id(row))
	}
	// The other file lies between two rows of the first, but for one that says another thing than row 9 does.
	for i := range 50 {
		fmt.Fprintf(&second, "t%06d-%02d,2026-11-20T10:00,1,\n", runLength+3, i)
	}
	fmt.Fprintf(&second, "t%06d,2026-11-20T10:00,2,\n", 9)
	for _, form := range []string{"csv", "parquet"} {
		p := newProject(t)
		files := map[string]string{"transactions-1.csv": first.String(), "transactions-2.csv": second.String()}
		if form == "parquet" {
			files = map[string]string{"transactions-1.parquet": parquetOf(t, p.db, first.String()), "transactions-2.parquet": parquetOf(t, p.db, second.String())}
		}
		files["control.json"] = fmt.Sprintf(`{"transactions": {"rows": %d, "amount": "%d"}}`, rows+51, rows+52)
		p.deliver("2026-11-20", files)
		p.load()
		p.equal(form, p.rows("SELECT name, rows_read, rows_accepted, rows_duplicate, rows_superseded, rows_rejected FROM files"),
			fmt.Sprintf("transactions-1.%s|%d|%d|%d|0|4", form, rows, rows-4-len(again), len(again)),
			fmt.Sprintf("transactions-2.%s|51|50|0|0|1", form))
		p.equal(form+": rejects", p.rows("SELECT row_no, reason FROM rejects"), fmt.Sprintf("%d|bad_row", runLength),
			"51|conflicting_rows", "70|missing_key", "80|bad_row", "9|conflicting_rows")
		p.equal(form+": twice", p.rows("SELECT transaction_id FROM transactions GROUP BY ALL HAVING count(*) > 1"))
		for row, other := range again {
			p.equal(form+": taken of two", p.rows(fmt.Sprintf("SELECT row_no FROM transactions WHERE transaction_id = 't%06d'", other)), fmt.Sprint(min(row, other)))
		}
	}
}

// A rejected row without a key does not hide that the rows around it have the same.
func TestTwinsAroundARowWithoutKey(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{"transactions.parquet": parquetOf(t, p.db, tx("1 1", "2 1", "a 1", " 1", "a 1"))})
	p.load()
	p.equal("figures", p.figures(), "2026-11-20/transactions.parquet|5|3|1|0|1")
}
