package explain

import (
	"context"
	"fmt"

	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// picker says in two temporary tables whose facts are read: members, and their purchases with those of nobody that
// were asked about.
type picker struct {
	ctx context.Context
	db  *warehouse.DB
}

// start empties the tables.
func (p picker) start() error {
	for _, s := range []string{
		"CREATE OR REPLACE TEMP TABLE explain_members (member_id VARCHAR)",
		"CREATE OR REPLACE TEMP TABLE explain_transactions (transaction_id VARCHAR)",
	} {
		if err := p.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// member picks one member, whoever matters for what the member earns, and their purchases.
func (p picker) member(_ *program.Family, id string) error {
	if err := p.exec("INSERT INTO explain_members VALUES (?)", id); err != nil {
		return err
	}
	return p.purchases()
}

// purchase picks one purchase alone.
func (p picker) purchase(id string) error {
	return p.exec("INSERT INTO explain_transactions VALUES (?)", id)
}

// purchases picks all purchases of the members picked so far.
func (p picker) purchases() error {
	return p.exec(`INSERT INTO explain_transactions
		SELECT transaction_id FROM transactions WHERE member_id IN (SELECT member_id FROM explain_members)`)
}

func (p picker) exec(query string, args ...any) error {
	if _, err := p.db.Exec(p.ctx, query, args...); err != nil {
		return fmt.Errorf("picking the facts: %w", err)
	}
	return nil
}

// dependsOnAll reports whether what one member earns depends on what all others earned before: where a rule has a
// budget.
func dependsOnAll(fam *program.Family) bool {
	for _, v := range fam.Versions {
		for _, r := range v.Rules {
			if r.Budget != nil {
				return true
			}
		}
	}
	return false
}
