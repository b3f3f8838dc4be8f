package load

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"accrue/schemas"
)

// modelRow is a transaction of the model.
type modelRow struct {
	id      string
	amount  int // below zero: the row is bad
	updated int // 0: none
}

// model is what the spec says of versions of rows, as naively as can be: everything is told anew from all deliveries
// after every load.
type model struct {
	loads      int
	deliveries map[int][]modelRow // by day, as loaded last
	held       map[string]modelHeld
	withdrawn  []string
}

type modelHeld struct{ day, amount, first, load int }

// modelFigures are a delivery's accepted, duplicate, superseded and rejected rows.
type modelFigures [4]int

// winners decides inside one delivery. It returns the amount of each key that has one.
func winners(rows []modelRow) (won map[string]int, figures modelFigures) {
	byKey := map[string][]modelRow{}
	for _, r := range rows {
		if r.amount < 0 {
			figures[3]++
		} else {
			byKey[r.id] = append(byKey[r.id], r)
		}
	}
	won = map[string]int{}
	for id, list := range byKey {
		newest := slices.MaxFunc(list, func(a, b modelRow) int { return cmp.Compare(a.updated, b.updated) }).updated
		best := slices.DeleteFunc(slices.Clone(list), func(r modelRow) bool { return r.updated != newest })
		if slices.ContainsFunc(best, func(r modelRow) bool { return r.amount != best[0].amount }) {
			figures[3] += len(list)
			continue
		}
		won[id] = best[0].amount
		same := 0
		for _, r := range list {
			if r.amount == best[0].amount {
				same++
			}
		}
		figures[1] += same - 1
		figures[2] += len(list) - same
	}
	return won, figures
}

// load takes a delivery in and returns the figures of all deliveries.
func (m *model) load(day int, rows []modelRow) map[int]modelFigures {
	m.loads++
	m.deliveries[day] = rows
	now := map[string]modelHeld{}
	days := slices.Sorted(maps.Keys(m.deliveries))
	for _, d := range days { // the later date holds
		won, _ := winners(m.deliveries[d])
		for id, amount := range won {
			now[id] = modelHeld{day: d, amount: amount}
		}
	}
	for id, h := range now {
		h.first, h.load = m.loads, m.loads
		if before, ok := m.held[id]; ok {
			h.first = before.first
			if before.amount == h.amount {
				h.load = before.load
			}
		}
		now[id] = h
	}
	for id := range m.held {
		if _, ok := now[id]; !ok {
			m.withdrawn = append(m.withdrawn, fmt.Sprintf("%s|%d", id, m.loads))
		}
	}
	m.held = now
	out := map[int]modelFigures{}
	for _, d := range days {
		won, figures := winners(m.deliveries[d])
		for id, amount := range won {
			switch h := now[id]; {
			case h.day == d:
				figures[0]++
			case h.amount == amount:
				figures[1]++
			default:
				figures[2]++
			}
		}
		out[d] = figures
	}
	return out
}

// P6, and the rules of versions: whatever is delivered in whatever order, and delivered again, the warehouse says
// what the model says.
func TestVersionsAgreeWithTheModel(t *testing.T) {
	p := newProject(t)
	row := rapid.Custom(func(t *rapid.T) modelRow {
		return modelRow{
			id:      rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"),
			amount:  rapid.IntRange(-1, 2).Draw(t, "amount"),
			updated: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "updated"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		p.empty()
		m := &model{deliveries: map[int][]modelRow{}, held: map[string]modelHeld{}}
		for range rapid.IntRange(1, 4).Draw(rt, "loads") {
			day := rapid.IntRange(20, 22).Draw(rt, "day")
			rows := rapid.SliceOfN(row, 0, 5).Draw(rt, "rows")
			cut := rapid.IntRange(0, len(rows)).Draw(rt, "cut")
			figures := m.load(day, rows)
			// The comment tells files of the same rows apart: a delivery that has not changed is not loaded again.
			p.deliver(fmt.Sprintf("2026-11-%d", day), map[string]string{
				"transactions-1.csv": modelFile(rows[:cut], m.loads), "transactions-2.csv": modelFile(rows[cut:], m.loads)})
			p.load()
			m.compare(rt, p, figures)
			if rt.Failed() || p.t.Failed() {
				rt.FailNow()
			}
		}
	})
}

func modelFile(rows []modelRow, load int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "transaction_id,occurred_at,amount,updated_at,load%d\n", load)
	for _, r := range rows {
		updated := ""
		if r.updated > 0 {
			updated = fmt.Sprintf("2026-11-20T10:0%d", r.updated)
		}
		fmt.Fprintf(&b, "%s,2026-11-20T10:00,%d,%s,\n", r.id, r.amount, updated)
	}
	return b.String()
}

func (m *model) compare(t *rapid.T, p *project, figures map[int]modelFigures) {
	var held, files []string
	for id, h := range m.held {
		held = append(held, fmt.Sprintf("%s|%d|%d|%d|%d", id, h.day, h.amount, h.first, h.load))
	}
	for day, f := range figures {
		files = append(files, fmt.Sprintf("%d|%d|%d|%d|%d", day, f[0], f[1], f[2], f[3]))
	}
	for _, c := range []struct {
		what  string
		want  []string
		query string
	}{
		{"held", held, "SELECT transaction_id, day(delivery), amount // 10000, first_seq, load_seq FROM transactions"},
		{"figures", files, "SELECT day(delivery), sum(rows_accepted), sum(rows_duplicate), sum(rows_superseded), sum(rows_rejected) FROM files GROUP BY delivery"},
		{"withdrawn", m.withdrawn, "SELECT key, load_seq FROM withdrawn"},
	} {
		slices.Sort(c.want)
		if d := gocmp.Diff(c.want, p.rows(c.query)); d != "" {
			t.Errorf("%s after %d loads (-model +warehouse)\n%s", c.what, m.loads, d)
		}
	}
}

// empty removes all facts and deliveries.
func (p *project) empty() {
	p.t.Helper()
	for _, date := range []string{"2026-11-20", "2026-11-21", "2026-11-22"} {
		p.remove(date)
	}
	tables := []string{"deliveries", "files", "id_ranges", "rejects", "withdrawn", "waiting", "waited"}
	for _, d := range schemas.Datasets {
		tables = append(tables, d.Name, d.HistoryTable())
	}
	for _, table := range tables {
		must(p.t, second(p.db.Exec(p.t.Context(), "DELETE FROM "+table)))
	}
}
