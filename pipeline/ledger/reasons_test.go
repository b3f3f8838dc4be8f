package ledger

import (
	"testing"

	"accrue/pipeline/program"
)

// twoNights posts t1 for m1 on 20 November, after load 1, lets change alter the facts of load 2, and posts what the
// entitlements say on the 21st.
func twoNights(t *testing.T, change func(*book), entitlements ...string) []string {
	t.Helper()
	b := newBook(t)
	b.load(1)
	b.fact("transactions", 1, 1, "transaction_id, member_id", "'t1', 'm1'")
	b.fact("transactions", 1, 1, "transaction_id, member_id", "'t2', 'm2'")
	b.fact("items", 1, 1, "transaction_id, line_no", "'t1', '1'")
	b.fact("activities", 1, 1, "activity_id, member_id", "'a1', 'm1'")
	b.fact("members", 1, 1, "member_id", "'m1'")
	b.evaluate("base t1 m1 5", "base t2 m2 5", "review activity:a1 m1 2")
	b.post("2026-11-20", "2026-11-20")
	b.load(2)
	change(b)
	b.evaluate(entitlements...)
	return b.post("2026-11-21", "2026-11-21")
}

const rest, review = "base t2 m2 5", "review activity:a1 m1 2"

func TestReasons(t *testing.T) {
	returned := func(b *book) {
		b.fact("returns", 2, 2, "return_id, transaction_id, amount", "'r1', 't1', 10000")
	}
	corrected := func(b *book) { b.exec("UPDATE transactions SET load_seq = 2 WHERE transaction_id = 't1'") }
	both := func(fns ...func(*book)) func(*book) {
		return func(b *book) {
			for _, fn := range fns {
				fn(b)
			}
		}
	}
	tier := func(b *book) { b.fact("members", 2, 2, "member_id", "'m1'") }
	item := func(b *book) { b.fact("items", 2, 2, "transaction_id, line_no", "'t1', '2'") }
	down, up := []string{"base t1 m1 3", rest, review}, []string{"base t1 m1 6", rest, review}
	gone := []string{rest, review}
	reversal := func(amount, reason string) string {
		return "2026-11-21 t1/base/2 m1 " + amount + " points reversal " + reason
	}
	adjustment := func(reason string) string { return "2026-11-21 t1/base/2 m1 1 points adjustment " + reason }
	for name, c := range map[string]struct {
		change func(*book)
		now    []string
		want   string
	}{
		"nothing about the source":   {func(*book) {}, down, reversal("-2", "limit_shifted")},
		"a return":                   {returned, down, reversal("-2", "returned")},
		"a return and a correction":  {both(returned, corrected), down, reversal("-2", "returned")},
		"a correction":               {corrected, up, adjustment("corrected")},
		"a correction and a tier":    {both(corrected, tier), up, adjustment("corrected")},
		"a new line":                 {item, up, adjustment("late")},
		"a new line and a new tier":  {both(item, tier), up, adjustment("late")},
		"a corrected line":           {func(b *book) { b.exec("UPDATE items SET load_seq = 2") }, up, adjustment("corrected")},
		"a new tier":                 {tier, up, adjustment("tier_changed")},
		"another member's tier":      {func(b *book) { b.fact("members", 2, 2, "member_id", "'m2'") }, up, adjustment("limit_shifted")},
		"another source's return":    {func(b *book) { b.fact("returns", 2, 2, "return_id, transaction_id", "'r1', 't2'") }, up, adjustment("limit_shifted")},
		"an activity of the same id": {func(b *book) { b.fact("activities", 2, 2, "activity_id, member_id", "'t1', 'm1'") }, up, adjustment("limit_shifted")},
		"another member that earns none": {func(b *book) {
			b.exec("UPDATE transactions SET load_seq = 2, member_id = 'm9' WHERE transaction_id = 't1'")
		}, gone, reversal("-5", "member_changed")},
		"no member any more": {func(b *book) {
			b.exec("UPDATE transactions SET load_seq = 2, member_id = NULL WHERE transaction_id = 't1'")
		}, gone, reversal("-5", "member_changed")},
		"withdrawn": {func(b *book) {
			b.exec("DELETE FROM transactions WHERE transaction_id = 't1'")
			b.exec("INSERT INTO withdrawn VALUES ('transactions', 't1', 2)")
		}, gone, reversal("-5", "corrected")},
		"withdrawn before the last run": {func(b *book) { b.exec("INSERT INTO withdrawn VALUES ('transactions', 't1', 1)") }, gone, reversal("-5", "limit_shifted")},
		"a withdrawn line":              {func(b *book) { b.exec("INSERT INTO withdrawn VALUES ('items', 't1', 2)") }, down, reversal("-2", "corrected")},
		"withdrawn and sent again later": {func(b *book) {
			b.exec("UPDATE transactions SET load_seq = 2, first_seq = 2 WHERE transaction_id = 't1'")
		}, down, reversal("-2", "corrected")},
	} {
		t.Run(name, func(t *testing.T) { want(t, twoNights(t, c.change, c.now...), c.want) })
	}
}

