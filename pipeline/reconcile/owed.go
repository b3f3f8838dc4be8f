package reconcile

import (
	"fmt"
	"strings"

	"accrue/pipeline/warehouse"
)

// Owed holds what a program owes, which the evaluation has left in its tables, against the facts that it must rest on
// and against the ledger. It must be called between the program's evaluation and the next one.
func (w *Work) Owed(program string) error {
	w.held[Entitlements], w.held[Ledger] = true, true
	p := warehouse.Literal(program)
	during := w.during("earned_on")
	statements := []string{
		// Rules and rewards are joined from the left: DuckDB takes an inner join on a computed column for one that leaves
		// next to nothing.
		`CREATE OR REPLACE TEMP TABLE recon_owed AS
			SELECT u.rule, e.source_type, e.source_id, m.member_id, w.reward, e.amount, e.earned_on
			FROM entitlements e JOIN eval_members m ON m.member_no = e.member_no
			LEFT JOIN eval_rules u ON u.rule_no = e.rule_no LEFT JOIN eval_rewards w ON w.reward_no = e.reward_no`,
		fmt.Sprintf(`INSERT INTO recon.breaks (program, tie, type, key, dated, member_id, rule, reward, source_type, source_id, expected, found, what)
			SELECT program, '%s', CASE WHEN posted IS NULL THEN '%s' WHEN owed IS NULL THEN '%s' ELSE '%s' END, %s, earned_on,
				member_id, rule, reward, source_type, source_id, %s, %s,
				CASE WHEN posted IS NULL THEN 'owed, and not in the ledger' WHEN owed IS NULL THEN 'in the ledger, and not owed'
					ELSE 'the ledger does not add up to what is owed' END
			FROM (
				SELECT %s AS program, coalesce(e.rule, l.rule) AS rule, coalesce(e.source_type, l.source_type) AS source_type,
					coalesce(e.source_id, l.source_id) AS source_id, coalesce(e.member_id, l.member_id) AS member_id,
					coalesce(e.reward, l.reward) AS reward, coalesce(e.earned_on, l.earned_on) AS earned_on, e.amount AS owed, l.amount AS posted
				FROM recon_owed e FULL JOIN recon_posted l ON l.source_id = e.source_id AND l.member_id = e.member_id AND l.rule = e.rule
					AND l.source_type = e.source_type AND l.reward = e.reward
				WHERE e.amount IS DISTINCT FROM l.amount
			) WHERE %s`, Ledger, Missing, Extra, Amount, sourceKey(""), decimal("owed"), decimal("posted"), p, during),
		// What is owed must rest on a row of the same member; a referee is the subject of the row.
		w.resting(p, "transaction", `SELECT transaction_id AS source_id, member_id FROM transactions WHERE status = 'completed'`),
		w.resting(p, "activity", "SELECT activity_id AS source_id, member_id FROM activities UNION ALL SELECT activity_id, subject FROM activities"),
		fmt.Sprintf(`INSERT INTO recon.ties
			SELECT %[1]s, '%[2]s', coalesce(e.reward, l.reward), coalesce(e.n, 0), coalesce(e.total, 0), coalesce(l.n, 0), coalesce(l.total, 0)
			FROM (SELECT reward, count(*) AS n, sum(amount) AS total FROM recon_owed WHERE %[3]s GROUP BY reward) e
			FULL JOIN (SELECT reward, count(*) AS n, sum(amount) AS total FROM recon_posted WHERE %[3]s GROUP BY reward) l ON l.reward = e.reward`,
			p, Ledger, during),
		fmt.Sprintf(`INSERT INTO recon.ties
			SELECT %s, '%s', reward, count(*), sum(amount), count(*), sum(amount) FROM recon_owed WHERE %s GROUP BY reward`, p, Entitlements, during),
	}
	posted, err := w.posted(p)
	if err != nil {
		return err
	}
	return w.run("what program "+program+" owes", append([]string{posted}, statements...)...)
}

