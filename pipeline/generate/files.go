package generate

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

func statement(name string) string {
	text, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // embedded: it is there or the program is wrong
	}
	return string(text)
}

// formats gives each format its options of COPY. Timestamps have a T, as most systems write them.
var formats = map[string]string{
	"csv":     "FORMAT csv, HEADER true, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S'",
	"parquet": "FORMAT parquet, COMPRESSION zstd",
	"ndjson":  "FORMAT json, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S'",
}

// worker is a DuckDB in memory with one thread: what it writes does not depend on how its work is parted.
type worker struct {
	db     *warehouse.DB
	format string
}

// output is one file to be written: the rows of a query.
type output struct{ dataset, file, query string }

// task is the work behind one or a few files that share their purchases.
type task struct {
	vars    []string // SET VARIABLE …
	picks   []pick   // the purchases that it is about; none for other datasets
	outputs []output
	// sparse outputs are left out where they have no rows; a delivery has transactions even without any.
	sparse bool
	date   pipeline.Date
	done   int64 // rows of transactions that count as progress
}

// pick names a range of a day's purchases and the statement that takes some of them.
type pick struct {
	statement   string
	day         day
	first, last int64
	delay       int
}

func newWorker(ctx context.Context, o Options) (*worker, error) {
	db, err := warehouse.Open(ctx, warehouse.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	w := &worker{db: db, format: o.Format}
	setUp := append(globals(o), statement("draws"), statement("catalogue"),
		`CREATE TEMP TABLE picked (g UBIGINT, k BIGINT, day BIGINT, day_rows BIGINT, stamp VARCHAR)`)
	if err := w.exec(ctx, setUp...); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return w, nil
}

func (w *worker) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := w.db.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// globals are the variables that hold for all deliveries.
func globals(o Options) []string {
	var keys []string
	for state := o.Seed; len(keys) < streams; {
		state += 0x9e3779b97f4a7c15
		keys = append(keys, fmt.Sprintf("%d::UBIGINT", splitmix(state)>>32))
	}
	delays := min(o.Days, 8) // with one delivery, everything comes back on the day
	return []string{
		set("keys", "[%s]", strings.Join(keys, ", ")),
		set("lines", "%d::UBIGINT", o.LinesPerTransaction), set("members", "%d::UBIGINT", o.Members),
		set("unspread", "%s::UBIGINT", unspread(o.Members)), set("stores", "%d::BIGINT", o.Stores),
		set("late_of_65536", "%d", o.LatePerMille*65536/1000),
		set("returned_of_65536", "%d", o.ReturnsPerMille*65536/1000),
		set("delays", "%d", delays), set("start", "%d::BIGINT", int64(o.From)),
	}
}

// streams is the number of independent sequences that sql/*.sql draw from.
const streams = 13

// spreadFactor is the prime by which member_number in sql/draws.sql spreads ranks over ids.
const spreadFactor = 2654435761

// unspread is the inverse of spreadFactor modulo the number of members: it turns an id back into its rank.
func unspread(members int64) *big.Int {
	if members == 1 {
		return new(big.Int)
	}
	return new(big.Int).ModInverse(big.NewInt(spreadFactor), big.NewInt(members))
}

// splitmix is the output function of SplitMix64 (Steele, Lea, Flood 2014).
func splitmix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func set(name, format string, args ...any) string {
	return "SET VARIABLE " + name + " = " + fmt.Sprintf(format, args...)
}

// do runs a task and adds what it wrote to sums.
func (w *worker) do(ctx context.Context, folder string, t task) (map[string]*sum, error) {
	if err := w.exec(ctx, t.vars...); err != nil {
		return nil, err
	}
	if len(t.picks) > 0 {
		if err := w.exec(ctx, "DELETE FROM picked", "DROP TABLE IF EXISTS output", "DROP TABLE IF EXISTS lines",
			"DROP TABLE IF EXISTS purchases"); err != nil {
			return nil, err
		}
		for _, p := range t.picks {
			if err := w.exec(ctx,
				set("day_first", "%d::BIGINT", p.day.first), set("day_rows", "%d::BIGINT", p.day.rows),
				set("day", "%d::BIGINT", int64(p.day.date)), set("stamp", "%s", warehouse.Literal(p.day.stamp())),
				set("first", "%d::BIGINT", p.first), set("last", "%d::BIGINT", p.last), set("delay", "%d", p.delay),
				statement(p.statement)); err != nil {
				return nil, err
			}
		}
		if err := w.exec(ctx, statement("lines"), statement("purchases")); err != nil {
			return nil, err
		}
	}
	sums := map[string]*sum{}
	for _, out := range t.outputs {
		s, err := w.write(ctx, filepath.Join(folder, out.file), statement(out.query), t.sparse)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", out.file, err)
		}
		sums[out.dataset] = s
	}
	return sums, nil
}

