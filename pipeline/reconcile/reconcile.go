// Package reconcile holds together what came in, what it earned, what was posted, what was published and what
// downstream says it did with it, and names every difference as a break. There is no tolerance.
//
// Five ties, each between two neighbours of the line:
//
//	deliveries ↔ facts          every row of an export file is among the facts, with its amount (facts.go)
//	facts ↔ entitlements        what is owed rests on a fact, and a second evaluator owes the same (owed.go)
//	entitlements ↔ ledger       what is owed is what was posted, source by source (owed.go)
//	ledger ↔ published files    each grant stands in its file as it was posted (files.go)
//	files ↔ acknowledgements    downstream posted each published grant, once, with its amount (acks.go)
//
// Start opens a scratch database in memory beside the warehouse; the ties collect their breaks there, set by set, and
// Keep notes them in the warehouse: a break that is not found any more is closed with the date as of which that was.
// What must be read or evaluated for a tie is done by the stages that know how; jobs calls them in between.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// Tie names two neighbours that are held together.
type Tie string

// The ties, from the deliveries downstream.
const (
	Facts        Tie = "deliveries-facts"
	Entitlements Tie = "facts-entitlements"
	Ledger       Tie = "entitlements-ledger"
	Files        Tie = "ledger-files"
	Acks         Tie = "files-acks"
)

// Ties lists the ties in order.
var Ties = []Tie{Facts, Entitlements, Ledger, Files, Acks}

// Types of breaks. What stands on the left of a tie is expected, what stands on the right is found.
const (
	Missing        = "missing"        // expected, and not there
	Extra          = "extra"          // there, and not expected
	Amount         = "amount"         // there, and something else
	Rejected       = "rejected"       // downstream refused it
	Duplicate      = "duplicate"      // there more than once
	Unacknowledged = "unacknowledged" // downstream has not said anything
)

// Types lists the types of breaks.
var Types = []string{Missing, Extra, Amount, Rejected, Duplicate, Unacknowledged}

// Scope says what is reconciled.
type Scope struct {
	Program  string        // "" for all programs
	From, To pipeline.Date // deliveries, earned dates and dates of posting between the two, both inclusive
	AsOf     pipeline.Date // what was posted after it is not looked at; ages are counted up to it
	Places   Places        // how amounts are shown
}

// Work is a reconciliation under way.
type Work struct {
	ctx   context.Context
	db    *warehouse.DB
	scope Scope
	held  map[Tie]bool

	plain   bool // no id of the ledger needs escaping
	orphans bool // rows of the ledger belong to no publication
	broken  bool // publications are not what the ledger holds
}

