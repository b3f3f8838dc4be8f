package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"

	"accrue/pipeline"
)

func TestFirstNightPostsEverything(t *testing.T) {
	b := newBook(t)
	b.evaluate("base t1 m1 5", "base t2 m2 3", "bonus t1 m1 2.5 cashback", "base t0 m1 1 points 2026-11-19")
	want(t, b.post("2026-11-20", "2026-11-20"),
		"2026-11-20 t0/base/1 m1 1 points accrual late",
		"2026-11-20 t1/base/1 m1 5 points accrual",
		"2026-11-20 t1/bonus/1 m1 2r5000 cashback accrual",
		"2026-11-20 t2/base/1 m2 3 points accrual")
	want(t, b.lines("ledger"),
		"2026-11-20 t0/base/1 m1 1 points accrual late",
		"2026-11-20 t1/base/1 m1 5 points accrual",
		"2026-11-20 t1/bonus/1 m1 2r5000 cashback accrual",
		"2026-11-20 t2/base/1 m2 3 points accrual")
}

// P2: running again with nothing new posts nothing.
func TestP2RerunIsNoOp(t *testing.T) {
	b := newBook(t)
	b.evaluate("base t1 m1 5", "base t2 m2 3", "double t1 m1 5", "double t1 m1 1.5 cashback")
	if got := b.post("2026-11-20", "2026-11-20"); len(got) != 4 {
		t.Fatalf("%d rows posted first, want 4: %q", len(got), got)
	}
	want(t, b.post("2026-11-20", "2026-11-20"))
	b.evaluate("base t1 m1 2", "base t2 m2 3", "double t1 m1 5", "double t1 m1 1.5 cashback")
	want(t, b.post("2026-11-21", "2026-11-21"), "2026-11-21 t1/base/2 m1 -3 points reversal limit_shifted")
	want(t, b.post("2026-11-22", "2026-11-22"))
}

func TestAdjustmentsReversalsAndNumbers(t *testing.T) {
	b := newBook(t)
	b.evaluate("base t1 m1 5", "base t2 m2 3")
	b.post("2026-11-20", "2026-11-20")
	b.evaluate("base t1 m1 7", "base t3 m2 4 points 2026-11-21")
	want(t, b.post("2026-11-21", "2026-11-21"),
		"2026-11-21 t1/base/2 m1 2 points adjustment limit_shifted",
		"2026-11-21 t2/base/2 m2 -3 points reversal limit_shifted",
		"2026-11-21 t3/base/1 m2 4 points accrual")
	// F61: after a full reversal the next positive row is an adjustment, and n counts on.
	b.evaluate("base t1 m1 7", "base t2 m2 1", "base t3 m2 4 points 2026-11-21")
	want(t, b.post("2026-11-22", "2026-11-22"), "2026-11-22 t2/base/3 m2 1 points adjustment limit_shifted")
	// All sources vanish: everything is taken back.
	b.evaluate()
	want(t, b.post("2026-11-23", "2026-11-23"),
		"2026-11-23 t1/base/3 m1 -7 points reversal limit_shifted",
		"2026-11-23 t2/base/4 m2 -1 points reversal limit_shifted",
		"2026-11-23 t3/base/2 m2 -4 points reversal limit_shifted")
}

// F61: a change of member takes from the old one and gives to the new one, negatives first.
func TestChangeOfMember(t *testing.T) {
	b := newBook(t)
	b.evaluate("base t1 m5 5", "base t2 m5 1")
	b.post("2026-11-20", "2026-11-20")
	b.evaluate("base t1 m1 5", "base t2 m5 1")
	want(t, b.post("2026-11-21", "2026-11-21"),
		"2026-11-21 t1/base/2 m5 -5 points reversal member_changed",
		"2026-11-21 t1/base/3 m1 5 points accrual member_changed")
	// And back again: m5 had its accrual.
	b.evaluate("base t1 m5 6", "base t2 m5 1")
	want(t, b.post("2026-11-22", "2026-11-22"),
		"2026-11-22 t1/base/4 m1 -5 points reversal member_changed",
		"2026-11-22 t1/base/5 m5 6 points adjustment member_changed")
	// A member that nobody names any more is still known by its id, whose place is kept.
	b.evaluate("base t1 m9 6", "base t2 m0 1")
	want(t, b.post("2026-11-23", "2026-11-23"),
		"2026-11-23 t1/base/6 m5 -6 points reversal member_changed",
		"2026-11-23 t1/base/7 m9 6 points accrual member_changed",
		"2026-11-23 t2/base/2 m5 -1 points reversal member_changed",
		"2026-11-23 t2/base/3 m0 1 points accrual member_changed")
	var order string
	if err := b.db.QueryRow(context.Background(),
		"SELECT string_agg(member_id, ' ' ORDER BY member_no) FROM (SELECT DISTINCT member_id, member_no FROM difference)").
		Scan(&order); err != nil {
		t.Fatal(err)
	}
	if order != "m0 m5 m9" {
		t.Errorf("members by member_no: %s, want m0 m5 m9", order)
	}
}