func TestReasonsOfActivities(t *testing.T) {
	want(t, twoNights(t, func(b *book) { b.exec("UPDATE activities SET load_seq = 2") }, "base t1 m1 5", rest),
		"2026-11-21 a1/review/2 m1 -2 points reversal corrected")
	want(t, twoNights(t, func(b *book) { b.exec("INSERT INTO withdrawn VALUES ('activities', 'a1', 2)") }, "base t1 m1 5", rest),
		"2026-11-21 a1/review/2 m1 -2 points reversal corrected")
}

// A multiplier of both sides pays both: taking it from both is no change of member, and neither is taking it from the
// referee alone.
func TestMultiplierOfBothSidesIsNoChangeOfMember(t *testing.T) {
	night := func(now ...string) []string {
		b := newBook(t)
		b.fam.Versions[0].Rules = []*program.Rule{{ID: "double", Body: &program.Multiplier{Of: []string{"refer.referee", "refer"}}}}
		b.load(1)
		b.fact("activities", 1, 1, "activity_id, member_id, type, subject", "'a1', 'm1', 'referral', 'm2'")
		b.evaluate("refer.referee activity:a1 m2 3", "double activity:a1 m1 5", "double activity:a1 m2 3")
		b.post("2026-11-20", "2026-11-20")
		b.load(2)
		b.exec("UPDATE activities SET load_seq = 2")
		b.evaluate(append(now, "refer.referee activity:a1 m2 3")...)
		return b.post("2026-11-21", "2026-11-21")
	}
	want(t, night(), "2026-11-21 a1/double/3 m1 -5 points reversal corrected", "2026-11-21 a1/double/4 m2 -3 points reversal corrected")
	want(t, night("double activity:a1 m1 5"), "2026-11-21 a1/double/3 m2 -3 points reversal corrected")
}

// What the referee buys and brings back is why a referral pays or does not.
func TestReasonsOfReferrals(t *testing.T) {
	night := func(change func(*book), now ...string) []string {
		b := newBook(t)
		b.load(1)
		b.fact("activities", 1, 1, "activity_id, member_id, type, subject", "'a1', 'm1', 'referral', 'm2'")
		b.fact("activities", 1, 1, "activity_id, member_id, type, subject", "'a2', 'm1', 'referral', 'm3'")
		b.fact("transactions", 1, 1, "transaction_id, member_id", "'t1', 'm2'")
		b.evaluate("refer activity:a1 m1 5")
		b.post("2026-11-20", "2026-11-20")
		b.load(2)
		change(b)
		b.evaluate(now...)
		return b.post("2026-11-21", "2026-11-21")
	}
	reversed := "2026-11-21 a1/refer/2 m1 -5 points reversal "
	want(t, night(func(b *book) { b.fact("returns", 2, 2, "return_id, transaction_id", "'r1', 't1'") }), reversed+"returned")
	want(t, night(func(b *book) { b.exec("UPDATE transactions SET load_seq = 2") }), reversed+"corrected")
	want(t, night(func(b *book) { b.fact("transactions", 2, 2, "transaction_id, member_id", "'t0', 'm2'") }), reversed+"late")
	want(t, night(func(b *book) { b.fact("transactions", 2, 2, "transaction_id, member_id", "'t0', 'm9'") }), reversed+"limit_shifted")
	// a2 qualifies by a purchase that came late.
	want(t, night(func(b *book) { b.fact("transactions", 2, 2, "transaction_id, member_id", "'t3', 'm3'") }, "refer activity:a1 m1 5",
		"refer activity:a2 m1 5"), "2026-11-21 a2/refer/1 m1 5 points accrual late")
}

