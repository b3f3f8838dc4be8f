// Package simulate holds a candidate program beside what was granted: by rule, tier, date, channel and member. It works
// on the tables that an evaluation of the candidate left, and on the ledger; it makes temporary tables only.
package simulate

import (
	"context"
	"fmt"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/rollforward"
	"accrue/pipeline/warehouse"
)

// Dimensions of a comparison, in the order in which it is told.
const (
	ByTotal   = "total"
	ByRule    = "rule"
	ByTier    = "tier" // by the candidate's ladder, for both sides
	ByDate    = "date" // that it was earned on
	ByChannel = "channel"
	ByMember  = "member"
)

// Row is one line of a comparison.
type Row struct {
	By, Key, Reward    string
	Granted, Candidate pipeline.Sum
}

// dimensions are the expressions of the keys over the joined sources.
var dimensions = []struct{ by, key string }{
	{ByTotal, "''"}, {ByRule, "l.rule"}, {ByTier, rollforward.TierOf}, {ByDate, "CAST(l.earned_on AS VARCHAR)"},
	{ByChannel, "coalesce(t.channel, '-')"}, {ByMember, "l.member_id"},
}

// Compare makes the temporary table `simulated` with a row per dimension, key and reward of what was earned from first to
// last: amounts as decimals with four places. The candidate must have been evaluated.
func Compare(ctx context.Context, db *warehouse.DB, fam *program.Family, first, last pipeline.Date) error {
	if err := rollforward.Tiers(ctx, db, fam); err != nil {
		return err
	}
	statements := []string{"CREATE OR REPLACE TEMP TABLE simulated_versions (version INTEGER, since DATE, until DATE)"}
	for i, v := range fam.Versions {
		span := fam.Span(i)
		statements = append(statements, fmt.Sprintf("INSERT INTO simulated_versions VALUES (%d, DATE '%s', DATE '%s')", v.Version, span.From, span.Until))
	}
	statements = append(statements, fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE simulated_sources AS
		SELECT %[1]s AS program, v.version AS program_version, s.*
		FROM (
			SELECT r.rule, w.reward, m.member_id, CAST(e.source_type AS VARCHAR) AS source_type, e.source_id, e.earned_on,
				0 AS granted, e.amount AS candidate
			FROM entitlements e JOIN eval_rules r ON r.rule_no = e.rule_no JOIN eval_rewards w ON w.reward_no = e.reward_no
			JOIN eval_members m ON m.member_no = e.member_no
			UNION ALL
			SELECT rule, reward, member_id, CAST(source_type AS VARCHAR), source_id, earned_on, amount, 0 FROM ledger WHERE program = %[1]s
		) s LEFT JOIN simulated_versions v ON s.earned_on BETWEEN v.since AND v.until
		WHERE s.earned_on BETWEEN DATE '%[2]s' AND DATE '%[3]s'`, warehouse.Literal(fam.ID), first, last),
		`CREATE OR REPLACE TEMP TABLE simulated (by_what VARCHAR, key VARCHAR, reward VARCHAR, granted HUGEINT, candidate HUGEINT)`)
	for _, d := range dimensions {
		statements = append(statements, fmt.Sprintf(`INSERT INTO simulated SELECT '%s', %s, l.reward, sum(l.granted), sum(l.candidate)
			FROM simulated_sources l %s %s
			GROUP BY ALL HAVING sum(l.granted) <> 0 OR sum(l.candidate) <> 0`, d.by, d.key, rollforward.TierJoin, rollforward.TransactionJoin))
	}
	for _, s := range statements {
		if _, err := db.Exec(ctx, s); err != nil {
			return fmt.Errorf("holding the candidate beside the ledger: %w", err)
		}
	}
	return nil
}

// Rows reads the comparison: of members only those with a difference, the greatest gains first.
func Rows(ctx context.Context, db *warehouse.DB, fn func(Row) error) error {
	var r Row
	var granted, candidate string
	return db.Each(ctx, `SELECT by_what, key, reward, CAST(granted AS VARCHAR), CAST(candidate AS VARCHAR) FROM simulated
		WHERE by_what <> 'member' OR granted <> candidate
		ORDER BY CASE WHEN by_what = 'member' THEN granted - candidate ELSE 0 END, key, reward`, nil,
		[]any{&r.By, &r.Key, &r.Reward, &granted, &candidate}, func() (err error) {
			if r.Granted, err = pipeline.ParseSum(granted); err != nil {
				return err
			}
			if r.Candidate, err = pipeline.ParseSum(candidate); err != nil {
				return err
			}
			return fn(r)
		})
}

// WriteParquet writes the comparison as a file for machines: amounts in ten-thousandths, as whole numbers.
func WriteParquet(ctx context.Context, db *warehouse.DB, path string) error {
	_, err := db.Exec(ctx, `COPY (SELECT by_what AS "by", key, reward, CAST(granted AS BIGINT) AS granted_e4,
			CAST(candidate AS BIGINT) AS candidate_e4, CAST(candidate - granted AS BIGINT) AS difference_e4 FROM simulated
		WHERE by_what <> 'member' OR granted <> candidate ORDER BY by_what, key, reward)
		TO `+warehouse.Literal(path)+" (FORMAT parquet)")
	return err
}
