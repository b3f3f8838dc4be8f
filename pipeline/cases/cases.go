// Package cases reads worked examples: given programs and deliveries, what must be granted. The format is the one that
// users write for their own programs (`accrue test`), and the corpus in fixtures/cases is in it, so that one set of
// cases runs on every engine.
//
//	cases:
//	  - name: silver, 100 spent
//	    covers: [S13.1, V15, F4]     # which sentences of the specification it pins down
//	    program: |                   # one program, or `programs:` with a text per file name; or ids of programs of
//	      program: p                 # the project, `programs: [jcb]`; left out: all programs of the project
//	      …
//	    rules: [base]                # optional: what is expected speaks of these rules only
//	    deliveries:
//	      2026-11-20:
//	        transactions: |          # CSV; a key is a dataset, or begins with one: transactions-2
//	          transaction_id,member_id,occurred_at,amount
//	          t1,m1,2026-11-20T10:00,100
//	    run: [2026-11-20]            # nightly runs in order; default: one at the latest delivery's date
//	    expect: |                    # all entitlements after the last run, in any order; a header alone: none
//	      member_id,rule,source_id,amount
//	      m1,base,t1,1
//	    grants:                      # optional: all rows posted to a date
//	      2026-11-20: |
//	        member_id,rule,source_id,amount,kind,reason
//	        m1,base,t1,1,accrual,
//	    rejects: |                   # optional: all rejected rows
//	      dataset,row,reason
//
// The tables of what is expected choose their columns freely out of those that the engine answers with; numbers are
// compared by value. Parse reads a file, an Engine runs a case, Diff says in words what came out otherwise.
package cases

import (
	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Case is one worked example.
type Case struct {
	Name   string
	File   string // where it stands, for messages; empty for a generated one
	Line   int
	Covers []string

	Programs   []Text            // in file order; Name is the file's name
	Families   []*program.Family // of a project, for a case without programs of its own
	Rules      []string          // of which alone what is expected speaks; nil: of all
	Deliveries []Delivery        // in file order
	Run        []pipeline.Date

	Expect  *Table // nil where nothing is said
	Grants  map[pipeline.Date]*Table
	Rejects *Table
}

// Text is the text of a file inside a case. Line is the line of the case file on which the text begins, so that
// positions in it can be shown in the case file; 0 where there is none.
type Text struct {
	Name string
	Text string
	Line int
}

// Delivery is one delivery folder.
type Delivery struct {
	Date  pipeline.Date
	Files []Text // Name is the key of the case: a dataset, or what begins with one
}

// Horizon is the last date that the case runs for: what is later is not known (F45), and deliveries after it are not
// loaded.
func (c *Case) Horizon() pipeline.Date {
	last := pipeline.MinDate
	for _, d := range c.Run {
		last = max(last, d)
	}
	return last
}

// Record is one row of an answer, by column name.
type Record map[string]string

// Outcome is what an engine answers.
type Outcome struct {
	// Entitlements after the last run, with all columns of EntitlementColumns.
	Entitlements []Record
	// Grants are the rows posted to each date, with the columns of a grant file; nil for an engine that keeps no
	// ledger, whose cases are then compared without them.
	Grants map[pipeline.Date][]Record
	// Rejects, with all columns of RejectColumns.
	Rejects []Record
}

// Engine runs cases. An error means that it could not: a program or a file that it refuses.
type Engine interface {
	Run(c Case) (Outcome, error)
}

// Columns that the expected tables may name.
var (
	EntitlementColumns = []string{
		"program", "program_version", "member_id", "rule", "reward", "amount", "source_type", "source_id", "earned_at",
		"earned_on",
	}
	GrantColumns = []string{
		"grant_id", "program", "program_version", "member_id", "rule", "reward", "amount", "kind", "source_type",
		"source_id", "earned_at", "earned_on", "posted_on", "available_on", "expires_on", "reason",
	}
	// RejectColumns: row counts the records of a file from 1, without the header.
	RejectColumns = []string{"dataset", "delivery", "row", "reason"}
)

// Datasets are the names that the files of a delivery begin with.
var Datasets = []string{"transactions", "items", "returns", "activities", "members", "stores"}
