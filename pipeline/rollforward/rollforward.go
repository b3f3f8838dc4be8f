// Package rollforward adds the ledger up as finance reads it: opening + accruals + adjustments − reversals = closing,
// and of what is left at the end how much is still held, how much can be spent and when it expires.
//
// accrue keeps no balances: what members spent of their points is downstream's, so that all figures are of what was
// granted.
package rollforward

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// Dimensions that balances can be parted by, beside program and reward.
const (
	ByRule    = "rule"
	ByTier    = "tier" // the member's on the business day
	ByStore   = "store"
	ByChannel = "channel"
	ByDate    = "date"  // of posting
	ByMonth   = "month" // of posting, YYYY-MM
)

// Dimensions lists them.
var Dimensions = []string{ByRule, ByTier, ByStore, ByChannel, ByDate, ByMonth}

// Request says which balances are wanted.
type Request struct {
	Program  string        // "" for all
	From, To pipeline.Date // the period; the opening is what was posted before it
	By       []string      // of Dimensions, without repetition
	Families []*program.Family
	// Evaluate evaluates a program, which leaves its tables: tiers from spend are read from them.
	Evaluate func(*program.Family) error
}

// Row is one line of a roll-forward: Closing = Opening + Accruals + Adjustments + Reversals, the last one below zero.
// Pending + Available + Expired = Closing; by date or month they are not worked out.
type Row struct {
	Program, Reward                                    string
	By                                                 []string // values of the dimensions asked for
	Grants                                             int64    // rows posted in the period
	Opening, Accruals, Adjustments, Reversals, Closing pipeline.Sum
	Pending                                            pipeline.Sum // available only after the end
	Available                                          pipeline.Sum // and not expired
	Expired                                            pipeline.Sum // its last day lies before the end
}

// Expiry is what expires in one month.
type Expiry struct {
	Program, Reward string
	Month           string // YYYY-MM, "" for never
	Amount          pipeline.Sum
}

// Rows works out a roll-forward, ordered by program, reward and the dimensions.
func Rows(ctx context.Context, db *warehouse.DB, req Request) ([]Row, error) {
	if slices.Contains(req.By, ByTier) && req.Program == "" {
		return programByProgram(ctx, db, req)
	}
	if err := prepare(ctx, db, req); err != nil {
		return nil, fmt.Errorf("rolling the ledger forward: %w", err)
	}
	var out []Row
	var err error
	if dated := slices.IndexFunc(req.By, func(d string) bool { return d == ByDate || d == ByMonth }); dated >= 0 {
		out, err = running(ctx, db, req)
	} else {
		out, err = standing(ctx, db, req)
	}
	if err != nil {
		return nil, fmt.Errorf("rolling the ledger forward: %w", err)
	}
	return out, nil
}

