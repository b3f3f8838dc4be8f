package ledger

import (
	"context"
	"fmt"
	"strings"

	"accrue/pipeline/warehouse"
)

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

// Error lists the findings, one per line.
func (e *AuditError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the ledger of program %s does not add up:", e.Program)
	for _, f := range e.Findings {
		fmt.Fprintf(&b, "\n%s: %s", f.Audit, f.Detail)
	}
	return b.String()
}

// maxFindings of one audit are told; more of the same do not help.
const maxFindings = 20

// Balance audits that entitlements and ledger have the same sums by rule and reward (P6); of a scoped request those of
// the sources that were evaluated, with what was posted for them. It needs the tables of the evaluation that was posted,
// and returns an *AuditError where they differ.
func Balance(ctx context.Context, db *warehouse.DB, program string, scoped bool) error {
	text, err := sqlFiles.ReadFile("sql/balance.sql")
	if err != nil {
		return err
	}
	held := "ledger"
	if scoped {
		held = "(SELECT program, rule, reward, amount FROM difference_ledger UNION ALL SELECT program, rule, reward, amount FROM difference)"
	}
	out := &AuditError{Program: program}
	if err := out.audit(ctx, db, "entitlements are what the ledger holds", strings.ReplaceAll(string(text), "{held}", held)); err != nil {
		return err
	}
	return out.orNil()
}

// Audit runs the audits that hold at any time, over the program's whole ledger. It returns an *AuditError where one
// finds something.
func Audit(ctx context.Context, db *warehouse.DB, program string) error {
	text, err := sqlFiles.ReadFile("sql/audits.sql")
	if err != nil {
		return err
	}
	out := &AuditError{Program: program}
	for _, s := range statements(string(text)) {
		head, query, _ := strings.Cut(s, "\n")
		if err := out.audit(ctx, db, strings.TrimPrefix(head, "-- name: "), query+"\nORDER BY 1"); err != nil {
			return err
		}
	}
	return out.orNil()
}

func (e *AuditError) audit(ctx context.Context, db *warehouse.DB, name, query string) error {
	var detail string
	err := db.Each(ctx, fmt.Sprintf("%s\nLIMIT %d", query, maxFindings), []any{e.Program}, []any{&detail}, func() error {
		e.Findings = append(e.Findings, Finding{Audit: name, Detail: detail})
		return nil
	})
	if err != nil {
		return fmt.Errorf("audit %q: %w", name, err)
	}
	return nil
}

func (e *AuditError) orNil() error {
	if len(e.Findings) == 0 {
		return nil
	}
	return e
}