// A birthday's own rows are its member's: another birth date corrects it, anything else is a change of the member.
func TestReasonsOfBirthdays(t *testing.T) {
	member := func(first, load int, birth string) func(*book) {
		return func(b *book) { b.fact("members", first, load, "member_id, birth_date", "'m1', "+birth) }
	}
	night := func(change func(*book), now string) []string {
		b := newBook(t)
		b.load(1)
		member(1, 1, "DATE '1990-11-20'")(b)
		b.evaluate("bday birthday:m1:2026 m1 5", "other birthday:m2:2026 m2 5")
		b.post("2026-11-20", "2026-11-20")
		b.load(2)
		change(b)
		entitlements := []string{"other birthday:m2:2026 m2 5"}
		if now != "" {
			entitlements = append(entitlements, now)
		}
		b.evaluate(entitlements...)
		return b.post("2026-11-21", "2026-11-21")
	}
	const more, reversed = "bday birthday:m1:2026 m1 6", "2026-11-21 m1:2026/bday/2 m1 -5 points reversal "
	want(t, night(member(2, 2, "DATE '1990-12-20'"), ""), reversed+"corrected")
	want(t, night(member(2, 2, "NULL"), ""), reversed+"corrected")
	want(t, night(member(2, 2, "DATE '1990-11-20'"), ""), reversed+"tier_changed")
	want(t, night(func(b *book) { b.exec("INSERT INTO withdrawn VALUES ('members', 'm1', 2)") }, ""), reversed+"corrected")
	want(t, night(func(b *book) { b.exec("INSERT INTO withdrawn VALUES ('members', 'm2', 2)") }, ""), reversed+"limit_shifted")
	adjusted := "2026-11-21 m1:2026/bday/2 m1 1 points adjustment "
	want(t, night(member(1, 2, "DATE '1960-11-20'"), more), adjusted+"tier_changed")
	want(t, night(func(*book) {}, more), adjusted+"limit_shifted")
	// Moved to a day that the last run did not know yet.
	want(t, night(func(*book) {}, more+" points 2026-11-21"), adjusted+"corrected")
	// First granted after its day: by a new row, by one that says something else now, because no run came to it before.
	late := "2026-11-21 m3:2026/bday/1 m3 4 points accrual "
	first := func(first int) func(*book) {
		return func(b *book) { b.fact("members", first, 2, "member_id, birth_date", "'m3', DATE '1990-11-19'") }
	}
	const m3 = "bday birthday:m3:2026 m3 4 points 2026-11-19"
	kept := func(got []string) []string { return got[1:] } // m1's own reversal comes first
	want(t, kept(night(first(2), m3)), late+"late")
	want(t, kept(night(first(1), m3)), late+"corrected")
	want(t, kept(night(func(*book) {}, m3)), late+"limit_shifted")
}

// The reason of what is first granted after its day.
func TestReasonsOfLateAccruals(t *testing.T) {
	now := []string{"base t1 m1 5", rest, review}
	posted := func(what string) string { return "2026-11-21 " + what }
	// Its row came today, and a return with it: late all the same, nothing was granted before.
	want(t, twoNights(t, func(b *book) {
		b.fact("transactions", 2, 2, "transaction_id, member_id", "'t3', 'm1'")
		b.fact("returns", 2, 2, "return_id, transaction_id", "'r3', 't3'")
	}, append(now, "base t3 m1 4 points 2026-11-19")...), posted("t3/base/1 m1 4 points accrual late"))
	// Its row came yesterday, earned after yesterday's horizon, and is posted to a day before its own.
	want(t, twoNights(t, func(b *book) {
		b.fact("transactions", 1, 1, "transaction_id, member_id", "'t3', 'm1'")
	}, append(now, "base t3 m1 4 points 2026-11-22")...), posted("t3/base/1 m1 4 points accrual late"))
	// Known since yesterday, and nothing came for it: a limit made room.
	want(t, twoNights(t, func(b *book) {
		b.fact("transactions", 1, 1, "transaction_id, member_id", "'t3', 'm1'")
	}, append(now, "base t3 m1 4")...), posted("t3/base/1 m1 4 points accrual limit_shifted"))
	// Known since yesterday as pending, completed today.
	want(t, twoNights(t, func(b *book) {
		b.fact("transactions", 1, 2, "transaction_id, member_id", "'t3', 'm1'")
	}, append(now, "base t3 m1 4")...), posted("t3/base/1 m1 4 points accrual corrected"))
	// On its own day an accrual needs no reason, whatever came.
	want(t, twoNights(t, func(b *book) {
		b.fact("transactions", 1, 2, "transaction_id, member_id", "'t3', 'm1'")
	}, append(now, "base t3 m1 4 points 2026-11-21")...), posted("t3/base/1 m1 4 points accrual"))
}

// F62: restated comes before everything else.
func TestRestatedComesFirst(t *testing.T) {
	b := newBook(t)
	b.load(1)
	b.evaluate("base t1 m1 5")
	b.post("2026-11-20", "2026-11-20")
	b.load(2)
	b.fact("returns", 2, 2, "return_id, transaction_id", "'r1', 't1'")
	b.evaluate("base t1 m2 5")
	want(t, b.post("2026-11-21", "2026-11-21", func(r *Request) { r.Restated = true }),
		"2026-11-21 t1/base/2 m1 -5 points reversal restated",
		"2026-11-21 t1/base/3 m2 5 points accrual restated")
}

// The referee of a referral is the subject of its row, the referrer its member.
func TestRefereeIsNotAChangeOfMember(t *testing.T) {
	b := newBook(t)
	b.load(1)
	b.fact("activities", 1, 1, "activity_id, member_id, subject", "'a1', 'm1', 'm2'")
	b.evaluate("refer activity:a1 m1 5", "refer.referee activity:a1 m2 3")
	b.post("2026-11-20", "2026-11-20")
	b.load(2)
	b.exec("UPDATE activities SET load_seq = 2")
	b.evaluate()
	want(t, b.post("2026-11-21", "2026-11-21"),
		"2026-11-21 a1/refer/2 m1 -5 points reversal corrected",
		"2026-11-21 a1/refer.referee/2 m2 -3 points reversal corrected")
}
