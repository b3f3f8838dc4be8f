package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// book is a warehouse in memory whose evaluations are written by hand.
type book struct {
	t   *testing.T
	db  *warehouse.DB
	fam *program.Family
}

func days(n int) *int { return &n }

// newBook knows program p: version 1 with points (held 14 days, expiring after 365) and cashback (scale 2), version 2
// with points that expire at the end of the month after the next.
func newBook(t *testing.T) *book {
	t.Helper()
	db, err := warehouse.Open(context.Background(), warehouse.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cash := &program.Reward{ID: "cashback", Place: 1, Scale: 2}
	return &book{t: t, db: db, fam: &program.Family{ID: "p", Versions: []*program.Program{
		{ID: "p", Version: 1, Rewards: []*program.Reward{
			{ID: "points", HoldDays: 14, Expires: program.Expiry{AfterDays: days(365)}}, cash}},
		{ID: "p", Version: 2, Rewards: []*program.Reward{
			{ID: "points", Expires: program.Expiry{EndOf: "month", AfterMonths: days(2)}}, cash}},
	}}}
}

func (b *book) exec(query string, args ...any) {
	b.t.Helper()
	if _, err := b.db.Exec(context.Background(), query, args...); err != nil {
		b.t.Fatalf("%v\n%s", err, query)
	}
}

// evaluate leaves the tables of an evaluation with these entitlements, one per line:
//
//	rule source member amount [reward [earned_on [version]]]
//
// The amount is in units of the reward. A source is a transaction unless it begins with "activity:" or "birthday:".
func (b *book) evaluate(lines ...string) {
	b.t.Helper()
	var members, rules, rows []string
	memberSet, ruleSet := map[string]bool{}, map[string]bool{}
	for _, line := range lines {
		f := strings.Fields(line)
		for len(f) < 7 {
			f = append(f, []string{"", "", "", "", "points", "2026-11-20", "1"}[len(f)])
		}
		st := "transaction"
		if id, ok := strings.CutPrefix(f[1], "activity:"); ok {
			st, f[1] = "activity", id
		}
		if id, ok := strings.CutPrefix(f[1], "birthday:"); ok {
			st, f[1] = "birthday", id
		}
		if !ruleSet[f[0]] {
			ruleSet[f[0]] = true
			rules = append(rules, fmt.Sprintf("(%d, %s)", len(rules), warehouse.Literal(f[0])))
		}
		if !memberSet[f[2]] {
			memberSet[f[2]] = true
			members = append(members, "("+warehouse.Literal(f[2])+")")
		}
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s, CAST(%s * 10000 AS BIGINT), %s, DATE '%s', %s)", warehouse.Literal(f[0]),
			warehouse.Literal(st), warehouse.Literal(f[1]), warehouse.Literal(f[2]), f[3], warehouse.Literal(f[4]), f[5], f[6]))
	}
	values := func(name, columns string, rows []string, none string) {
		if len(rows) == 0 {
			b.exec(fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %s AS SELECT * FROM (VALUES %s) t(%s) WHERE FALSE", name, none, columns))
			return
		}
		b.exec(fmt.Sprintf("CREATE OR REPLACE TEMP TABLE %s AS SELECT * FROM (VALUES %s) t(%s)", name, strings.Join(rows, ", "), columns))
	}
	values("eval_rules", "rule_no, rule", rules, "(0, '')")
	values("eval_versions", "ver, program_version", []string{"(0, 1)", "(1, 2)"}, "")
	values("eval_rewards", "reward_no, reward, scale", []string{"(0, 'points', 0)", "(1, 'cashback', 2)"}, "")
	values("made_members", "member_id", members, "('')")
	b.exec(`CREATE OR REPLACE TEMP TABLE eval_members AS
		SELECT CAST(row_number() OVER (ORDER BY member_id) - 1 AS INTEGER) AS member_no, member_id FROM made_members`)
	values("made_rows", "rule, source_type, source_id, member_id, amount, reward, earned_on, version", rows,
		"('', '', '', '', 0::BIGINT, '', DATE '2026-01-01', 0)")
	b.exec(`CREATE OR REPLACE TEMP TABLE entitlements AS
		SELECT rule_no, ver, member_no, source_type, source_id, epoch_us(earned_on) + 1 AS earned_us, earned_on, reward_no, amount
		FROM made_rows JOIN eval_rules USING (rule) JOIN eval_rewards USING (reward)
		JOIN eval_members USING (member_id) JOIN eval_versions ON program_version = version`)
}

