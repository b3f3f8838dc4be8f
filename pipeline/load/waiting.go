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

// strays lists the transactions that the delivery names and does not bring.
func (in *intake) strays(ctx context.Context, f *filler) error {
	if err := f.run(ctx, in.db, "waiting/no strays"); err != nil {
		return err
	}
	n, err := f.count(ctx, in.db, "waiting/brought")
	if err != nil {
		return err
	}
	atOnce := in.o.straysAtOnce
	if atOnce == 0 {
		atOnce = straysAtOnce
	}
	parts := n/atOnce + 1
	for i := range parts {
		f.where["part"] = "true"
		if parts > 1 {
			f.where["part"] = fmt.Sprintf("hash(transaction_id) %% %d = %d", parts, i)
		}
		if err := f.run(ctx, in.db, "waiting/strays"); err != nil {
			return err
		}
	}
	return nil
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
