package load

import (
	"context"
	"fmt"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// attached are the datasets whose rows belong to a transaction, and wait for it where they come first.
var attached = []*schemas.Dataset{schemas.Items, schemas.Returns}

// straysAtOnce is how many transactions are held against the lines of a delivery at once. A join of many more goes over
// the disk: 100 million at once took ten minutes.
const straysAtOnce = 20_000_000

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
	for _, ds := range []*schemas.Dataset{schemas.Transactions, schemas.Items} {
		f.where["first "+ds.Name], f.where["second "+ds.Name] = in.halves(ds)
	}
	for _, part := range parts {
		f.where["part"] = part
		if err := f.run(ctx, in.db, "waiting/strays"); err != nil {
			return err
		}
	}
	return nil
}

// parts are conditions that each leave a part of the delivery's transactions and what belongs to them: ranges of their
// ids, as rows in the order of their ids are read in one place each then.
func (in *intake) parts(ctx context.Context, f *filler) ([]string, error) {
	n, err := f.count(ctx, in.db, "waiting/brought")
	if err != nil {
		return nil, err
	}
	atOnce := in.o.straysAtOnce
	if atOnce == 0 {
		atOnce = straysAtOnce
	}
	parts := n/atOnce + 1
	if parts == 1 {
		return []string{"true"}, nil
	}
	f.where["every"] = fmt.Sprint(max(n/(parts*samplesPerPart), 1))
	var samples []string
	var id string
	if err := in.db.Each(ctx, f.text("waiting/sample"), nil, []any{&id}, func() error {
		samples = append(samples, warehouse.Literal(id))
		return nil
	}); err != nil {
		return nil, err
	}
	out := []string{"true"}
	for i := 1; i < int(parts) && len(samples) > 0; i++ {
		end := samples[i*len(samples)/int(parts)]
		out[i-1] += " AND transaction_id < " + end
		out = append(out, "transaction_id >= "+end)
	}
	return out, nil
}

// halves are conditions that each leave about half of the delivery's rows of a dataset, file by file where there are several.
func (in *intake) halves(ds *schemas.Dataset) (first, second string) {
	var files []*taken
	var rows, before int64
	for _, f := range in.files {
		if f.Dataset == ds {
			files = append(files, f)
			rows += f.read
		}
	}
	if len(files) == 1 {
		return fmt.Sprintf("row_no <= %d", rows/2), fmt.Sprintf("row_no > %d", rows/2)
	}
	for _, f := range files {
		if before += f.read; before >= rows/2 {
			return fmt.Sprintf("file_id <= %d", f.id), fmt.Sprintf("file_id > %d", f.id)
		}
	}
	return "true", "false"
}

// look finds out what is known already of the transactions that the delivery names.
func (in *intake) look(ctx context.Context) error {
	f := in.filler(schemas.Transactions)
	if err := in.strays(ctx, f); err != nil {
		return err
	}
	var first, last *string
	if err := in.db.QueryRow(ctx, f.text("waiting/range")).Scan(&first, &last); err != nil {
		return err
	}
	near := false
	if first != nil && last != nil {
		f.where["range"] = fmt.Sprintf("transaction_id BETWEEN %s AND %s", warehouse.Literal(*first), warehouse.Literal(*last))
		if err := in.db.QueryRow(ctx, f.text("waiting/near")).Scan(&near); err != nil {
			return err
		}
	}
	if !near { // the usual case: nothing is held against everything
		f.where["range"] = "false"
	}
	return f.run(ctx, in.db, "waiting/seen", "waiting/met")
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
	if in.twinned { // a transaction that was rejected is not there any more
		if err := in.strays(ctx, f); err != nil {
			return err
		}
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