// Start opens the scratch database. Close must be called.
func Start(ctx context.Context, db *warehouse.DB, scope Scope) (*Work, error) {
	w := &Work{ctx: ctx, db: db, scope: scope, held: map[Tie]bool{}}
	for _, s := range []string{
		"ATTACH ':memory:' AS recon",
		`CREATE TABLE recon.breaks (
			program VARCHAR NOT NULL, tie VARCHAR NOT NULL, type VARCHAR NOT NULL, key VARCHAR NOT NULL, dated DATE NOT NULL,
			member_id VARCHAR, rule VARCHAR, reward VARCHAR, source_type VARCHAR, source_id VARCHAR,
			expected VARCHAR, found VARCHAR, what VARCHAR,
			place VARCHAR, place_row BIGINT,  -- in an export or a published file
			ack_file INTEGER, ack_row BIGINT, -- of an acknowledgement
			sources VARCHAR, found_on DATE)`,
		// Both sides of a tie in figures; amounts in ten-thousandths, reward NULL where rows have none.
		`CREATE TABLE recon.ties (
			program VARCHAR NOT NULL, tie VARCHAR NOT NULL, reward VARCHAR,
			left_rows BIGINT NOT NULL, left_amount HUGEINT, right_rows BIGINT NOT NULL, right_amount HUGEINT)`,
		// The same for export files, whose rows are their deliveries' and what became of them; amounts are those of sound rows.
		`CREATE TABLE recon.fact_files (
			dataset VARCHAR NOT NULL, file_id INTEGER NOT NULL, has_amounts BOOLEAN NOT NULL,
			left_rows BIGINT NOT NULL, left_amount HUGEINT NOT NULL, right_rows BIGINT NOT NULL, right_amount HUGEINT NOT NULL)`,
		// Publications whose files are not simply what the ledger holds, and their rows as they stand there.
		`CREATE TABLE recon.broken (program VARCHAR, posted_on DATE, seq INTEGER, whole BOOLEAN)`,
	} {
		if _, err := db.Exec(ctx, s); err != nil {
			return nil, errors.Join(fmt.Errorf("starting to reconcile: %w", err), w.Close())
		}
	}
	if err := w.look(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close throws the scratch database away.
func (w *Work) Close() error {
	_, err := w.db.Exec(context.WithoutCancel(w.ctx), "DETACH DATABASE IF EXISTS recon")
	return err
}

// run executes statements in order.
func (w *Work) run(what string, statements ...string) error {
	for _, s := range statements {
		if _, err := w.db.Exec(w.ctx, s); err != nil {
			return fmt.Errorf("reconciling %s: %w", what, err)
		}
	}
	return nil
}

// Break adds one break that no set of rows gave.
func (w *Work) Break(b Break) error {
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	_, err := w.db.Exec(w.ctx, `INSERT INTO recon.breaks (program, tie, type, key, dated, expected, found, what, place)
		VALUES (?, ?, ?, ?, CAST(? AS DATE), ?, ?, ?, ?)`, b.Program, string(b.Tie), b.Type, b.Key, b.Date.String(),
		null(b.Expected), null(b.Found), null(b.What), null(b.place))
	return err
}

// decimal is SQL for ten-thousandths as a decimal text without trailing zeros; NULL stays NULL.
func decimal(x string) string {
	return fmt.Sprintf(`CASE WHEN (%[1]s) IS NOT NULL THEN concat(CASE WHEN (%[1]s) < 0 THEN '-' ELSE '' END, abs(%[1]s) // 10000,
		CASE WHEN abs(%[1]s) %% 10000 <> 0 THEN rtrim(concat('.', lpad(CAST(abs(%[1]s) %% 10000 AS VARCHAR), 4, '0')), '0') ELSE '' END) END`, x)
}

// escape is SQL for an id inside a grant id, as pipeline.EscapeID does it.
func escape(column string) string {
	return fmt.Sprintf("replace(replace(%s, '%%', '%%25'), '/', '%%2F')", column)
}

// grantID is SQL for the grant id of a ledger row, see pipeline.GrantID. Where no id of the ledger needs escaping,
// which is the rule, none is looked through: over millions of rows that is most of the cost.
func (w *Work) grantID(alias string) string {
	if w.plain {
		return fmt.Sprintf("concat(%[1]sprogram, '/', %[1]srule, '/', CAST(%[1]ssource_type AS VARCHAR), '/', %[1]ssource_id, '/', %[1]sn)", alias)
	}
	return fmt.Sprintf("concat(%s, '/', n)", sourceKey(alias))
}

// look finds out what of the rare cases there is: they cost time.
func (w *Work) look() error {
	err := w.db.QueryRow(w.ctx, `SELECT (SELECT count(*) FROM ledger WHERE contains(source_id, '/') OR contains(source_id, '%')) = 0
			AND (SELECT count(*) FROM (SELECT DISTINCT program, rule FROM ledger) WHERE regexp_matches(concat(program, rule), '[/%]')) = 0,
		(SELECT count(*) FROM (SELECT DISTINCT program, posted_on, seq FROM ledger) l WHERE NOT EXISTS (SELECT 1 FROM publications p
			WHERE p.program = l.program AND p.posted_on = l.posted_on AND p.seq = l.seq)) > 0`).Scan(&w.plain, &w.orphans)
	if err != nil {
		return fmt.Errorf("looking at the ledger: %w", err)
	}
	return nil
}

// sourceKey is a grant id without its number: what a rule made of a source.
func sourceKey(alias string) string {
	return fmt.Sprintf("concat(%s, '/', %s, '/', CAST(%ssource_type AS VARCHAR), '/', %s)",
		escape(alias+"program"), escape(alias+"rule"), alias, escape(alias+"source_id"))
}

// during is a condition on a date.
func (w *Work) during(column string) string {
	return fmt.Sprintf("%s BETWEEN %s AND %s", column, dateSQL(w.scope.From), dateSQL(w.scope.To))
}

// inScope is a condition on what was posted, by its date: the program, the period, and nothing that came later. The
// column program must stand beside the date's.
func (w *Work) inScope(date string) string {
	alias, _, qualified := strings.Cut(date, ".")
	program := "program"
	if qualified {
		program = alias + ".program"
	}
	out := fmt.Sprintf("%s AND %s <= %s", w.during(date), date, dateSQL(w.scope.AsOf))
	if w.scope.Program != "" {
		out += " AND " + program + " = " + warehouse.Literal(w.scope.Program)
	}
	return out
}

func dateSQL(d pipeline.Date) string { return "DATE '" + d.String() + "'" }

// parquet names a Parquet file in SQL.
func parquet(path string) string {
	path = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
	return "read_parquet(" + warehouse.Literal(path) + ", hive_partitioning = false)"
}