// A multiplier of rules with different rewards grants each reward to the same source.
func TestSeveralRewardsOfOneSource(t *testing.T) {
	b := newBook(t)
	b.evaluate("double t1 m1 5", "double t1 m1 0.25 cashback", "double t2 m1 1 cashback")
	want(t, b.post("2026-11-20", "2026-11-20"),
		"2026-11-20 t1/double/1 m1 5 points accrual",
		"2026-11-20 t1/double/2 m1 0r2500 cashback accrual",
		"2026-11-20 t2/double/1 m1 1 cashback accrual")
	b.evaluate("double t1 m1 6", "double t1 m1 0.20 cashback", "double t2 m1 1 cashback", "double t2 m1 8",
		"double t3 m1 1 cashback 2026-11-21", "double t3 m1 1 points 2026-11-21")
	want(t, b.post("2026-11-21", "2026-11-21"),
		"2026-11-21 t1/double/3 m1 0r-500 cashback reversal limit_shifted",
		"2026-11-21 t1/double/4 m1 1 points adjustment limit_shifted",
		"2026-11-21 t2/double/2 m1 8 points accrual limit_shifted",
		"2026-11-21 t3/double/1 m1 1 points accrual",
		"2026-11-21 t3/double/2 m1 1 cashback accrual")
}

func TestSeveralRewardsOnAnEmptyLedgerThatRanBefore(t *testing.T) {
	b := newBook(t)
	b.load(1)
	b.evaluate()
	want(t, b.post("2026-11-19", "2026-11-19"))
	b.evaluate("double t1 m1 5", "double t1 m1 0.25 cashback", "base t1 m1 1", "base t2 m1 1 points 2026-11-18")
	want(t, b.post("2026-11-20", "2026-11-20"),
		"2026-11-20 t1/base/1 m1 1 points accrual",
		"2026-11-20 t1/double/1 m1 5 points accrual",
		"2026-11-20 t1/double/2 m1 0r2500 cashback accrual",
		"2026-11-20 t2/base/1 m1 1 points accrual limit_shifted")
}

