package generate

import "fmt"

// tasks lists the files of the delivery on days[i], the large ones first so that no worker ends alone with one.
func tasks(o Options, days []day, i int) []task {
	d := days[i]
	ext := "." + o.Format
	delivery := set("delivery", "%d::BIGINT", int64(d.date))
	var out []task
	for _, p := range parts(d.rows, max(1, o.linesPerFile/int64(o.LinesPerTransaction))) {
		out = append(out, task{
			vars: []string{delivery}, picks: []pick{{statement: "pick_day", day: d, first: p.first, last: p.last}},
			outputs: []output{
				{"transactions", "transactions" + p.suffix + ext, "transactions"},
				{"items", "items" + p.suffix + ext, "items"},
			},
			date: d.date, done: p.last - p.first,
		})
	}
	out = append(out, returnTask(o, days, i, delivery, ext))
	if i > 0 {
		prev := days[i-1]
		out = append(out, task{
			vars: []string{delivery}, picks: []pick{{statement: "pick_pending", day: prev, last: prev.rows}},
			outputs: []output{{"transactions", "transactions-settled" + ext, "settled"}},
			sparse:  true, date: d.date,
		})
	}
	for _, p := range parts(d.nActs, o.linesPerFile) {
		out = append(out, task{
			vars: []string{
				set("day_first", "%d::BIGINT", d.firstAct), set("day", "%d::BIGINT", int64(d.date)),
				set("stamp", "'%s'", d.stamp()), set("first", "%d::BIGINT", p.first), set("last", "%d::BIGINT", p.last),
			},
			outputs: []output{{"activities", "activities" + p.suffix + ext, "activities"}},
			sparse:  true, date: d.date,
		})
	}
	for _, p := range parts(o.Members, o.linesPerFile) {
		out = append(out, task{
			vars: []string{
				delivery, set("first", "%d::BIGINT", p.first), set("last", "%d::BIGINT", p.last), set("changed_only", "%t", i > 0),
			},
			outputs: []output{{"members", "members" + p.suffix + ext, "members"}},
			sparse:  true, date: d.date,
		})
	}
	if i == 0 {
		out = append(out, task{outputs: []output{{"stores", "stores" + ext, "stores"}}, date: d.date})
	}
	return out
}

// returnTask is about the purchases of the last days that come back on days[i].
func returnTask(o Options, days []day, i int, delivery, ext string) task {
	t := task{
		vars:    []string{delivery},
		outputs: []output{{"returns", "returns" + ext, "returns"}},
		sparse:  true, date: days[i].date,
	}
	for delay := range min(o.Days, 8) {
		if delay > i {
			break
		}
		d := days[i-delay]
		t.picks = append(t.picks, pick{statement: "pick_returned", day: d, last: d.rows, delay: delay})
	}
	return t
}

// part is a range of rows and what its file's name ends with: nothing where one file holds all.
type part struct {
	first, last int64
	suffix      string
}

func parts(rows, perFile int64) []part {
	if rows <= perFile {
		return []part{{last: rows}}
	}
	var out []part
	for first := int64(0); first < rows; first += perFile {
		out = append(out, part{first, min(first+perFile, rows), fmt.Sprintf("-%03d", len(out)+1)})
	}
	return out
}
