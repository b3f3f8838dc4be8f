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
		`CREATE OR REPLACE TEMP VIEW recon_owed AS
			SELECT u.rule, e.source_type, e.source_id, m.member_id, w.reward, e.amount, e.earned_on
			FROM entitlements e JOIN eval_members m USING (member_no) JOIN eval_rules u USING (rule_no) JOIN eval_rewards w USING (reward_no)`,
		// Sources and rules with one ledger row need no adding up.
		fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE recon_repeated AS
			SELECT DISTINCT rule, source_type, source_id FROM ledger WHERE program = %s AND n > 1`, p),
		fmt.Sprintf(`CREATE OR REPLACE TEMP VIEW recon_posted AS
			SELECT rule, CAST(source_type AS VARCHAR) AS source_type, source_id, member_id, reward, CAST(amount AS HUGEINT) AS amount, earned_on
			FROM ledger l WHERE program = %[1]s AND NOT EXISTS (SELECT 1 FROM recon_repeated r
				WHERE r.source_id = l.source_id AND r.rule = l.rule AND r.source_type = l.source_type)
			UNION ALL
			SELECT rule, CAST(source_type AS VARCHAR), source_id, member_id, reward, sum(amount), max(earned_on)
			FROM ledger l WHERE program = %[1]s AND EXISTS (SELECT 1 FROM recon_repeated r
				WHERE r.source_id = l.source_id AND r.rule = l.rule AND r.source_type = l.source_type)
			GROUP BY ALL HAVING sum(amount) <> 0`, p),
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
		fmt.Sprintf(`INSERT INTO recon.breaks (program, tie, type, key, dated, member_id, rule, reward, source_type, source_id, found, what)
			SELECT program, '%s', '%s', %s, earned_on, member_id, rule, reward, source_type, source_id, %s, 'owed for something that is not among the facts'
			FROM (SELECT %s AS program, * FROM recon_owed) e
			WHERE %s AND (
				source_type = 'transaction' AND NOT EXISTS (SELECT 1 FROM transactions t
					WHERE t.transaction_id = e.source_id AND t.member_id = e.member_id AND t.status = 'completed')
				OR source_type = 'activity' AND NOT EXISTS (SELECT 1 FROM activities a
					WHERE a.activity_id = e.source_id AND (a.member_id = e.member_id OR a.subject = e.member_id)))`,
			Entitlements, Extra, sourceKey("e."), decimal("amount"), p, during),
		fmt.Sprintf(`INSERT INTO recon.ties
			SELECT %[1]s, '%[2]s', coalesce(e.reward, l.reward), coalesce(e.n, 0), coalesce(e.total, 0), coalesce(l.n, 0), coalesce(l.total, 0)
			FROM (SELECT reward, count(*) AS n, sum(amount) AS total FROM recon_owed WHERE %[3]s GROUP BY reward) e
			FULL JOIN (SELECT reward, count(*) AS n, sum(amount) AS total FROM recon_posted WHERE %[3]s GROUP BY reward) l ON l.reward = e.reward`,
			p, Ledger, during),
		fmt.Sprintf(`INSERT INTO recon.ties
			SELECT %s, '%s', reward, count(*), sum(amount), count(*), sum(amount) FROM recon_owed WHERE %s GROUP BY reward`, p, Entitlements, during),
	}
	return w.run("what program "+program+" owes", statements...)
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