// F52: hold and expiry count from earned_on, by the version's reward; a source that earns nothing any more is reversed
// with the dates and the version of its latest row.
func TestHoldExpiryAndVersion(t *testing.T) {
	b := newBook(t)
	dates := func(relation string) []string {
		t.Helper()
		var out []string
		var line string
		if err := b.db.Each(context.Background(), `SELECT concat_ws(' ', source_id, n, program_version, earned_us, earned_on, available_on,
			coalesce(CAST(expires_on AS VARCHAR), 'never')) FROM `+relation+` ORDER BY 1`, nil, []any{&line}, func() error {
			out = append(out, line)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	b.evaluate("base t1 m1 5 points 2026-11-18", "base t2 m1 5 points 2026-12-31 2", "cash t3 m1 1 cashback 2026-11-18",
		"base t4 m1 9 points 2026-11-18")
	b.post("2026-12-31", "2026-12-31")
	want(t, dates("ledger"),
		"t1 1 1 1794960000000001 2026-11-18 2026-12-02 2027-11-18",
		"t2 1 2 1798675200000001 2026-12-31 2026-12-31 2027-02-28",
		"t3 1 1 1794960000000001 2026-11-18 2026-11-18 never",
		"t4 1 1 1794960000000001 2026-11-18 2026-12-02 2027-11-18")
	// t1 and t3 vanish; t2 falls under version 1 now; t4 is earned a day later.
	b.evaluate("base t2 m1 4 points 2026-12-30 1", "base t4 m1 10 points 2026-11-19")
	b.post("2027-01-01", "2027-01-01")
	want(t, dates("difference"),
		"t1 2 1 1794960000000001 2026-11-18 2026-12-02 2027-11-18",
		"t2 2 1 1798588800000001 2026-12-30 2027-01-13 2027-12-30",
		"t3 2 1 1794960000000001 2026-11-18 2026-11-18 never",
		"t4 2 1 1795046400000001 2026-11-19 2026-12-03 2027-11-19")
}

// F60: a backfill posts each difference to its earned date, clamped to the range and to the open dates.
func TestBackfillSpreadsOverDates(t *testing.T) {
	b := newBook(t)
	closed := date(t, "2026-11-18")
	shut := func(r *Request) { r.ClosedThrough = &closed }
	b.evaluate("base t1 m1 5 points 2026-11-15", "base t2 m1 5 points 2026-11-18", "base t3 m1 5 points 2026-11-19",
		"base t4 m1 5 points 2026-11-20", "base t5 m1 5 points 2026-11-25")
	want(t, b.post("2026-11-17", "2026-11-20", shut),
		"2026-11-19 t1/base/1 m1 5 points accrual late",
		"2026-11-19 t2/base/1 m1 5 points accrual late",
		"2026-11-19 t3/base/1 m1 5 points accrual",
		"2026-11-20 t4/base/1 m1 5 points accrual",
		"2026-11-20 t5/base/1 m1 5 points accrual late")
	// The same again in another night; each date has its own next number, and a restated program says so.
	b.evaluate("base t1 m1 5 points 2026-11-15", "base t2 m1 6 points 2026-11-18", "base t3 m1 5 points 2026-11-19",
		"base t4 m1 5 points 2026-11-20", "base t5 m1 5 points 2026-11-25", "base t6 m1 5 points 2026-11-17",
		"base t7 m1 1 points 2026-11-20")
	want(t, b.post("2026-11-17", "2026-11-20", func(r *Request) { r.Restated = true }),
		"2026-11-18 t2/base/2 m1 1 points adjustment restated",
		"2026-11-17 t6/base/1 m1 5 points accrual",
		"2026-11-20 t7/base/1 m1 1 points accrual")
	seqs := map[string]int{"2026-11-17": 2, "2026-11-18": 2, "2026-11-19": 2, "2026-11-20": 3, "2026-11-21": 1}
	for day, wantSeq := range seqs {
		if got, err := NextSeq(context.Background(), b.db, "p", date(t, day)); err != nil || got != wantSeq {
			t.Errorf("the next publication of %s is number %d (%v), want %d", day, got, err, wantSeq)
		}
	}
	var bad int
	if err := b.db.QueryRow(context.Background(),
		"SELECT count(*) FROM ledger WHERE seq <> CASE WHEN source_id = 't7' THEN 2 ELSE 1 END").Scan(&bad); err != nil || bad != 0 {
		t.Errorf("%d rows bear the wrong seq (%v)", bad, err)
	}
}

func TestTotalsOfADifference(t *testing.T) {
	b := newBook(t)
	b.evaluate("base t1 m1 5", "base t2 m2 3", "cash t1 m1 2.5 cashback", "base t0 m1 1 points 2026-11-19")
	res, err := Difference(context.Background(), b.db, Request{Family: b.fam, From: date(t, "2026-11-19"), To: date(t, "2026-11-20")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range res.Postings {
		for _, s := range p.Totals.Sums {
			got = append(got, strings.Join([]string{p.PostedOn.String(), s.Reward, string(s.Kind), s.Amount.String()}, " "))
		}
	}
	want(t, got, "2026-11-19 points accrual 1", "2026-11-20 cashback accrual 2.5", "2026-11-20 points accrual 8")
	if res.Rows != 4 || res.Postings[1].Totals.Rows != 3 || res.Postings[1].Seq != 1 {
		t.Errorf("got %+v", res)
	}
}

// Other programs' rows are none of this program's business.
func TestProgramsDoNotMix(t *testing.T) {
	b := newBook(t)
	b.exec(`INSERT INTO ledger VALUES ('q', 1, 'm1', 'base', 'points', 50000, 'accrual', 'transaction', 't1', 1, 0,
		DATE '2026-11-20', DATE '2026-11-20', DATE '2026-11-20', NULL, '', 1, NULL, NULL)`)
	b.exec("INSERT INTO publications VALUES ('q', DATE '2026-11-20', 7, 'run', 'published', 1, '', '')")
	b.exec("INSERT INTO horizons VALUES ('q', DATE '2026-11-20', 9)")
	b.evaluate("base t1 m1 5")
	if got := b.post("2026-11-20", "2026-11-20"); len(got) != 1 {
		t.Errorf("posted %q, want one accrual", got)
	}
	b.evaluate()
	if got := b.post("2026-11-21", "2026-11-21"); len(got) != 1 {
		t.Errorf("posted %q, want one reversal", got)
	}
}

func TestAuditsFindWhatIsWrong(t *testing.T) {
	good := "'p', 1, 'm1', 'base', 'points', 50000, 'accrual', 'transaction', 't1', 1, 0, DATE '2026-11-20', DATE '2026-11-20', DATE '2026-11-20', NULL, '', 1"
	for name, c := range map[string]struct{ from, to, detail string }{
		"no grant is zero":    {"50000", "0", "base transaction t1 1"},
		"kinds fit the signs": {"50000", "-50000", "base transaction t1 1: accrual of -50000 ten-thousandths"},
		"numbers of a source and rule run from 1 without gaps": {"'t1', 1,", "'t1', 2,",
			"base transaction t1: 1 rows, numbered from 2 to 2, 1 of them different"},
		"the first row of a source, rule, member and reward is its accrual": {"'accrual'", "'adjustment'",
			"base transaction t1 m1 points: 0 accruals, the first row is number 1, the first accrual number none"},
		"nothing owed is below zero": {"50000, 'accrual'", "-20000, 'reversal'", "base transaction t1 m1 points: -20000 ten-thousandths"},
		"reasons are given where one is due": {"'', 1", "'late', 1",
			`base transaction t1 1: accrual earned on 2026-11-20, posted on 2026-11-20, reason "late"`},
		"every posting is a publication": {"'', 1", "'', 2", "posted on 2026-11-20, seq 2: 1 rows in the ledger, no publication"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			b.exec("INSERT INTO publications VALUES ('p', DATE '2026-11-20', 1, 'run', 'published', 1, '', '')")
			b.exec("INSERT INTO ledger VALUES (" + good + ", NULL, NULL)")
			if err := Audit(context.Background(), b.db, "p"); err != nil {
				t.Fatalf("a sound ledger: %v", err)
			}
			b.exec("DELETE FROM ledger")
			b.exec("INSERT INTO ledger VALUES (" + strings.Replace(good, c.from, c.to, 1) + ", NULL, NULL)")
			err := Audit(context.Background(), b.db, "p")
			var audit *AuditError
			if !errors.As(err, &audit) {
				t.Fatalf("got %v, want findings", err)
			}
			found := false
			for _, f := range audit.Findings {
				found = found || f.Audit == name && f.Detail == c.detail
			}
			if !found {
				t.Errorf("not among the findings: %q\n%v", c.detail, err)
			}
		})
	}
}

func TestAuditFindsTheSameNumberTwice(t *testing.T) {
	b := newBook(t)
	b.exec("INSERT INTO publications VALUES ('p', DATE '2026-11-20', 1, 'run', 'published', 2, '', '')")
	for _, member := range []string{"m1", "m2"} {
		b.exec("INSERT INTO ledger VALUES ('p', 1, ?, 'base', 'points', 50000, 'accrual', 'transaction', 't1', 1, 0, DATE '2026-11-20', DATE '2026-11-20', DATE '2026-11-20', NULL, '', 1, NULL, NULL)", member)
	}
	err := Audit(context.Background(), b.db, "p")
	if err == nil || !strings.Contains(err.Error(), "base transaction t1: 2 rows, numbered from 1 to 1, 1 of them different") {
		t.Errorf("got %v", err)
	}
}

func TestBalanceShowsBothFigures(t *testing.T) {
	b := newBook(t)
	b.evaluate("base t1 m1 5", "base t2 m1 1")
	b.post("2026-11-20", "2026-11-20")
	b.evaluate("base t1 m1 5", "base t2 m1 1", "cash t9 m1 2 cashback")
	err := Balance(context.Background(), b.db, "p", false)
	if err == nil || !strings.Contains(err.Error(), "cash cashback: 20000 ten-thousandths owed, 0 in the ledger, difference -20000") {
		t.Errorf("got %v", err)
	}
	b.exec("DELETE FROM ledger WHERE source_id = 't2'")
	b.evaluate("base t1 m1 5", "base t2 m1 1")
	err = Balance(context.Background(), b.db, "p", false)
	if err == nil || !strings.Contains(err.Error(), "base points: 60000 ten-thousandths owed, 50000 in the ledger, difference -10000") {
		t.Errorf("got %v", err)
	}
}

// What lands in the ledger is held against what the difference said it would be.
func TestPostNoticesAnotherTotal(t *testing.T) {
	b := newBook(t)
	b.evaluate("base t1 m1 5")
	ctx := context.Background()
	res, err := Difference(ctx, b.db, Request{Family: b.fam, From: date(t, "2026-11-20"), To: date(t, "2026-11-20")})
	if err != nil {
		t.Fatal(err)
	}
	res.Postings[0].Totals = pipeline.Totals{}
	res.Postings[0].Totals.Add("points", pipeline.Accrual, 1, pipeline.Sum{}.Add(40000))
	err = b.db.Tx(ctx, func() error { return Post(ctx, b.db, "p", res) })
	if err == nil || !strings.Contains(err.Error(), "sum of points accrual: 4 expected, 5 found, difference 1") {
		t.Errorf("got %v", err)
	}
	want(t, b.lines("ledger"))
}