// write writes the rows of a query to one file and counts them.
func (w *worker) write(ctx context.Context, path, query string, sparse bool) (*sum, error) {
	// Dropped first, and not replaced: a replaced table stays in memory until the new one stands.
	if err := w.exec(ctx, "DROP TABLE IF EXISTS output", "CREATE TEMP TABLE output AS "+query); err != nil {
		return nil, err
	}
	s := &sum{}
	if err := w.db.QueryRow(ctx, "SELECT count(*) FROM output").Scan(&s.rows); err != nil {
		return nil, err
	}
	if s.rows == 0 && sparse {
		return s, nil
	}
	var amounts int
	if err := w.db.QueryRow(ctx, `SELECT count(*) FROM duckdb_columns()
		WHERE table_name = 'output' AND column_name = 'amount'`).Scan(&amounts); err != nil {
		return nil, err
	}
	if amounts > 0 {
		var text string
		if err := w.db.QueryRow(ctx, "SELECT CAST(coalesce(sum(amount), 0.00) AS VARCHAR) FROM output").Scan(&text); err != nil {
			return nil, err
		}
		s.amount, _ = new(big.Int).SetString(strings.Replace(text, ".", "", 1), 10)
	}
	if err := w.exec(ctx, "COPY output TO "+warehouse.Literal(path)+" ("+formats[w.format]+")"); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s.files, s.bytes = 1, info.Size()
	return s, nil
}

// pool runs tasks on several workers.
type pool struct {
	workers     []*worker
	progress    func(Progress)
	done, total int64
}

func newPool(ctx context.Context, o Options) (*pool, error) {
	p := &pool{progress: o.Progress, total: o.Transactions * int64(o.Days)}
	if p.progress == nil {
		p.progress = func(Progress) {}
	}
	for range o.Threads {
		w, err := newWorker(ctx, o)
		if err != nil {
			p.close()
			return nil, err
		}
		p.workers = append(p.workers, w)
	}
	return p, nil
}

// close lets go of the workers. They are in memory: there is nothing to lose, and no error to tell.
func (p *pool) close() {
	for _, w := range p.workers {
		_ = w.db.Close()
	}
}

// run does the tasks in order, as workers come free, and adds up what they wrote by dataset. The first error stops
// the rest.
func (p *pool) run(ctx context.Context, folder string, tasks []task) (map[string]*sum, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var wg sync.WaitGroup
	sums := map[string]*sum{}
	next := 0
	for _, w := range p.workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(tasks) || ctx.Err() != nil {
					return
				}
				got, err := w.do(ctx, folder, tasks[i])
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				addSums(sums, got)
				p.done += tasks[i].done
				p.progress(Progress{Date: tasks[i].date, Done: p.done, Total: p.total})
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	return sums, context.Cause(ctx)
}

func addSums(all, more map[string]*sum) {
	for name, s := range more {
		if s.files == 0 {
			continue
		}
		to := all[name]
		if to == nil {
			all[name] = s
			continue
		}
		to.rows, to.files, to.bytes = to.rows+s.rows, to.files+s.files, to.bytes+s.bytes
		if s.amount != nil {
			to.amount.Add(to.amount, s.amount)
		}
	}
}
