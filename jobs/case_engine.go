package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/cases"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/load"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// CaseEngine runs worked examples through the real thing: a project folder of its own, and a nightly run for each
// date of the case, through load, evaluation, ledger and files. It lifts max_rejects, because cases are made of
// broken rows.
type CaseEngine struct {
	// Dir is where project folders are made; each case needs one of its own, which is removed after it.
	Dir string
	// Threads bounds DuckDB; 0 for two.
	Threads int
}

// Run runs the case. The entitlements that it answers with are those of the passes, and the ledger's sums must be the
// same.
func (e CaseEngine) Run(c cases.Case) (out cases.Outcome, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp(e.Dir, "case-*")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := e.project(dir, c)
	if err != nil {
		return out, err
	}
	for _, d := range c.Run {
		if _, err := Run(ctx, p, RunOptions{Date: &d, Command: "cases"}); err != nil {
			return out, fmt.Errorf("the run of %s: %w", d, err)
		}
	}
	r, err := p.OpenReader(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	families, err := p.Programs()
	if err != nil {
		return out, err
	}
	if out, err = outcome(ctx, r.db, families, c); err != nil {
		return out, err
	}
	if out.Grants, err = r.grantRecords(ctx); err != nil {
		return out, err
	}
	return out, settled(out)
}

// project writes the case as a project folder.
func (e CaseEngine) project(dir string, c cases.Case) (*Project, error) {
	threads := e.Threads
	if threads == 0 {
		threads = 2
	}
	settings := fmt.Sprintf("max_rejects: 100 %%\nthreads: %d\nmemory_limit: 1GB\n", threads)
	if err := os.WriteFile(filepath.Join(dir, SettingsName), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "programs"), 0o700); err != nil {
		return nil, err
	}
	for _, t := range c.Programs {
		name := t.Name
		if filepath.Ext(name) == "" {
			name += ".yaml"
		}
		if err := os.WriteFile(filepath.Join(dir, "programs", filepath.Base(name)), []byte(t.Text), 0o600); err != nil {
			return nil, err
		}
	}
	if err := writeDeliveries(filepath.Join(dir, "exports"), c); err != nil {
		return nil, err
	}
	p, err := Open(dir)
	if err == nil && len(c.Programs) == 0 {
		p.families = c.Families
	}
	return p, err
}

