package load

import (
	"context"
	"fmt"
	"slices"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// attached are the datasets whose rows belong to a transaction, and wait for it where they come first.
var attached = []*schemas.Dataset{schemas.Items, schemas.Returns}

// straysAtOnce is how many transactions are held against the lines of a delivery at once. A join of many more goes over
// the disk: 100 million at once took ten minutes.
const straysAtOnce = 20_000_000

// straysInOrder is the same where it is known which files a part lies in, so that each part reads its own rows alone: few
// enough for a hash table that is looked into fast.
const straysInOrder = 2_000_000

// samplesPerPart tell where a part of the transactions ends: enough of them that no part is much larger than the others.
const samplesPerPart = 200

// strays lists the transactions that the delivery names and does not bring.
func (in *intake) strays(ctx context.Context, f *filler) error {
	if err := f.run(ctx, in.db, "waiting/no strays"); err != nil {
		return err
	}
	parts, err := in.parts(ctx, f)
	if err != nil {
		return err
	}
	for _, p := range parts {
		f.where["part"] = p.where()
		for _, ds := range []*schemas.Dataset{schemas.Transactions, schemas.Items} {
			runs, err := in.runs(ctx, ds)
			if err != nil {
				return err
			}
			f.where["first "+ds.Name], f.where["second "+ds.Name] = halves(p.files(in.filesOf(ds), runs))
		}
		if err := f.run(ctx, in.db, "waiting/strays"); err != nil {
			return err
		}
	}
	return nil
}

// part is a range of transaction ids: from low on, and below high. Nil is no bound.
type part struct{ low, high *string }

func (p part) where() string {
	out := "true"
	if p.low != nil {
		out += " AND transaction_id >= " + warehouse.Literal(*p.low)
	}
	if p.high != nil {
		out += " AND transaction_id < " + warehouse.Literal(*p.high)
	}
	return out
}

// files are those that may hold a row of the part, where it is known in which runs their rows lie: DuckDB itself remembers no
// more than the first eight bytes of the ids of a stretch of rows.
func (p part) files(all []*taken, runs []run) []*taken {
	if runs == nil {
		return all
	}
	may := map[int]bool{}
	for _, r := range runs {
		if (p.low == nil || r.last[0] >= *p.low) && (p.high == nil || r.first[0] < *p.high) {
			may[r.file] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(f *taken) bool { return !may[f.id] })
}

// parts are ranges of ids that each hold about as many of the delivery's transactions.
func (in *intake) parts(ctx context.Context, f *filler) ([]part, error) {
	n, err := f.count(ctx, in.db, "waiting/brought")
	if err != nil {
		return nil, err
	}
	atOnce, err := in.straysAtOnce(ctx)
	if err != nil {
		return nil, err
	}
	parts := n/atOnce + 1
	if parts == 1 {
		return []part{{}}, nil
	}
	samples, err := in.samples(ctx, f, max(n/(parts*samplesPerPart), 1))
	if err != nil {
		return nil, err
	}
	parts = min(parts, int64(len(samples)))
	out := []part{{}}
	for i := 1; i < int(parts); i++ {
		bound := &samples[i*len(samples)/int(parts)]
		out[i-1].high = bound
		out = append(out, part{low: bound})
	}
	return out, nil
}

// straysAtOnce is how many transactions a part has.
func (in *intake) straysAtOnce(ctx context.Context) (int64, error) {
	if in.o.straysAtOnce > 0 {
		return in.o.straysAtOnce, nil
	}
	for _, ds := range []*schemas.Dataset{schemas.Transactions, schemas.Items} {
		if runs, err := in.runs(ctx, ds); err != nil || runs == nil {
			return straysAtOnce, err
		}
	}
	return straysInOrder, nil
}

// samples are ids of the delivery's transactions, in order: one of every so many, or of every run.
func (in *intake) samples(ctx context.Context, f *filler, every int64) (out []string, err error) {
	runs, err := in.runs(ctx, schemas.Transactions)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		out = append(out, r.first[0])
	}
	if runs == nil {
		f.where["every"] = fmt.Sprint(every)
		var id string
		err = in.db.Each(ctx, f.text("waiting/sample"), nil, []any{&id}, func() error {
			out = append(out, id)
			return nil
		})
	}
	slices.Sort(out)
	return out, err
}

// filesOf are the delivery's files of a dataset.
func (in *intake) filesOf(ds *schemas.Dataset) (out []*taken) {
	for _, f := range in.files {
		if f.Dataset == ds {
			out = append(out, f)
		}
	}
	return out
}

// halves are conditions that each leave about half of the rows of files, file by file where there are several.
func halves(files []*taken) (first, second string) {
	switch len(files) {
	case 0:
		return "false", "false"
	case 1:
		half := fmt.Sprintf("file_id = %d AND row_no", files[0].id)
		return fmt.Sprintf("%s <= %d", half, files[0].read/2), fmt.Sprintf("%s > %d", half, files[0].read/2)
	}
	var rows int64
	for _, f := range files {
		rows += f.read
	}
	m := 0 // the last one of the first half
	for before := files[0].read; before < rows/2 && m < len(files)-2; before += files[m].read {
		m++
	}
	return fmt.Sprintf("file_id BETWEEN %d AND %d", files[0].id, files[m].id),
		fmt.Sprintf("file_id BETWEEN %d AND %d", files[m].id+1, files[len(files)-1].id)
}

// look finds out what is known already of the transactions that the delivery names.
func (in *intake) look(ctx context.Context) error {
	f := in.filler(schemas.Transactions)
	if err := in.strays(ctx, f); err != nil {
		return err
	}
	near, err := in.others(ctx, schemas.Transactions)
	if err == nil && near {
		near, err = in.near(ctx, f)
	}
	if err != nil {
		return err
	}
	if !near { // the usual case: nothing is held against everything
		f.where["range"] = "false"
	}
	return f.run(ctx, in.db, "waiting/seen", "waiting/met")
}

// near reports whether another delivery brought a transaction between those that this one brings or names.
func (in *intake) near(ctx context.Context, f *filler) (near bool, err error) {
	runs, err := in.runs(ctx, schemas.Transactions)
	if err != nil {
		return false, err
	}
	name := "waiting/range"
	if runs != nil {
		name = "waiting/range of strays"
	}
	var first, last *string
	if err := in.db.QueryRow(ctx, f.text(name)).Scan(&first, &last); err != nil {
		return false, err
	}
	for i := range runs {
		if a := &runs[i].first[0]; first == nil || *a < *first {
			first = a
		}
		if b := &runs[i].last[0]; last == nil || *b > *last {
			last = b
		}
	}
	if first == nil || last == nil {
		return false, nil
	}
	f.where["range"] = fmt.Sprintf("transaction_id BETWEEN %s AND %s", warehouse.Literal(*first), warehouse.Literal(*last))
	err = in.db.QueryRow(ctx, f.text("waiting/near")).Scan(&near)
	return near, err
}

// mayMeet reports whether rows of the dataset can have keys that other deliveries brought too. Of transactions and their
// lines that is known; of others it must be tried.
func (in *intake) mayMeet(ctx context.Context, ds *schemas.Dataset, f *filler) (bool, error) {
	if in.again || ds != schemas.Transactions && ds != schemas.Items {
		return true, nil
	}
	n, err := f.count(ctx, in.db, "waiting/meeting")
	return n > 0, err
}

// noteWaiting brings the table of what waits up to date.
func (in *intake) noteWaiting(ctx context.Context) error {
	f := in.filler(schemas.Transactions)
	if n, err := in.rows(ctx, "waiting"); err != nil {
		return err
	} else if n > 0 { // else all transactions would be held against nothing
		if err := f.run(ctx, in.db, "waiting/waited", "waiting/arrived"); err != nil {
			return err
		}
	}
	if in.again {
		return in.waitAnew(ctx)
	}
	if err := f.run(ctx, in.db, "waiting/open", "waiting/again", "waiting/forget"); err != nil {
		return err
	}
	if n, err := in.rows(ctx, "load_recount"); err != nil {
		return err
	} else if n > 0 {
		for _, ds := range attached {
			if err := in.filler(ds).run(ctx, in.db, "waiting/recount"); err != nil {
				return err
			}
		}
	}
	return f.run(ctx, in.db, "waiting/note")
}

// waitAnew lists what waits in all deliveries.
func (in *intake) waitAnew(ctx context.Context) error {
	if _, err := in.db.Exec(ctx, "DELETE FROM waiting"); err != nil {
		return err
	}
	for _, ds := range attached {
		if err := in.filler(ds).run(ctx, in.db, "waiting/whole"); err != nil {
			return err
		}
	}
	return nil
}

// waiting counts what waits for its transaction, over all deliveries.
func (l *loader) waiting(ctx context.Context) error {
	var name string
	var n int64
	if err := l.db.Each(ctx, "SELECT dataset, CAST(sum(rows_count) AS BIGINT) FROM waiting GROUP BY dataset", nil, []any{&name, &n}, func() error {
		l.result.Waiting[name] = n
		return nil
	}); err != nil {
		return fmt.Errorf("counting rows that wait for their transaction: %w", err)
	}
	return nil
}