func date(t *testing.T, s string) pipeline.Date {
	t.Helper()
	d, err := pipeline.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// post runs a difference to a date, or to the dates from one to another, and books it with its publications. It returns
// what `difference` said, one line per row, ordered by source, rule and n:
//
//	posted_on source/rule/n member amount reward kind reason
func (b *book) post(from, to string, change ...func(*Request)) []string {
	b.t.Helper()
	ctx := context.Background()
	req := Request{Family: b.fam, From: date(b.t, from), To: date(b.t, to)}
	var err error
	if req.Previous, err = ReadPrevious(ctx, b.db, "p"); err != nil {
		b.t.Fatal(err)
	}
	for _, fn := range change {
		fn(&req)
	}
	res, err := Difference(ctx, b.db, req)
	if err != nil {
		b.t.Fatal(err)
	}
	got := b.lines("difference")
	if int64(len(got)) != res.Rows {
		b.t.Errorf("the result says %d rows, difference has %d", res.Rows, len(got))
	}
	if err := b.db.Tx(ctx, func() error {
		if err := Post(ctx, b.db, "p", res); err != nil {
			return err
		}
		for _, p := range res.Postings {
			b.exec("INSERT INTO publications VALUES ('p', CAST(? AS DATE), ?, 'run', 'published', ?, '', '')",
				p.PostedOn.String(), p.Seq, p.Totals.Rows)
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	b.exec("DELETE FROM horizons")
	b.exec("INSERT INTO horizons SELECT 'p', CAST(? AS DATE), coalesce(max(load_seq), 0) FROM deliveries", to)
	if err := errors.Join(Balance(ctx, b.db, "p", false), Audit(ctx, b.db, "p")); err != nil {
		b.t.Errorf("after posting to %s: %v", to, err)
	}
	return got
}

func (b *book) lines(relation string) []string {
	b.t.Helper()
	out := []string{}
	var line string
	if err := b.db.Each(context.Background(), `SELECT concat(posted_on, ' ', source_id, '/', rule, '/', n, ' ', member_id, ' ',
			CAST(amount // 10000 AS VARCHAR), CASE WHEN amount % 10000 = 0 THEN '' ELSE 'r' || amount % 10000 END, ' ', reward,
			' ', kind, ' ', reason) AS line
		FROM `+relation+` ORDER BY source_id, rule, n`, nil, []any{&line}, func() error {
		out = append(out, strings.TrimSpace(line))
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return out
}

// load notes a delivery, so that the next post knows its load.
func (b *book) load(seq int) {
	b.t.Helper()
	b.exec(fmt.Sprintf("INSERT INTO deliveries VALUES (DATE '2026-11-01' + %d, %d, '')", seq, seq))
}

// fact puts a row into a fact table: columns and values of its own beside the numbers of its loads.
func (b *book) fact(table string, first, load int, columns, values string) {
	b.t.Helper()
	b.exec(fmt.Sprintf("INSERT INTO %s (delivery, load_seq, first_seq, file_id, row_no, %s) VALUES (DATE '2026-11-01', %d, %d, 1, 1, %s)",
		table, columns, load, first, values))
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if lines == nil {
		lines = []string{}
	}
	if d := cmp.Diff(lines, got); d != "" {
		t.Errorf("want (-) and got (+):\n%s", d)
	}
}
