// Package ledger holds entitlements against the append-only ledger and posts the difference: the third stage of a
// night.
//
// It finds the temporary tables that the evaluation left (entitlements and the eval_ tables that name its numbers),
// leaves the temporary view `difference`, which has the columns of the ledger and says what is to be posted, and
// appends it. Start with Difference.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// Request says which difference is wanted.
type Request struct {
	Family *program.Family
	// From and To are the dates to post to: a difference goes to its earned date where that lies between them,
	// else to the nearer of the two (F60). A nightly run posts everything to one date: From = To.
	From, To pipeline.Date
	// ClosedThrough is the last closed date: what would go to it or before goes to the day after. Nil for none.
	ClosedThrough *pipeline.Date
	// Restated: a program file that is the base of posted grants has changed, and that is accepted.
	Restated bool
	// Scope, if set, says that only the sources of eval_sources were evaluated: only their grants are looked at.
	Scope *Scope
	// Previous is what the program's last run knew, nil before the first. See ReadPrevious.
	Previous *Previous
}

// Scope is what is known of the sources that were evaluated.
type Scope struct {
	Since  pipeline.Date // they were earned on this date or later
	Steady bool          // see Previous
}

// Previous is what the last run of a program knew.
type Previous struct {
	Horizon pipeline.Date // sources after it were unknown
	LoadSeq int           // the newest load that it saw
	Basis   string        // digest of what it evaluated by; "" where that is not known
	// Steady: all grants of the program were earned by the same clock, and nothing was ever loaded anew. Sources that never
	// said anything else have then the dates that their grants say.
	Steady bool
}

// Posting is what a difference posts under one date.
type Posting struct {
	PostedOn pipeline.Date
	Seq      int // the publication of that date that it will be
	Totals   pipeline.Totals
}

// Result is a difference: its postings by date, none where there is nothing to post.
type Result struct {
	Postings []Posting
	Rows     int64
}

// ReadPrevious returns what the program's last run knew, nil if it was never run.
func ReadPrevious(ctx context.Context, db *warehouse.DB, program string) (*Previous, error) {
	var horizon time.Time
	p := &Previous{}
	err := db.QueryRow(ctx, `SELECT max(horizon), max(load_seq), coalesce((SELECT max(basis) FROM evaluations WHERE program = $1), ''),
		coalesce((SELECT bool_and(steady) FROM evaluations WHERE program = $1), FALSE) AND NOT EXISTS (SELECT 1 FROM reloads)
		FROM horizons WHERE program = $1 HAVING count(*) > 0`, program).Scan(&horizon, &p.LoadSeq, &p.Basis, &p.Steady)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the last run of program %s knew: %w", program, err)
	}
	p.Horizon = pipeline.DateOf(horizon)
	return p, nil
}

// NextSeq returns the number that the next publication of the program and date bears, from 1.
func NextSeq(ctx context.Context, db *warehouse.DB, program string, postedOn pipeline.Date) (int, error) {
	var seq int
	err := db.QueryRow(ctx, "SELECT coalesce(max(seq), 0) + 1 FROM publications WHERE program = ? AND posted_on = CAST(? AS DATE)",
		program, postedOn.String()).Scan(&seq)
	return seq, err
}

// Post appends `difference` to the ledger and holds what arrived against the totals that Difference gave. It belongs
// into a transaction, the same one that records the publications.
func Post(ctx context.Context, db *warehouse.DB, program string, diff *Result) error {
	if diff.Rows == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, "INSERT INTO ledger SELECT * EXCLUDE (member_no), "+warehouse.Hash("source_id")+", "+warehouse.Hash("member_id")+" FROM difference"); err != nil {
		return fmt.Errorf("posting the grants of program %s: %w", program, err)
	}
	found, err := posted(ctx, db, program, diff.Postings)
	if err != nil {
		return err
	}
	for _, p := range diff.Postings {
		if faults := p.Totals.Compare(found[p.PostedOn]); len(faults) > 0 {
			return fmt.Errorf("posting the grants of program %s to %s: the ledger is out of balance with the difference: %s",
				program, p.PostedOn, faults[0])
		}
	}
	return nil
}

// posted adds up what the ledger holds of the publications of some postings, in one pass over it.
func posted(ctx context.Context, db *warehouse.DB, program string, postings []Posting) (map[pipeline.Date]*pipeline.Totals, error) {
	seqs, out := map[pipeline.Date]int{}, map[pipeline.Date]*pipeline.Totals{}
	for _, p := range postings {
		seqs[p.PostedOn], out[p.PostedOn] = p.Seq, &pipeline.Totals{}
	}
	var day time.Time
	var seq int
	var reward, kind, sum string
	var rows int64
	err := db.Each(ctx, `SELECT posted_on, seq, reward, kind, count(*), CAST(sum(amount) AS VARCHAR) FROM ledger
		WHERE program = ? AND posted_on BETWEEN CAST(? AS DATE) AND CAST(? AS DATE) GROUP BY ALL`,
		[]any{program, postings[0].PostedOn.String(), postings[len(postings)-1].PostedOn.String()},
		[]any{&day, &seq, &reward, &kind, &rows, &sum}, func() error {
			on := pipeline.DateOf(day)
			if known, ok := seqs[on]; !ok || known != seq {
				return nil
			}
			s, err := pipeline.ParseSum(sum)
			if err != nil {
				return err
			}
			out[on].Add(reward, pipeline.GrantKind(kind), rows, s)
			return nil
		})
	return out, err
}

// Narrow makes `difference` show only the rows that are posted to the dates from first to last, kept apart by date and
// with their names, so that the rows of one date are found without looking at all of them. Widen takes it back.
func Narrow(ctx context.Context, db *warehouse.DB, first, last pipeline.Date) error {
	for _, s := range []string{
		fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE difference_slice AS SELECT * FROM difference_named
			WHERE posted_on BETWEEN DATE '%s' AND DATE '%s' ORDER BY posted_on`, first, last),
		"CREATE OR REPLACE TEMP VIEW difference AS SELECT * FROM difference_slice",
	} {
		if _, err := db.Exec(ctx, s); err != nil {
			return fmt.Errorf("taking the difference of %s to %s apart: %w", first, last, err)
		}
	}
	return nil
}

// Widen makes `difference` show everything again.
func Widen(ctx context.Context, db *warehouse.DB) error {
	for _, s := range []string{
		"CREATE OR REPLACE TEMP VIEW difference AS SELECT * FROM difference_named",
		"DROP TABLE IF EXISTS difference_slice",
	} {
		if _, err := db.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
