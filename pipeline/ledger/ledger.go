// Package ledger holds entitlements against the append-only ledger and posts the difference: the third stage of a
// night.
//
// It finds the temporary tables that the evaluation left (entitlements and the eval_ tables that name its numbers),
// leaves the temporary relation `difference`, which has the columns of the ledger and says what is to be posted, and
// appends it. Start with Difference.
package ledger

import (
	"context"

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
	// Previous is what the program's last run knew, nil before the first. See ReadPrevious.
	Previous *Previous
}

// Previous is what the last run of a program knew.
type Previous struct {
	Horizon pipeline.Date // sources after it were unknown
	LoadSeq int           // the newest load that it saw
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
	panic("to follow")
}

// NextSeq returns the number that the next publication of the program and date bears, from 1.
func NextSeq(ctx context.Context, db *warehouse.DB, program string, postedOn pipeline.Date) (int, error) {
	panic("to follow")
}

// Difference makes the temporary relation `difference`: entitlements less the ledger's sums, as the ledger rows that
// settle it. It changes nothing that lasts. The relation holds until the next evaluation, and may be read after
// Post too; beside the ledger's columns it has member_no, whose order is that of member_id.
func Difference(ctx context.Context, db *warehouse.DB, req Request) (*Result, error) {
	panic("to follow")
}

// Post appends `difference` to the ledger and audits what it appended. It belongs into a transaction, the same one
// that records the publication.
func Post(ctx context.Context, db *warehouse.DB, program string, diff *Result) error {
	panic("to follow")
}

// Balance audits that entitlements and ledger have the same sums by rule and reward. It needs the tables of the
// evaluation that was posted.
func Balance(ctx context.Context, db *warehouse.DB, program string) error {
	panic("to follow")
}

// Audit runs the audits that hold at any time, over the program's whole ledger. It returns an *AuditError where one
// finds something.
func Audit(ctx context.Context, db *warehouse.DB, program string) error {
	panic("to follow")
}

// AuditError names the audits that found something.
type AuditError struct {
	Program  string
	Findings []Finding
}

// Finding is one row that an audit must not return.
type Finding struct {
	Audit  string // the audit's name
	Detail string // what it found, with both figures where there are two
}

// Error lists the findings.
func (e *AuditError) Error() string { panic("to follow") }
