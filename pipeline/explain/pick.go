package explain

import (
	"context"
	"fmt"
	"slices"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// picker gathers in two temporary tables whose facts are read: members, and the rows of their purchases with those of
// nobody that were asked about.
type picker struct {
	ctx context.Context
	db  *warehouse.DB
}

// purchaseColumns are what is read of a purchase: each more is looked up in a place of its own for every row.
const purchaseColumns = `transaction_id, member_id, amount, currency, store_id, channel, status, occurred_wall, occurred_offset,
	occurred_form, ` + partColumns

// start empties the tables.
func (p picker) start() error {
	for _, s := range []string{
		"CREATE OR REPLACE TEMP TABLE explain_members (member_id VARCHAR)",
		"CREATE OR REPLACE TEMP TABLE explain_transactions AS SELECT " + purchaseColumns + " FROM transactions LIMIT 0",
	} {
		if err := p.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// members picks members, whoever matters for what they earn, and their purchases.
func (p picker) members(_ *program.Family, ids ...string) error {
	for _, id := range ids {
		if err := p.exec("INSERT INTO explain_members VALUES (?)", id); err != nil {
			return err
		}
	}
	return p.purchases()
}

// purchase picks one purchase alone.
func (p picker) purchase(id string) error {
	ranges, err := readRanges(p.ctx, p.db, "transactions")
	if err != nil {
		return err
	}
	return p.exec("INSERT INTO explain_transactions SELECT " + purchaseColumns + " FROM transactions WHERE " + ranges.finding("", "transaction_id", id))
}

// purchases picks all purchases of the members picked so far.
func (p picker) purchases() error {
	queries, err := byBuyer.queries(p.ctx, p.db, "SELECT "+purchaseColumns+" FROM transactions", nil)
	if err != nil {
		return fmt.Errorf("picking the facts: %w", err)
	}
	for _, q := range queries {
		if err := p.exec("INSERT INTO explain_transactions " + q); err != nil {
			return err
		}
	}
	return nil
}

// chunks parts the members that can have a source in the range of business dates, and the purchases of nobody, into
// chunks of about so many rows of facts, in order of their ids. It returns how many there are.
func (p picker) chunks(fam *program.Family, from, until pipeline.Date, size int64) (n int64, err error) {
	// A business date is at most three days from the wall clock as it was written: offset, zone and day_starts_at.
	const slack = 3 * 24 * 60 * 60 * 1_000_000
	near := fmt.Sprintf("occurred_wall BETWEEN %d AND %d", from.Time().UnixMicro()-slack, until.Time().UnixMicro()+2*slack)
	active := fmt.Sprintf(`member_id IN (SELECT member_id FROM transactions WHERE %s UNION ALL SELECT member_id FROM activities
		WHERE %[1]s)`, near)
	if datesElsewhere(fam) {
		active = "true"
	}
	for _, s := range []string{
		fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE explain_nobody AS
			SELECT transaction_id, (row_number() OVER (ORDER BY transaction_id) - 1) // %d AS chunk
			FROM transactions WHERE member_id IS NULL AND %s`, size, near),
		fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE explain_chunks AS
			SELECT member_id, CAST((sum(n) OVER (ORDER BY member_id) - n) // %d AS BIGINT)
				+ (SELECT coalesce(max(chunk), -1) + 1 FROM explain_nobody) AS chunk
			FROM (SELECT member_id, count(*) AS n
				FROM (SELECT member_id FROM transactions WHERE member_id IS NOT NULL UNION ALL SELECT member_id FROM activities
					UNION ALL SELECT member_id FROM members) GROUP BY member_id)
			WHERE %s`, size, active),
	} {
		if err := p.exec(s); err != nil {
			return 0, err
		}
	}
	err = p.db.QueryRow(p.ctx, `SELECT coalesce(max(chunk), -1) + 1
		FROM (SELECT chunk FROM explain_nobody UNION ALL SELECT chunk FROM explain_chunks)`).Scan(&n)
	return n, err
}

// chunk picks the members and purchases of a chunk, and whoever matters for what they earn. It returns whose decisions
// are wanted: the members, or the empty one for purchases of nobody; none of a chunk that one large member left empty.
func (p picker) chunk(_ *program.Family, n int64) (map[string]bool, error) {
	if err := p.start(); err != nil {
		return nil, err
	}
	if err := p.exec("INSERT INTO explain_members SELECT member_id FROM explain_chunks WHERE chunk = ?", n); err != nil {
		return nil, err
	}
	if err := p.exec(`INSERT INTO explain_transactions SELECT `+purchaseColumns+` FROM transactions
		WHERE transaction_id IN (SELECT transaction_id FROM explain_nobody WHERE chunk = ?)`, n); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	var id string
	if err := p.db.Each(p.ctx, "SELECT member_id FROM explain_members", nil, []any{&id}, func() error {
		wanted[id] = true
		return nil
	}); err != nil {
		return nil, err
	}
	wanted[""] = len(wanted) == 0
	return wanted, p.purchases()
}

// datesElsewhere reports whether a source may be dated by something else than the time of its own row.
func datesElsewhere(fam *program.Family) bool {
	own := []program.Kind{program.KindSpend, program.KindVisit, program.KindQuantity, program.KindActivity, program.KindMultiplier,
		program.KindMilestone}
	for _, v := range fam.Versions {
		for _, r := range v.Rules {
			if !slices.Contains(own, r.Kind) {
				return true
			}
		}
	}
	return false
}

func (p picker) exec(query string, args ...any) error {
	if _, err := p.db.Exec(p.ctx, query, args...); err != nil {
		return fmt.Errorf("picking the facts: %w", err)
	}
	return nil
}

// hasKind reports whether any version has a rule of the kind.
func hasKind(fam *program.Family, k program.Kind) bool {
	return slices.ContainsFunc(fam.Versions, func(v *program.Program) bool {
		return slices.ContainsFunc(v.Rules, func(r *program.Rule) bool { return r.Kind == k })
	})
}

// sharedKinds are the kinds whose rules look at what other members did, as a budget does: codes that all redeem
// together, and who referred whom.
var sharedKinds = []program.Kind{"gift_code", "referral"}

// dependsOnAll reports whether what one member earns depends on what all others did before: where a rule has a budget
// or is of such a kind.
func dependsOnAll(fam *program.Family) bool {
	return slices.ContainsFunc(fam.Versions, func(v *program.Program) bool {
		return slices.ContainsFunc(v.Rules, func(r *program.Rule) bool {
			return r.Budget != nil || slices.Contains(sharedKinds, r.Kind)
		})
	})
}
