package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"accrue/fixtures/random"
	"accrue/pipeline"
	"accrue/pipeline/cases"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/ledger"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// historiesVariable is how many random histories P3 and P4 try, for more than the default.
const historiesVariable = "ACCRUE_FUZZ_HISTORIES"

// fullHistory: of so many histories one has a delivery and a night on each of its 30 dates, the others on a few.
const fullHistory = 50

// freshBackfill: of so many histories one loads everything anew for its backfill; the others have it work on the facts
// that the nights left.
const freshBackfill = 4

// heldEvery: of so many runs that evaluate only what has changed, one is held against an evaluation of everything at
// once; for all of them the reference tells in the end.
const heldEvery = 4

// P3: over random programs and random histories of 30 dates, the ledger's sums by rule, member, reward and source are the
// same after a night for every delivery, some of which are sent anew with rows taken back, as after one backfill over
// everything; and they are what the reference says is owed. A failure is shrunk to a small case file.
func TestP3DayByDayEqualsAllAtOnce(t *testing.T) {
	t.Parallel()
	histories(t, func(h random.History) []way {
		backfill := way{name: "one backfill", nights: []random.Night{{Run: h.Run[0]}}, backfill: true}
		if h.Seed%freshBackfill == 0 {
			backfill.nights, backfill.fresh = h.AtOnce(), true
		}
		return []way{{name: "day by day", nights: h.DayByDay(), fresh: true}, backfill}
	})
}

// P4: however late and in whatever order the deliveries of such a history come, and for whatever dates is run in between,
// the sums are the same in the end: those of the reference.
func TestP4ArrivalOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	histories(t, func(h random.History) []way {
		return []way{{name: "shuffled", nights: h.Shuffled(), fresh: true}}
	})
}