// programByProgram is Rows where each program must be looked at by itself.
func programByProgram(ctx context.Context, db *warehouse.DB, req Request) ([]Row, error) {
	var programs []string
	var id string
	if err := db.Each(ctx, "SELECT DISTINCT program FROM ledger ORDER BY 1", nil, []any{&id}, func() error {
		programs = append(programs, id)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("rolling the ledger forward: %w", err)
	}
	var out []Row
	for _, req.Program = range programs {
		rows, err := Rows(ctx, db, req)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// empty makes the table of tiers from spend.
const empty = "CREATE OR REPLACE TEMP TABLE roll_spans (version INTEGER, member_id VARCHAR, tier VARCHAR, since DATE, until DATE)"

// prepare makes the tables of tiers by version, for one program.
func prepare(ctx context.Context, db *warehouse.DB, req Request) error {
	if !slices.Contains(req.By, ByTier) {
		return nil
	}
	if _, err := db.Exec(ctx, empty); err != nil {
		return err
	}
	for _, fam := range req.Families {
		if fam.ID != req.Program {
			continue
		}
		if err := spans(ctx, db, req, fam); err != nil {
			return err
		}
	}
	return memberTiers(ctx, db, req)
}

// spans takes over when which member had which tier from spend, for each version of a program that has such tiers.
func spans(ctx context.Context, db *warehouse.DB, req Request, fam *program.Family) error {
	fromSpend := slices.ContainsFunc(fam.Versions, func(v *program.Program) bool { return v.TierFrom == program.TierFromSpend })
	if !fromSpend {
		return nil
	}
	if err := req.Evaluate(fam); err != nil { // which clears the session's temporary tables away
		return err
	}
	if _, err := db.Exec(ctx, empty); err != nil {
		return err
	}
	for i, v := range fam.Versions {
		if v.TierFrom != program.TierFromSpend {
			continue
		}
		for n, t := range v.Tiers {
			if _, err := db.Exec(ctx, fmt.Sprintf(`INSERT INTO roll_spans SELECT %d, m.member_id, %s,
				DATE '1970-01-01' + greatest(s.from_day, -700000), DATE '1970-01-01' + s.until_day
				FROM eval_spans s JOIN eval_members m ON m.member_no = s.member_no WHERE s.tier_%d = %d`,
				v.Version, warehouse.Literal(t.ID), i, n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// memberTiers makes the tables of tiers that members' files name.
func memberTiers(ctx context.Context, db *warehouse.DB, req Request) error {
	statements := []string{
		"CREATE OR REPLACE TEMP TABLE roll_tiers (program VARCHAR, version INTEGER, tier VARCHAR)",
		"CREATE OR REPLACE TEMP TABLE roll_defaults (program VARCHAR, version INTEGER, tier VARCHAR)",
		`CREATE OR REPLACE TEMP TABLE roll_members AS
			SELECT member_id, tier, CASE WHEN row_number() OVER w = 1 THEN DATE '0001-01-01' ELSE delivery END AS since,
				coalesce(lead(delivery) OVER w, DATE '9999-12-31') AS until
			FROM members WINDOW w AS (PARTITION BY member_id ORDER BY delivery)`,
	}
	for _, fam := range req.Families {
		for _, v := range fam.Versions {
			at := fmt.Sprintf("%s, %d", warehouse.Literal(fam.ID), v.Version)
			resting := v.DefaultTier
			if v.TierFrom == program.TierFromSpend {
				resting = v.RestingTier()
			}
			for i, t := range v.Tiers {
				if v.TierFrom != program.TierFromSpend {
					statements = append(statements, fmt.Sprintf("INSERT INTO roll_tiers VALUES (%s, %s)", at, warehouse.Literal(t.ID)))
				}
				if i == resting {
					statements = append(statements, fmt.Sprintf("INSERT INTO roll_defaults VALUES (%s, %s)", at, warehouse.Literal(t.ID)))
				}
			}
		}
	}
	for _, s := range statements {
		if _, err := db.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// none stands for a source that has no value: a birthday has no store.
const none = "-"

// TierOf is the tier of a member on the business day, over a relation `l` with the ledger's columns and TierJoin.
const TierOf = "coalesce(s.tier, k.tier, d.tier, '" + none + "')"

// TierJoin joins to `l` what TierOf needs; Tiers makes it.
const TierJoin = `LEFT JOIN roll_members m ON m.member_id = l.member_id AND l.earned_on >= m.since AND l.earned_on < m.until
			LEFT JOIN roll_tiers k ON k.program = l.program AND k.version = l.program_version AND k.tier = m.tier
			LEFT JOIN roll_spans s ON s.version = l.program_version AND s.member_id = l.member_id
				AND l.earned_on >= s.since AND l.earned_on <= s.until
			LEFT JOIN roll_defaults d ON d.program = l.program AND d.version = l.program_version`

// Tiers makes the tables of TierJoin for one program, which has been evaluated in this session.
func Tiers(ctx context.Context, db *warehouse.DB, fam *program.Family) error {
	return prepare(ctx, db, Request{Program: fam.ID, By: []string{ByTier}, Families: []*program.Family{fam},
		Evaluate: func(*program.Family) error { return nil }})
}

// TransactionJoin joins to a relation `l` with the ledger's columns the transaction `t` that a row is of. A condition on the
// type beside the key would make DuckDB hold every row against every other one.
const TransactionJoin = "LEFT JOIN transactions t ON t.transaction_id = CASE WHEN l.source_type = 'transaction' THEN l.source_id END"

const activityJoin = "LEFT JOIN activities a ON a.activity_id = CASE WHEN l.source_type = 'activity' THEN l.source_id END"

// expressions of the dimensions over the joined ledger.
var expressions = map[string]string{
	ByRule: "l.rule", ByDate: "CAST(l.posted_on AS VARCHAR)", ByMonth: "strftime(l.posted_on, '%Y-%m')",
	ByTier:    TierOf,
	ByStore:   "coalesce(t.store_id, a.store_id, '" + none + "')",
	ByChannel: "coalesce(t.channel, '" + none + "')",
}

// from joins to the ledger what the dimensions need.
func (r Request) from() string {
	out := "ledger l"
	if slices.Contains(r.By, ByStore) || slices.Contains(r.By, ByChannel) {
		out += " " + TransactionJoin + " " + activityJoin
	}
	if slices.Contains(r.By, ByTier) {
		out += " " + TierJoin
	}
	return out + " WHERE l.posted_on <= " + dateSQL(r.To) + r.ofProgram()
}

func (r Request) ofProgram() string {
	if r.Program == "" {
		return ""
	}
	return " AND l.program = " + warehouse.Literal(r.Program)
}

// columns are the dimensions as one list of texts, parted by NUL; one row may have none.
func columns(by []string) string {
	if len(by) == 0 {
		return "''"
	}
	parts := make([]string, len(by))
	for i, d := range by {
		parts[i] = expressions[d]
	}
	return "concat_ws(chr(0), " + strings.Join(parts, ", ") + ")"
}

func sumIf(amount, condition string) string {
	return fmt.Sprintf("CAST(coalesce(sum(%s) FILTER (WHERE %s), 0) AS VARCHAR)", amount, condition)
}

// scan reads the sums of a row.
type sums [8]string

func (s *sums) parse(into ...*pipeline.Sum) (err error) {
	for i, p := range into {
		if *p, err = pipeline.ParseSum(s[i]); err != nil {
			return err
		}
	}
	return nil
}

func split(text string, by []string) []string {
	if len(by) == 0 {
		return nil
	}
	return strings.Split(text, "\x00")
}

// standing is a roll-forward over the whole period.
func standing(ctx context.Context, db *warehouse.DB, req Request) ([]Row, error) {
	in := "l.posted_on >= " + dateSQL(req.From)
	to := dateSQL(req.To)
	query := fmt.Sprintf("SELECT l.program, l.reward, %s AS by_what, count(*) FILTER (WHERE %s), %s, %s, %s, %s, %s, %s, %s FROM %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
		columns(req.By), in,
		sumIf("l.amount", "l.posted_on < "+dateSQL(req.From)),
		sumIf("l.amount", in+" AND l.kind = 'accrual'"), sumIf("l.amount", in+" AND l.kind = 'adjustment'"),
		sumIf("l.amount", in+" AND l.kind = 'reversal'"),
		sumIf("l.amount", "l.available_on > "+to),
		sumIf("l.amount", "l.available_on <= "+to+" AND (l.expires_on IS NULL OR l.expires_on >= "+to+")"),
		sumIf("l.amount", "l.available_on <= "+to+" AND l.expires_on < "+to), req.from())
	var out []Row
	var r Row
	var by string
	var s sums
	err := db.Each(ctx, query, nil, []any{&r.Program, &r.Reward, &by, &r.Grants, &s[0], &s[1], &s[2], &s[3], &s[4], &s[5], &s[6]}, func() error {
		next := r
		if err := s.parse(&next.Opening, &next.Accruals, &next.Adjustments, &next.Reversals, &next.Pending, &next.Available, &next.Expired); err != nil {
			return err
		}
		next.By = split(by, req.By)
		next.Closing = next.Opening.Plus(next.Accruals).Plus(next.Adjustments).Plus(next.Reversals)
		out = append(out, next)
		return nil
	})
	return out, err
}

// running is a roll-forward by date or month: each line opens with what the one before closed with.
func running(ctx context.Context, db *warehouse.DB, req Request) ([]Row, error) {
	var still, dated []string
	for _, d := range req.By {
		if d == ByDate || d == ByMonth {
			dated = append(dated, d)
		} else {
			still = append(still, d)
		}
	}
	before := Request{Program: req.Program, From: req.From, To: req.From - 1, By: still, Families: req.Families}
	opening := map[string]pipeline.Sum{}
	key := func(program, reward string, by []string) string {
		return strings.Join(append([]string{program, reward}, by...), "\x00")
	}
	if req.From > pipeline.MinDate {
		rows, err := standing(ctx, db, before)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			opening[key(r.Program, r.Reward, r.By)] = r.Closing
		}
	}
	var out []Row
	var r Row
	var group, by, day string
	var s sums
	query := fmt.Sprintf(`SELECT l.program, l.reward, %s AS group_by, %s AS by_what, %s AS day, count(*), %s, %s, %s FROM %s AND l.posted_on >= %s
		GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 5`, columns(still), columns(req.By), expressions[dated[len(dated)-1]],
		sumIf("l.amount", "l.kind = 'accrual'"), sumIf("l.amount", "l.kind = 'adjustment'"), sumIf("l.amount", "l.kind = 'reversal'"),
		req.from(), dateSQL(req.From))
	err := db.Each(ctx, query, nil, []any{&r.Program, &r.Reward, &group, &by, &day, &r.Grants, &s[0], &s[1], &s[2]}, func() error {
		next := r
		if err := s.parse(&next.Accruals, &next.Adjustments, &next.Reversals); err != nil {
			return err
		}
		k := key(next.Program, next.Reward, split(group, still))
		next.By, next.Opening = split(by, req.By), opening[k]
		next.Closing = next.Opening.Plus(next.Accruals).Plus(next.Adjustments).Plus(next.Reversals)
		opening[k] = next.Closing
		out = append(out, next)
		return nil
	})
	return out, err
}

// Expiring says what of the closing balance expires when: by month, of what had not expired at the end.
func Expiring(ctx context.Context, db *warehouse.DB, req Request) ([]Expiry, error) {
	var out []Expiry
	var e Expiry
	var amount string
	err := db.Each(ctx, fmt.Sprintf(`SELECT program, reward, coalesce(strftime(expires_on, '%%Y-%%m'), '') AS month, CAST(sum(amount) AS VARCHAR)
		FROM ledger l WHERE posted_on <= %s AND (expires_on IS NULL OR expires_on >= %s OR available_on > %s)%s
		GROUP BY 1, 2, 3 ORDER BY 1, 2, month = '', month`, dateSQL(req.To), dateSQL(req.To), dateSQL(req.To), req.ofProgram()), nil,
		[]any{&e.Program, &e.Reward, &e.Month, &amount}, func() (err error) {
			next := e
			next.Amount, err = pipeline.ParseSum(amount)
			out = append(out, next)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("adding up what expires: %w", err)
	}
	return out, nil
}

func dateSQL(d pipeline.Date) string { return "DATE '" + d.String() + "'" }
