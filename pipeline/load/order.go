package load

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// mostRuns is how many runs of rising keys are told apart, beside those that begin without a cause; rows in more of them
// are in no order to speak of.
const mostRuns = 1000

// runLength is about how many rows a run has at most: a power of two. Whoever looks for a row by its id reads a run.
const runLength = 1 << 14

// run is a stretch of rows of one file whose numbers and keys rise from row to row.
type run struct {
	file              int
	firstRow, lastRow int64
	first, last       []string // keys
}

// runs are those that the delivery's rows of a dataset lie in, in the order in which they stand; nil where there are too many.
// They are looked for once, in the files. Rows that are rejected may be among them.
func (in *intake) runs(ctx context.Context, ds *schemas.Dataset) ([]run, error) {
	if runs, ok := in.order[ds]; ok {
		return runs, nil
	}
	runs, err := in.findRuns(ctx, in.filler(ds))
	if err != nil {
		return nil, in.byRow(ds, fmt.Errorf("looking at the order of %s: %w", ds.Name, err))
	}
	in.order[ds] = runs
	return runs, nil
}

func (in *intake) findRuns(ctx context.Context, f *filler) ([]run, error) {
	most, files := mostRuns, in.filesOf(f.ds)
	for _, file := range files {
		most += 1 + int(file.read/runLength)
	}
	f.where["most"], f.where["length"] = fmt.Sprint(most+1), fmt.Sprint(runLength-1)
	first, second := halved(files)
	f.where["first half"], f.where["second half"] = keysOf(f.ds, first), keysOf(f.ds, second)
	found, err := in.beginnings(ctx, f)
	if err != nil || len(found) > most {
		return nil, err
	}
	slices.SortFunc(found, func(a, b beginning) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.row, b.row)) })
	var runs []run
	for i, b := range found {
		r := run{file: b.file, firstRow: b.row, first: b.key}
		switch {
		case b.endFile > b.file || b.endFile == b.file && b.endRow >= b.row:
			return nil, nil // rows do not stand in order of their files and numbers
		case i+1 < len(found) && found[i+1].endFile > 0:
			r.lastRow, r.last = found[i+1].endRow, found[i+1].end
		default:
			until := int64(math.MaxInt64)
			if i+1 < len(found) && found[i+1].file == b.file {
				until = found[i+1].row
			}
			if r.lastRow, r.last, err = in.lastOf(ctx, f, b, until); err != nil {
				return nil, err
			}
		}
		if strings.ContainsRune(strings.Join(slices.Concat(r.first, r.last), ""), 0) {
			return nil, nil // of rejected rows, and nothing that a statement could name
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// beginning is where a run begins, and where the one before it ends.
type beginning struct {
	file, endFile int // the latter 0 where nothing is known of what stands before
	row, endRow   int64
	key, end      []string
}

// beginnings finds those of all runs, in no order.
func (in *intake) beginnings(ctx context.Context, f *filler) ([]beginning, error) {
	keys := len(f.ds.Keys())
	texts := make([]sql.NullString, 2*keys)
	var b beginning
	var endFile, endRow sql.NullInt64
	dest := append([]any{&b.file, &b.row, &endFile, &endRow}, places(texts)...)
	var out []beginning
	err := in.db.Each(ctx, f.text("twins/runs"), nil, dest, func() error {
		b.endFile, b.endRow = int(endFile.Int64), endRow.Int64
		b.key, b.end = values(texts[:keys]), values(texts[keys:])
		out = append(out, b)
		return nil
	})
	return out, err
}

// lastOf is the last row of a run, where that is the last one of its file or the last one before the row until.
func (in *intake) lastOf(ctx context.Context, f *filler, b beginning, until int64) (row int64, key []string, err error) {
	for _, file := range in.filesOf(f.ds) {
		if file.id == b.file {
			f.where["rest"] = keysOf(f.ds, []stretch{{file, b.row, until - 1}})
		}
	}
	texts := make([]sql.NullString, len(b.key))
	err = in.db.QueryRow(ctx, f.text("twins/last")).Scan(append([]any{&row}, places(texts)...)...)
	return row, values(texts), err
}

func places(texts []sql.NullString) (out []any) {
	for i := range texts {
		out = append(out, &texts[i])
	}
	return out
}

func values(texts []sql.NullString) (out []string) {
	for _, t := range texts {
		out = append(out, t.String)
	}
	return out
}

// apart reports whether no run reaches into another, so that no key comes twice: rows in order, a file after the other,
// or numbers that grow by a digit.
func apart(runs []run) bool {
	runs = slices.SortedFunc(slices.Values(runs), func(a, b run) int { return slices.Compare(a.first, b.first) })
	for i := 1; i < len(runs); i++ {
		if slices.Compare(runs[i-1].last, runs[i].first) >= 0 {
			return false
		}
	}
	return len(runs) > 0
}

// mostApart is how many stretches of rows are held against each other by themselves.
const mostApart = 200

// overlapping are the stretches that all rows lie in whose keys may come twice: the runs that reach into others.
func (in *intake) overlapping(ds *schemas.Dataset, runs []run) []stretch {
	byID := map[int]*taken{}
	var all, some []stretch
	for _, f := range in.filesOf(ds) {
		byID[f.id] = f
		all = append(all, whole(f))
	}
	if len(runs) == 0 {
		return all
	}
	suspect := make([]bool, len(runs))
	places := make([]int, len(runs))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int { return slices.Compare(runs[a].first, runs[b].first) })
	furthest := places[0] // of those before, the one that ends last
	for _, i := range places[1:] {
		if slices.Compare(runs[furthest].last, runs[i].first) >= 0 {
			suspect[furthest], suspect[i] = true, true
		}
		if slices.Compare(runs[i].last, runs[furthest].last) > 0 {
			furthest = i
		}
	}
	for i, r := range runs {
		if !suspect[i] {
			continue
		}
		if last := len(some) - 1; i > 0 && suspect[i-1] && last >= 0 && some[last].file.id == r.file {
			some[last].last = r.lastRow
			continue
		}
		some = append(some, stretch{byID[r.file], r.firstRow, r.lastRow})
	}
	if len(some) > mostApart {
		return all
	}
	return some
}

// noteRanges notes between which ids the rows of each run lie, for whoever looks for one of them.
func (in *intake) noteRanges(ctx context.Context, runs []run) error {
	for some := range slices.Chunk(runs, 1000) {
		rows := make([]string, len(some))
		for i, r := range some {
			rows[i] = fmt.Sprintf("(%d, %d, %d, %s, %s)", r.file, r.firstRow, r.lastRow, warehouse.Literal(r.first[0]), warehouse.Literal(r.last[0]))
		}
		if _, err := in.db.Exec(ctx, "INSERT INTO id_ranges VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}