// histories plays random histories in the ways.
func histories(t *testing.T, ways func(random.History) []way) {
	n := uint64(300)
	if text := os.Getenv(historiesVariable); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 32); err != nil || n < 1 {
			t.Fatalf("%s=%s is not a number of histories", historiesVariable, text)
		}
	}
	var next, posted, failures atomic.Uint64
	var nights, scoped atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		fast, err := NewFastCaseEngine(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		h := &historian{FastCaseEngine: fast}
		workers.Go(func() {
			for failures.Load() < mostFailures {
				seed := next.Add(1) - 1
				if seed >= n {
					break
				}
				history := newHistory(seed)
				diff, rows := h.disagreement(t.Context(), history, ways)
				posted.Add(uint64(rows))
				if diff != "" {
					failures.Add(1)
					t.Errorf("history %d: %s", seed, h.smallest(t.Context(), history, ways))
				}
			}
			nights.Add(int64(h.nights))
			scoped.Add(int64(h.scoped))
			if err := fast.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	t.Logf("%d of %d later runs evaluated only what had changed", scoped.Load(), nights.Load())
	if failures.Load() == 0 && posted.Load() < 8*n {
		t.Errorf("%d histories posted only %d rows: the data proves little", n, posted.Load())
	}
}

func newHistory(seed uint64) random.History {
	dates := 2 + int(seed%4)
	if seed%fullHistory == 0 {
		dates = 31
	}
	return random.NewHistory(seed, dates)
}

// historian plays histories in one warehouse in memory: load, evaluation, difference and posting as the real night has
// them, without files.
type historian struct {
	*FastCaseEngine
	nights, scoped int // runs after the first, and those of them that evaluated only what had changed
}

// disagreement says in which way of running it a history ends differently, and how many rows were posted.
func (h *historian) disagreement(ctx context.Context, history random.History, ways func(random.History) []way) (string, int) {
	want, err := referenceSums(history.Case)
	if err != nil {
		return err.Error(), 0
	}
	total := 0
	for _, way := range ways(history) {
		got, rows, err := h.play(ctx, history.Case, way)
		if err != nil {
			return way.name + ": " + err.Error(), total
		}
		total += rows
		if diff := sumsDiffer(want, got); diff != "" {
			return way.name + ":\n" + diff, total
		}
	}
	return "", total
}

// referenceSums is what the reference says is owed in the end.
func referenceSums(c cases.Case) (map[string]pipeline.Amount, error) {
	plain, err := cases.Reference{}.Run(c)
	if err != nil {
		return nil, fmt.Errorf("the reference refuses it: %w", err)
	}
	out := map[string]pipeline.Amount{}
	for _, r := range plain.Entitlements {
		a, err := parseAmount(r["amount"])
		if err != nil {
			return nil, err
		}
		out[ledgerKey(r["program"], r["rule"], r["member_id"], r["reward"], r["source_type"], r["source_id"])] += a
	}
	return out, nil
}

// way is a way of running a history.
type way struct {
	name     string
	nights   []random.Night
	fresh    bool // from an empty warehouse; else only the ledger is emptied
	backfill bool // posts to the dates that were earned on; else each night to its own
}

func ledgerKey(parts ...string) string { return strings.Join(parts, " ") }

// sumsDiffer lists what is owed and not in the ledger, or the other way round.
func sumsDiffer(want, got map[string]pipeline.Amount) string {
	all := maps.Clone(want)
	maps.Copy(all, got)
	var out []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if want[k] != got[k] {
			out = append(out, fmt.Sprintf("%s: %s owed, %s in the ledger", k, want[k], got[k]))
		}
	}
	return strings.Join(out, "\n")
}

// play runs the nights of a way and returns the ledger's sums and the number of its rows. After each posting the ledger
// must be what is owed, and in the end it must be in order.
func (h *historian) play(ctx context.Context, c cases.Case, w way) (sums map[string]pipeline.Amount, rows int, err error) {
	families, err := cases.Families(c)
	if err != nil {
		return nil, 0, err
	}
	dir, err := os.MkdirTemp(h.dir, "history-*")
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tables := []string{"ledger", "publications", "horizons"}
	if w.fresh {
		tables = nil
	}
	if err := h.empty(ctx, tables...); err != nil {
		return nil, 0, err
	}
	for _, n := range w.nights {
		if err := put(filepath.Join(dir, "exports"), n.Put); err != nil {
			return nil, 0, err
		}
		if len(n.Put) > 0 || w.fresh {
			if err := h.load(ctx, dir, families, n.Run); err != nil {
				return nil, 0, err
			}
		}
		from := n.Run
		if w.backfill {
			from = c.Deliveries[0].Date - 400
		}
		for _, fam := range families {
			if err := h.night(ctx, fam, from, n.Run); err != nil {
				return nil, 0, fmt.Errorf("the run of %s: %w", n.Run, err)
			}
		}
	}
	for _, fam := range families {
		if err := ledger.Audit(ctx, h.db, fam.ID); err != nil {
			return nil, 0, err
		}
	}
	var stray int
	if err := h.db.QueryRow(ctx, fmt.Sprintf(`SELECT (SELECT count(*) FROM ledger WHERE source_hash IS DISTINCT FROM %s OR member_hash IS DISTINCT FROM %s)
		+ (SELECT count(*) FROM transactions WHERE member_hash IS DISTINCT FROM %[2]s)`,
		warehouse.Hash("source_id"), warehouse.Hash("member_id"))).Scan(&stray); err != nil || stray > 0 {
		return nil, 0, errors.Join(err, fmt.Errorf("%d rows whose hashes are not those of their ids", stray))
	}
	return ledgerSums(ctx, h.db)
}

// put puts deliveries into the exports folder, each as a whole.
func put(exports string, deliveries []cases.Delivery) error {
	for _, d := range deliveries {
		if err := os.RemoveAll(filepath.Join(exports, "date="+d.Date.String())); err != nil {
			return err
		}
	}
	return writeDeliveries(exports, cases.Case{Deliveries: deliveries})
}

// night posts what a program owes, as jobs.night does.
func (h *historian) night(ctx context.Context, fam *program.Family, from, to pipeline.Date) error {
	prev, err := ledger.ReadPrevious(ctx, h.db, fam.ID)
	if err != nil {
		return err
	}
	horizon := to
	if prev != nil {
		horizon = max(horizon, prev.Horizon)
	}
	w := work{Request: ledger.Request{Family: fam, From: from, To: to, Previous: prev}, horizon: horizon}
	if prev == nil || from != to {
		w.everybody = "as a night has it"
	} else {
		h.nights++ // even where most is new
	}
	worked, err := w.out(ctx, h.db)
	if err != nil {
		return err
	}
	if err := h.post(ctx, fam, horizon, worked); err != nil || !worked.scoped {
		return err
	}
	if h.scoped++; h.scoped%heldEvery != 0 {
		return nil
	}
	return h.nothingLeft(ctx, fam, horizon, to)
}

// nothingLeft wants an evaluation of everything to find nothing that the one of what has changed has not posted.
func (h *historian) nothingLeft(ctx context.Context, fam *program.Family, horizon, to pipeline.Date) error {
	prev, err := ledger.ReadPrevious(ctx, h.db, fam.ID)
	if err != nil {
		return err
	}
	if _, err := evaluate.Run(ctx, h.db, fam, horizon, evaluate.Options{}); err != nil {
		return err
	}
	diff, err := ledger.Difference(ctx, h.db, ledger.Request{Family: fam, From: to, To: to, Previous: prev})
	if err != nil || diff.Rows == 0 {
		return err
	}
	out := fmt.Sprintf("an evaluation of everything finds %d rows more to post:", diff.Rows)
	var rule, member, source string
	var amount int64
	err = h.db.Each(ctx, "SELECT rule, member_id, source_id, amount FROM difference ORDER BY ALL LIMIT 10", nil,
		[]any{&rule, &member, &source, &amount}, func() error {
			out += fmt.Sprintf("\n%s %s %s: %s", rule, member, source, pipeline.Amount(amount))
			return nil
		})
	return errors.Join(errors.New(out), err)
}

func (h *historian) post(ctx context.Context, fam *program.Family, horizon pipeline.Date, worked *workedOut) error {
	return h.db.Tx(ctx, func() error {
		if err := ledger.Post(ctx, h.db, fam.ID, worked.diff); err != nil {
			return err
		}
		for _, p := range worked.diff.Postings {
			if _, err := h.db.Exec(ctx, "INSERT INTO publications VALUES (?, CAST(? AS DATE), ?, 'r', 'published', ?, '', '')",
				fam.ID, p.PostedOn.String(), p.Seq, p.Totals.Rows); err != nil {
				return err
			}
		}
		if err := ledger.Balance(ctx, h.db, fam.ID, worked.scoped); err != nil {
			return err
		}
		n := &night{db: h.db}
		return n.writeHorizon(ctx, fam, horizon, worked.asked)
	})
}

// ledgerSums are the sums of a ledger by source, without those that are nothing, and the number of its rows.
func ledgerSums(ctx context.Context, db *warehouse.DB) (map[string]pipeline.Amount, int, error) {
	out, rows := map[string]pipeline.Amount{}, 0
	var id, rule, member, reward, sourceType, source string
	var amount, n int64
	err := db.Each(ctx, `SELECT program, rule, member_id, reward, CAST(source_type AS VARCHAR), source_id,
		CAST(sum(amount) AS BIGINT), count(*) FROM ledger GROUP BY ALL`, nil,
		[]any{&id, &rule, &member, &reward, &sourceType, &source, &amount, &n}, func() error {
			rows += int(n)
			if amount != 0 {
				out[ledgerKey(id, rule, member, reward, sourceType, source)] = pipeline.Amount(amount)
			}
			return nil
		})
	return out, rows, err
}

// smallest shrinks a history that ends differently, and says how.
func (h *historian) smallest(ctx context.Context, history random.History, ways func(random.History) []way) string {
	small := random.History{Seed: history.Seed, Case: random.Shrink(history.Case, func(c cases.Case) bool {
		if _, err := (cases.Reference{}).Run(c); err != nil || len(c.Run) != 1 {
			return false // no longer a right program
		}
		diff, _ := h.disagreement(ctx, random.History{Case: c, Seed: history.Seed}, ways)
		return diff != ""
	})}
	diff, _ := h.disagreement(ctx, small, ways)
	return cases.Format(small.Case) + "\n" + diff
}