// posted makes recon_posted: what the ledger holds of each source, rule, member and reward. Sources with one row, most
// of them, need no adding up.
func (w *Work) posted(program string) (string, error) {
	var repeated bool
	if err := w.run("the ledger", `DROP TABLE IF EXISTS recon_posted_sums`, `CREATE OR REPLACE TEMP TABLE recon_repeated AS
		SELECT DISTINCT source_id FROM ledger WHERE program = `+program+" AND n > 1"); err != nil {
		return "", err
	}
	if err := w.db.QueryRow(w.ctx, "SELECT count(*) > 0 FROM recon_repeated").Scan(&repeated); err != nil {
		return "", err
	}
	const columns = "rule, CAST(source_type AS VARCHAR) AS source_type, source_id, member_id, reward"
	one := fmt.Sprintf("SELECT %s, CAST(amount AS HUGEINT) AS amount, earned_on FROM ledger WHERE program = %s", columns, program)
	if !repeated {
		return "CREATE OR REPLACE TEMP VIEW recon_posted AS " + one, nil
	}
	if err := w.run("the ledger", fmt.Sprintf(`CREATE TEMP TABLE recon_posted_sums AS
		%s AND source_id NOT IN (SELECT source_id FROM recon_repeated)
		UNION ALL
		SELECT %s, sum(amount), max(earned_on) FROM ledger WHERE program = %s AND source_id IN (SELECT source_id FROM recon_repeated)
		GROUP BY ALL HAVING sum(amount) <> 0`, one, columns, program)); err != nil {
		return "", err
	}
	return "CREATE OR REPLACE TEMP VIEW recon_posted AS SELECT * FROM recon_posted_sums", nil
}

// resting names what is owed for a type of source and does not rest on any of the rows.
func (w *Work) resting(program, sourceType, rows string) string {
	return fmt.Sprintf(`INSERT INTO recon.breaks (program, tie, type, key, dated, member_id, rule, reward, source_type, source_id, found, what)
		SELECT program, '%s', '%s', %s, earned_on, member_id, rule, reward, source_type, source_id, %s, 'owed for something that is not among the facts'
		FROM (
			SELECT %s AS program, o.* FROM (SELECT * FROM recon_owed WHERE source_type = '%s' AND %s) o
			ANTI JOIN (%s) f ON f.source_id = o.source_id AND f.member_id = o.member_id
		) e`, Entitlements, Extra, sourceKey("e."), decimal("amount"), program, sourceType, w.during("earned_on"), rows)
}

// Again is what the second evaluator says that a source earns.
type Again struct {
	Rule, SourceType, SourceID, Member, Reward string
	Amount                                     int64 // ten-thousandths
	EarnedOn                                   string
}

// HoldAgain holds what a program owes to the members against what a second evaluator says; nil members stand for all.
// Like Owed it belongs between the program's evaluation and the next one, and after Owed.
func (w *Work) HoldAgain(program string, members []string, again []Again) error {
	if err := w.run("the second evaluation", `CREATE OR REPLACE TEMP TABLE recon_again (rule VARCHAR, source_type VARCHAR, source_id VARCHAR,
		member_id VARCHAR, reward VARCHAR, amount BIGINT, earned_on DATE)`); err != nil {
		return err
	}
	const batch = 500
	for len(again) > 0 {
		n := min(batch, len(again))
		rows := make([]string, n)
		for i, a := range again[:n] {
			rows[i] = fmt.Sprintf("(%s, %s, %s, %s, %s, %d, DATE '%s')", warehouse.Literal(a.Rule), warehouse.Literal(a.SourceType),
				warehouse.Literal(a.SourceID), warehouse.Literal(a.Member), warehouse.Literal(a.Reward), a.Amount, a.EarnedOn)
		}
		if err := w.run("the second evaluation", "INSERT INTO recon_again VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
		again = again[n:]
	}
	of := "TRUE"
	if members != nil {
		list := make([]string, len(members))
		for i, m := range members {
			list[i] = warehouse.Literal(m)
		}
		of = "member_id IN (" + strings.Join(append(list, "NULL"), ", ") + ")"
	}
	return w.run("the second evaluation", fmt.Sprintf(`INSERT INTO recon.breaks
			(program, tie, type, key, dated, member_id, rule, reward, source_type, source_id, expected, found, what)
		SELECT program, '%s', CASE WHEN owed IS NULL THEN '%s' WHEN again IS NULL THEN '%s' ELSE '%s' END, %s, earned_on, member_id, rule, reward,
			source_type, source_id, %s, %s, 'the two evaluators disagree'
		FROM (
			SELECT %s AS program, coalesce(a.rule, e.rule) AS rule, coalesce(a.source_type, e.source_type) AS source_type,
				coalesce(a.source_id, e.source_id) AS source_id, coalesce(a.member_id, e.member_id) AS member_id,
				coalesce(a.reward, e.reward) AS reward, coalesce(a.earned_on, e.earned_on) AS earned_on, a.amount AS again, e.amount AS owed
			FROM recon_again a FULL JOIN (SELECT * FROM recon_owed WHERE %s) e
				ON a.source_id = e.source_id AND a.member_id = e.member_id AND a.rule = e.rule AND a.source_type = e.source_type AND a.reward = e.reward
			WHERE a.amount IS DISTINCT FROM e.amount
		) WHERE %s`, Entitlements, Missing, Extra, Amount, sourceKey(""), decimal("again"), decimal("owed"),
		warehouse.Literal(program), of, w.during("earned_on")))
}
