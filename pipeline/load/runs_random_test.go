package load

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// However rows lie in files, sorted or not, with gaps and repetitions: of each id one row is taken, and the others are
// duplicates of it. What is not there of the lines' transactions waits.
func TestRandomOrdersTakeEachIDOnce(t *testing.T) {
	p := newProject(t)
	rnd := rand.New(rand.NewPCG(7, 11))
	for range 60 {
		p.empty()
		p.o.straysAtOnce = int64(rnd.IntN(4) * 3)
		files, distinct, brought := map[string]string{}, map[int]bool{}, map[int]bool{}
		rows := 0
		for f := range 1 + rnd.IntN(4) {
			ids := make([]int, rnd.IntN(12))
			low := rnd.IntN(30)
			for i := range ids {
				ids[i] = low + rnd.IntN(20)
			}
			if rnd.IntN(3) > 0 {
				slices.Sort(ids)
			}
			if rnd.IntN(2) > 0 {
				ids = slices.Compact(ids)
			}
			transactions, items := header, "transaction_id,line_no,item_id,amount\n"
			for _, id := range ids {
				items += fmt.Sprintf("t%d,1,i,5\n", id)
				distinct[id] = true
				rows++
				if id%4 > 0 {
					transactions += fmt.Sprintf("t%d,,2026-11-20T10:00:00.000000,5\n", id) // as typed ones are told
					brought[id] = true
				}
			}
			if rnd.IntN(2) > 0 {
				files[fmt.Sprintf("transactions-%d.csv", f)] = transactions
			} else {
				files[fmt.Sprintf("transactions-%d.parquet", f)] = parquetOf(t, p.db, strings.Replace(transactions, ",amount\n", ",amount,updated_at\n", 1))
			}
			files[fmt.Sprintf("items-%d.csv", f)] = items
		}
		p.deliver("2026-11-20", files)
		res := p.load()
		p.equal(fmt.Sprint(files), p.rows("SELECT CAST(sum(rows_accepted) AS BIGINT), CAST(sum(rows_duplicate) AS BIGINT) FROM files WHERE dataset = 'items'"),
			fmt.Sprintf("%d|%d", len(distinct), rows-len(distinct)))
		p.equal(fmt.Sprint(files), p.rows("SELECT count(*), count(DISTINCT transaction_id) FROM transactions"), fmt.Sprintf("%d|%d", len(brought), len(brought)))
		if got, want := res.Waiting["items"], int64(len(distinct)-len(brought)); got != want {
			t.Errorf("%v: %d lines wait, want %d", files, got, want)
		}
		if t.Failed() {
			return
		}
	}
}