// writeDeliveries writes the deliveries of a case, all of them ready.
func writeDeliveries(dir string, c cases.Case) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range c.Deliveries {
		folder := filepath.Join(dir, "date="+d.Date.String())
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		for _, f := range completed(d.Files) {
			name := f.Name
			if filepath.Ext(name) == "" && name != "_SUCCESS" {
				name += ".csv"
			}
			if err := os.WriteFile(filepath.Join(folder, name), []byte(f.Text), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// completed adds to the files of a case what makes them a delivery: a case gives the rows that it is about, not what
// every delivery must have.
func completed(files []cases.Text) []cases.Text {
	out := append([]cases.Text{{Name: "_SUCCESS"}}, files...)
	if !slices.ContainsFunc(files, func(f cases.Text) bool {
		return slices.Contains([]string{"transactions", "activities"}, cases.DatasetOf(f.Name))
	}) {
		out = append(out, cases.Text{Name: "transactions", Text: "transaction_id,occurred_at,amount\n"})
	}
	return out
}

// outcome evaluates all programs over the facts of the warehouse and reads what the case asks for.
func outcome(ctx context.Context, db *warehouse.DB, families []*program.Family, c cases.Case) (out cases.Outcome, err error) {
	for _, fam := range families {
		if _, err := evaluate.Run(ctx, db, fam, c.Horizon(), evaluate.Options{}); err != nil {
			return out, err
		}
		records, err := EntitlementRecords(ctx, db, entitlementsQuery, fam.ID)
		if err != nil {
			return out, err
		}
		out.Entitlements = append(out.Entitlements, records...)
	}
	out.Rejects, err = rejectRecords(ctx, db)
	return out, err
}

// entitlementsQuery gives what was worked out for a program.
const entitlementsQuery = `SELECT ?, v.program_version, m.member_id, r.rule, w.reward, e.amount, CAST(e.source_type AS VARCHAR),
		e.source_id, e.earned_us, CAST(e.earned_on AS VARCHAR)
	FROM entitlements e JOIN eval_versions v ON v.ver = e.ver JOIN eval_members m ON m.member_no = e.member_no
	JOIN eval_rules r ON r.rule_no = e.rule_no JOIN eval_rewards w ON w.reward_no = e.reward_no`

// EntitlementRecords reads entitlements, or grants, out of a warehouse. The query gives program, program_version, member_id,
// rule, reward, amount in ten-thousandths, source_type, source_id, earned_us and earned_on, the ones without a type of
// their own as VARCHAR.
func EntitlementRecords(ctx context.Context, db *warehouse.DB, query string, args ...any) ([]cases.Record, error) {
	var out []cases.Record
	var version int
	var program, member, rule, reward, sourceType, sourceID, on string
	var amount, at int64
	err := db.Each(ctx, query, args,
		[]any{&program, &version, &member, &rule, &reward, &amount, &sourceType, &sourceID, &at, &on}, func() error {
			out = append(out, cases.Record{
				"program": program, "program_version": strconv.Itoa(version), "member_id": member, "rule": rule, "reward": reward,
				"amount": pipeline.Amount(amount).String(), "source_type": sourceType, "source_id": sourceID,
				"earned_at": cases.FormatInstant(time.UnixMicro(at)), "earned_on": on,
			})
			return nil
		})
	return out, err
}

func rejectRecords(ctx context.Context, db *warehouse.DB) ([]cases.Record, error) {
	var out []cases.Record
	var dataset, delivery, reason string
	var row int64
	err := db.Each(ctx, `SELECT dataset, CAST(delivery AS VARCHAR), row_no, reason FROM rejects`, nil,
		[]any{&dataset, &delivery, &row, &reason}, func() error {
			out = append(out, cases.Record{
				"dataset": dataset, "delivery": delivery, "row": strconv.FormatInt(row, 10), "reason": reason,
			})
			return nil
		})
	return out, err
}

// grantRecords are the ledger's rows by the date that they were posted to.
func (r *Reader) grantRecords(ctx context.Context) (map[pipeline.Date][]cases.Record, error) {
	out := map[pipeline.Date][]cases.Record{}
	err := r.Grants(ctx, GrantFilter{}, func(g Grant) error {
		posted, err := pipeline.ParseDate(g.PostedOn)
		if err != nil {
			return err
		}
		out[posted] = append(out[posted], cases.Record{
			"grant_id": g.GrantID, "program": g.Program, "program_version": strconv.Itoa(g.ProgramVersion),
			"member_id": g.MemberID, "rule": g.Rule, "reward": g.Reward, "amount": g.Value.String(), "kind": g.Kind,
			"source_type": g.SourceType, "source_id": g.SourceID, "earned_at": cases.FormatInstant(time.UnixMicro(g.EarnedU)),
			"earned_on": g.EarnedOn, "posted_on": g.PostedOn, "available_on": g.AvailableOn, "expires_on": g.ExpiresOn,
			"reason": g.Reason,
		})
		return nil
	})
	return out, err
}

// settled holds entitlements against the ledger: by source, rule, member and reward their sums are the same.
func settled(out cases.Outcome) error {
	columns := []string{"program", "rule", "member_id", "reward", "source_type", "source_id"}
	key := func(r cases.Record) string {
		parts := make([]string, len(columns))
		for i, c := range columns {
			parts[i] = r[c]
		}
		return strings.Join(parts, " ")
	}
	open := map[string]pipeline.Amount{}
	add := func(r cases.Record, sign pipeline.Amount) error {
		a, err := parseAmount(r["amount"])
		open[key(r)] += sign * a
		return err
	}
	for _, r := range out.Entitlements {
		if err := add(r, 1); err != nil {
			return err
		}
	}
	for _, posted := range out.Grants {
		for _, r := range posted {
			if err := add(r, -1); err != nil {
				return err
			}
		}
	}
	for k, a := range open {
		if a != 0 {
			return fmt.Errorf("the ledger does not say what is owed: %s: difference %s", k, a)
		}
	}
	return nil
}

// FastCaseEngine runs only load and evaluation, in one warehouse in memory that is emptied between cases: for
// thousands of them. It answers without grants.
type FastCaseEngine struct {
	dir string
	db  *warehouse.DB
}

// NewFastCaseEngine opens the warehouse; dir is for the files of the cases. It must be closed.
func NewFastCaseEngine(ctx context.Context, dir string) (*FastCaseEngine, error) {
	db, err := warehouse.Open(ctx, warehouse.Options{Threads: 1, MemoryLimit: "1GB"})
	return &FastCaseEngine{dir: dir, db: db}, err
}

// Close closes the warehouse.
func (e *FastCaseEngine) Close() error { return e.db.Close() }

// Run loads the case as it stands after its last run, and evaluates it.
func (e *FastCaseEngine) Run(c cases.Case) (out cases.Outcome, err error) {
	ctx := context.Background()
	families, err := cases.Families(c)
	if err != nil {
		return out, err
	}
	dir, err := os.MkdirTemp(e.dir, "case-*")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeDeliveries(filepath.Join(dir, "exports"), c); err != nil {
		return out, err
	}
	if err := e.empty(ctx); err != nil {
		return out, err
	}
	if err := e.load(ctx, dir, families, c.Horizon()); err != nil {
		return out, err
	}
	return outcome(ctx, e.db, families, c)
}

func (e *FastCaseEngine) load(ctx context.Context, dir string, families []*program.Family, through pipeline.Date) error {
	everyRow := decimal.NewFromInt(100)
	_, err := load.Load(ctx, e.db, load.Options{
		ExportsDir: filepath.Join(dir, "exports"), Through: through, Currencies: currencies(families),
		SpoolDir: filepath.Join(dir, "spool"), MaxRejects: load.MaxRejects{Percent: &everyRow},
	})
	return err
}

// empty removes everything, or what stands in the tables.
func (e *FastCaseEngine) empty(ctx context.Context, tables ...string) error {
	all := len(tables) == 0
	var name string
	if err := e.db.Each(ctx, `SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND estimated_size > 0
		AND table_name <> 'warehouse_version'`, nil, []any{&name}, func() error {
		if all {
			tables = append(tables, name)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := e.db.Exec(ctx, "DELETE FROM "+warehouse.Ident(t)); err != nil {
			return err
		}
	}
	return nil
}

// parseAmount reads the text of an amount.
func parseAmount(text string) (pipeline.Amount, error) {
	d, err := decimal.NewFromString(text)
	return pipeline.Amount(d.Shift(pipeline.AmountPlaces).IntPart()), err
}
