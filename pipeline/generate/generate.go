// Package generate writes synthetic deliveries of a salon chain: any number of purchases, lines, returns,
// activities, members and stores, with the skew that real ones have. A few members buy most, a few articles sell
// most, and trade follows the hours of the day and the days of the week.
//
// The same options give the same bytes, whatever the number of threads and the machine: every value is an integer
// function of the seed and the row's number (sql/draws.sql), every file is written by one thread, and which rows a
// file holds depends on the options alone. The rows are the same on both DuckDB drivers too; the bytes of Parquet
// files are not, as each DuckDB writes them in its own way.
//
// Every row is one that load accepts, and control.json tells the truth about them.
package generate

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"

	"accrue/pipeline"
)

// Options say what to generate. Start from Defaults.
type Options struct {
	Dir  string        // the exports folder; made if it is not there
	From pipeline.Date // the first delivery
	Days int           // one delivery a day
	// Transactions per day, on average. Saturdays have half as many again as Mondays; the sum over the days is
	// Transactions × Days to the row.
	Transactions        int64
	LinesPerTransaction int
	Members             int64 // 0: one for every four transactions, at least 100
	Stores              int
	Seed                uint64
	Format              string // csv, parquet or ndjson

	LatePerMille       int // transactions that were made one to three days before their delivery's date
	ReturnsPerMille    int // transactions of which something comes back, within a week
	ActivitiesPerMille int // activities, in proportion to transactions

	Threads  int            // 0: one per core
	Progress func(Progress) // told after every file; nil for none

	linesPerFile int64 // see defaultLinesPerFile
}

// Progress is how far a generation has come, in rows of transactions.
type Progress struct {
	Date        pipeline.Date
	Done, Total int64
}

// Result says what was written.
type Result struct {
	Days  []pipeline.Date
	Rows  map[string]int64 // by dataset, over all deliveries
	Files int
	Bytes int64
}

// Limits of the options. Row numbers are drawn from as 32 bits, and member ids have eight digits.
const (
	maxTransactions = 4_000_000_000
	maxMembers      = 99_999_999
	maxLines        = 50
	maxStores       = 5_000
)

// defaultLinesPerFile bounds a file, and with it the memory of a worker (about a gigabyte). It depends on nothing, not
// on the machine either, because the same options must give the same files.
const defaultLinesPerFile = 1_000_000

// OptionsError says what is wrong with options, all of it.
type OptionsError struct{ err error }

// Error lists the faults.
func (e *OptionsError) Error() string { return "generate: " + e.err.Error() }

// Unwrap returns the faults.
func (e *OptionsError) Unwrap() error { return e.err }

// Defaults returns options for a small delivery on one day; Dir and From are to be filled in.
func Defaults() Options {
	return Options{
		Days: 1, Transactions: 10_000, LinesPerTransaction: 2, Stores: 40, Seed: 1, Format: "csv",
		LatePerMille: 10, ReturnsPerMille: 30, ActivitiesPerMille: 50,
	}
}

// Run writes the deliveries. A delivery's folder appears at its place when it is complete; a folder that is there
// already is an error, and nothing is written.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.fill(); err != nil {
		return nil, &OptionsError{err}
	}
	days := spread(o)
	for _, d := range days {
		if _, err := os.Lstat(d.folder(o.Dir)); err == nil {
			return nil, fmt.Errorf("generate: %s is there already; name another folder or remove it first", d.folder(o.Dir))
		}
	}
	pool, err := newPool(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	defer pool.close()
	res := &Result{Rows: map[string]int64{}}
	for i, d := range days {
		if err := delivery(ctx, pool, o, days, i, res); err != nil {
			return nil, fmt.Errorf("generate: delivery %s: %w", d.date, err)
		}
		res.Days = append(res.Days, d.date)
	}
	return res, nil
}

// fill sets the defaults that depend on other options and refuses what cannot be generated, all faults at once.
func (o *Options) fill() error {
	if o.Members == 0 {
		o.Members = min(max(100, o.Transactions*int64(o.Days)/4), maxMembers)
	}
	if o.Threads == 0 {
		// More workers than this only cost memory: each holds one file's rows.
		o.Threads = min(runtime.GOMAXPROCS(0), 4)
	}
	if o.linesPerFile == 0 {
		o.linesPerFile = defaultLinesPerFile
	}
	var faults faults
	faults.between("days", int64(o.Days), 1, 3660)
	faults.between("transactions", o.Transactions, 1, maxTransactions)
	faults.between("transactions × days", o.Transactions*int64(o.Days), 1, maxTransactions)
	faults.between("lines", int64(o.LinesPerTransaction), 1, maxLines)
	faults.between("transactions × days × lines",
		o.Transactions*int64(o.Days)*int64(o.LinesPerTransaction), 1, maxTransactions)
	faults.between("members", o.Members, 1, maxMembers)
	faults.between("stores", int64(o.Stores), 1, maxStores)
	faults.between("late per mille", int64(o.LatePerMille), 0, 1000)
	faults.between("returns per mille", int64(o.ReturnsPerMille), 0, 1000)
	faults.between("activities per mille", int64(o.ActivitiesPerMille), 0, 10_000)
	faults.between("threads", int64(o.Threads), 1, 1024)
	if _, ok := formats[o.Format]; !ok {
		faults.add("format %q is none of csv, parquet, ndjson", o.Format)
	}
	if o.Dir == "" {
		faults.add("no exports folder is named")
	}
	return faults.err()
}

// delivery writes one day's folder under a hidden name and then gives it its own.
func delivery(ctx context.Context, pool *pool, o Options, days []day, i int, res *Result) error {
	final := days[i].folder(o.Dir)
	hidden := filepath.Join(o.Dir, ".generating-"+filepath.Base(final))
	if err := os.RemoveAll(hidden); err != nil {
		return err
	}
	if err := os.MkdirAll(hidden, 0o755); err != nil {
		return err
	}
	sums, err := pool.run(ctx, hidden, tasks(o, days, i))
	if err != nil {
		return err
	}
	if err := writeControl(hidden, sums); err != nil {
		return err
	}
	for name, s := range sums {
		res.Rows[name] += s.rows
		res.Files += s.files
		res.Bytes += s.bytes
	}
	return os.Rename(hidden, final)
}

// sum is what one dataset of a delivery holds. amount is in hundredths and nil for a dataset without amounts.
type sum struct {
	rows   int64
	amount *big.Int
	files  int
	bytes  int64
}

// writeControl writes what the sender believes to have sent, and the mark that the delivery is complete.
func writeControl(folder string, sums map[string]*sum) error {
	type figures struct {
		Rows   int64  `json:"rows"`
		Amount string `json:"amount,omitempty"`
	}
	control := map[string]figures{}
	for name, s := range sums {
		f := figures{Rows: s.rows}
		if s.amount != nil {
			f.Amount = hundredths(s.amount)
		}
		control[name] = f
	}
	text, err := json.MarshalIndent(control, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "control.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "_SUCCESS"), nil, 0o644)
}

// hundredths writes a count of hundredths as a decimal with two places.
func hundredths(n *big.Int) string {
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	whole, rest := new(big.Int).QuoRem(new(big.Int).Abs(n), big.NewInt(100), new(big.Int))
	return fmt.Sprintf("%s%s.%02d", sign, whole, rest.Int64())
}
