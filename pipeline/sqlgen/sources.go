package sqlgen

import (
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
	"accrue/pipeline/program"
)

// members numbers all members that a fact names, where there are birthday rules also those that only have a birthday.
// The numbers are in byte order of the ids, so that ordering by number is ordering by id.
func (g *generator) members() {
	more := ""
	if g.plan.Needs.Birthdays {
		more += "\n  UNION\n  SELECT member_id FROM " + g.facts.Table("members") + " WHERE birth_date IS NOT NULL"
	}
	if g.plan.Needs.Referrals {
		more += "\n  UNION\n  SELECT subject FROM activities WHERE type = 'referral' AND subject IS NOT NULL"
	}
	g.add("members", fmt.Sprintf(`CREATE TEMP TABLE eval_members AS
SELECT CAST(row_number() OVER (ORDER BY member_id) - 1 AS INTEGER) AS member_no, member_id
FROM (
  SELECT member_id FROM %s WHERE member_id IS NOT NULL
  UNION
  SELECT member_id FROM %s WHERE member_id IS NOT NULL%s
)`, g.facts.Table("transactions"), g.facts.Table("activities"), more))
}

// stores gives each store a zone number: 0 is the program's, which a store without zone has.
func (g *generator) stores() {
	g.add("stores", `CREATE TEMP TABLE eval_stores AS
SELECT store_id, region, time_zone,
  CAST(CASE WHEN time_zone IS NULL THEN 0 ELSE dense_rank() OVER (ORDER BY time_zone NULLS FIRST)
    - CASE WHEN count(*) FILTER (WHERE time_zone IS NULL) OVER () > 0 THEN 1 ELSE 0 END END AS INTEGER) AS zone_no
FROM stores`)
}

// ByStore reports whether rows take their zone from their store.
func (g *generator) byStore() bool {
	return g.plan.Family.Versions[0].Day == program.DayStore && g.facts.Stores
}

// MomentX is the wall clock or instant of a row as one number, as eval_clock wants it; stem is "occurred" or "joined".
func MomentX(alias, stem string) string {
	return fmt.Sprintf("(%s.%s_wall - coalesce(%s.%s_offset, 0) * CAST(1000000 AS BIGINT))", alias, stem, alias, stem)
}

// MomentDay is the day number of MomentX.
func MomentDay(x string) string { return floorDay(x) }

// clock returns the expressions for the instant and the local wall clock of moment x, and the join that they need.
func (g *generator) clock(x, isInstant, zone string) (us, local, join string) {
	if g.facts.Offset != nil {
		off := *g.facts.Offset
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s - %d END", isInstant, x, x, off),
			fmt.Sprintf("CASE WHEN %s THEN %s + %d ELSE %s END", isInstant, x, off, x), ""
	}
	pick := func(c string) string {
		return fmt.Sprintf("%s + CASE WHEN %s < k.s1 THEN k.%s1 WHEN %s < k.s2 THEN k.%s2 ELSE k.%s3 END", x, x, c, x, c, c)
	}
	join = fmt.Sprintf("\n  JOIN eval_clock k ON k.zone_no = %s AND k.is_instant = %s AND k.day = %s", zone, isInstant, floorDay(x))
	return pick("u"), pick("l"), join
}

// businessDay is the day number of a local wall clock after moving it back by day_starts_at.
func (g *generator) businessDay(local string) string {
	if start := g.plan.Family.Versions[0].DayStartsAt.Microseconds(); start != 0 {
		local = fmt.Sprintf("%s - %d", local, start)
	}
	return floorDay("(" + local + ")")
}

// spans lists what holds of a member from one date to another. Members are versioned by delivery date: a row holds
// from its delivery on, the first one also before, save that it closes nothing before it (F36).
func (g *generator) spans() {
	vs := g.plan.Family.Versions
	cols, joins := []string{}, ""
	for i, v := range vs {
		cols = append(cols, fmt.Sprintf("CAST(%s AS TINYINT) AS tier_%d", tierNo(v), i))
	}
	if g.plan.Needs.Tags {
		cols = append(cols, "v.tags")
	}
	if g.plan.Needs.JoinedDay() {
		x := MomentX("v", "joined")
		_, local, join := g.clock(x, "(v.joined_offset IS NOT NULL)", "0")
		joins = strings.Replace(join, "\n  JOIN", "\n  LEFT JOIN", 1)
		// A date alone is the date; with a time it is a business date of the program (F39).
		cols = append(cols, fmt.Sprintf("CASE WHEN v.joined_form >= %d THEN %s ELSE %s END AS joined_day",
			pipeline.FormDateOnly, floorDay("v.joined_wall"), g.businessDay(local)))
	}
	if g.plan.Needs.Birthdays {
		cols = append(cols, "CAST(month(v.birth_date) * 100 + day(v.birth_date) AS INTEGER) AS birth_md",
			"CAST(year(v.birth_date) AS INTEGER) AS birth_year")
	}
	var names, same []string
	for i := range vs {
		names = append(names, fmt.Sprintf("tier_%d", i))
	}
	if g.plan.Needs.Tags {
		names = append(names, "tags")
	}
	if g.plan.Needs.JoinedDay() {
		names = append(names, "joined_day")
	}
	if g.plan.Needs.Birthdays {
		names = append(names, "birth_md", "birth_year")
	}
	for _, n := range append([]string{"closed"}, names...) {
		same = append(same, fmt.Sprintf("%s IS NOT DISTINCT FROM lag(%s) OVER w", n, n))
	}
	list := strings.Join(names, ", ")
	g.add("spans", "CREATE TEMP TABLE eval_spans AS\n"+g.withSpendTiers(names, fmt.Sprintf(`WITH v AS (
  SELECT m.member_no, CAST(v.delivery - DATE '1970-01-01' AS INTEGER) AS from_day, v.status = 'closed' AS closed,
    row_number() OVER (PARTITION BY m.member_no ORDER BY v.delivery) AS k,
    %s
  FROM %s v JOIN eval_members m ON m.member_id = v.member_id%s
), spans AS (
  SELECT member_no, CASE WHEN k = 1 THEN %d ELSE from_day END AS from_day, closed AND k > 1 AS closed, %s FROM v
  UNION ALL
  SELECT member_no, from_day, TRUE, %s FROM v WHERE k = 1 AND closed
), changes AS (
  SELECT * FROM (
    SELECT *, row_number() OVER w = 1 AS is_first, %s AS is_same
    FROM spans WINDOW w AS (PARTITION BY member_no ORDER BY from_day)
  ) WHERE is_first OR NOT is_same
)
SELECT member_no, from_day, closed, %s,
  coalesce(lead(from_day) OVER (PARTITION BY member_no ORDER BY from_day) - 1, %d) AS until_day
FROM changes`, strings.Join(cols, ", "), g.facts.Table("members"), joins, pipeline.MinDate, list, list, strings.Join(same, " AND "), list, pipeline.MaxDate)))
}

// tierNo turns a members row's tier into an index of the version's tiers; an empty or unknown one is the default
// (F37). Where tiers come from spend it is not looked at (F21).
func tierNo(v *program.Program) string {
	switch {
	case len(v.Tiers) == 0:
		return "-1"
	case v.TierFrom == program.TierFromSpend:
		return fmt.Sprint(v.RestingTier())
	}
	var b strings.Builder
	for i, t := range v.Tiers {
		fmt.Fprintf(&b, " WHEN %s THEN %d", text(t.ID), i)
	}
	return fmt.Sprintf("CASE v.tier%s ELSE %d END", b.String(), v.DefaultTier)
}

// returns adds up what was returned of each transaction (F42: whenever it happened).
func (g *generator) returns() {
	if !g.nets() {
		return
	}
	g.add("returns", fmt.Sprintf(`CREATE TEMP TABLE eval_returns AS
SELECT transaction_id, CAST(sum(amount) AS HUGEINT) AS amount,
  CAST(sum(CASE WHEN line_no IS NULL THEN amount ELSE 0 END) AS HUGEINT) AS unlined,
  CAST(sum(tax) AS HUGEINT) AS tax, CAST(sum(shipping) AS HUGEINT) AS shipping, CAST(sum(tip) AS HUGEINT) AS tip,
  CAST(sum(gift_card) AS HUGEINT) AS gift_card, CAST(sum(store_credit) AS HUGEINT) AS store_credit
FROM %s GROUP BY transaction_id`, g.facts.Table("returns")))
}

// nets reports whether any return can change anything.
func (g *generator) nets() bool {
	if !g.facts.Returns {
		return false
	}
	for _, v := range g.plan.Family.Versions {
		if v.Returns == program.ReturnsRecompute {
			return true
		}
	}
	return false
}

// version is the version in force on a day, -1 before the first.
func (g *generator) version(day string) string {
	vs := g.plan.Family.Versions
	var b strings.Builder
	for i := len(vs) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, " WHEN %s >= %d THEN %d", day, vs[i].EffectiveFrom, i)
	}
	return "CAST(CASE" + b.String() + " ELSE -1 END AS TINYINT)"
}

// basis is the spend basis (F19) and whether the transaction is fully returned, by the version in force on its own
// date; before the first version by the first one (F22).
func (g *generator) basis() (basis, full string) {
	vs := g.plan.Family.Versions
	basisBy, fullBy := map[int]string{}, map[int]string{}
	one := func(v *program.Program) (string, string) {
		netted := g.nets() && v.Returns == program.ReturnsRecompute
		e := "d.amount"
		if netted {
			e += " - coalesce(r.amount, 0)"
		}
		for _, p := range v.Exclude {
			if netted {
				e += fmt.Sprintf(" - greatest(0, d.%s - coalesce(r.%s, 0))", p, p)
			} else {
				e += fmt.Sprintf(" - d.%s", p)
			}
		}
		if !netted {
			return fmt.Sprintf("greatest(0, %s)", e), "FALSE"
		}
		return fmt.Sprintf("CAST(greatest(0, %s) AS BIGINT)", e), "coalesce(r.amount >= d.amount, FALSE)"
	}
	b0, f0 := one(vs[0])
	for i, v := range vs[1:] {
		b, f := one(v)
		if b != b0 || f != f0 {
			basisBy[i+1], fullBy[i+1] = b, f
		}
	}
	return byVersion("d.ver", basisBy, len(vs), b0), byVersion("d.ver", fullBy, len(vs), f0)
}

func (g *generator) tierByVersion() string {
	vs := g.plan.Family.Versions
	by := map[int]string{}
	for i, v := range vs {
		switch {
		case len(v.Tiers) == 0:
			by[i] = "-1"
		case v.TierFrom == program.TierFromSpend:
			by[i] = fmt.Sprintf("coalesce(p.tier_%d, %d)", i, v.RestingTier())
		default:
			by[i] = fmt.Sprintf("coalesce(p.tier_%d, %d)", i, v.DefaultTier)
		}
	}
	return "CAST(" + byVersion("d.ver", by, len(vs), "-1") + " AS TINYINT)"
}

// currency holds for transactions that exist for the program (F3).
func (g *generator) currency() string {
	if c := g.plan.Family.Versions[0].Currency; c != "" {
		return fmt.Sprintf("(t.currency IS NULL OR t.currency = %s)", text(c))
	}
	return "t.currency IS NULL"
}

// sourceColumns are the attributes that conditions may look at: those that come with the row, and those that are
// known once its business date is.
func (g *generator) sourceColumns() (row, dated []string) {
	n := g.plan.Needs
	if n.Store {
		row = append(row, "t.store_id")
	}
	if n.Region {
		row = append(row, "s.region")
	}
	if n.Hours {
		dated = append(dated, fmt.Sprintf("CAST((d.local + %d) %% %d // 60000000 AS SMALLINT) AS minute",
			int64(shiftDays)*usPerDay, int64(usPerDay)))
	}
	if n.Tags {
		dated = append(dated, "p.tags")
	}
	if n.Joined {
		dated = append(dated, "d.day - p.joined_day AS joined_days")
	}
	return row, dated
}

// dated writes the part that all facts share: who, when, on which business date, by which version, as the relation
// dated.
//
// What does not count joins no member. Conditions of their own would be filters, of which DuckDB expects to leave a fifth
// each: it would take the facts for few, and make its hash tables of them instead of the members.
func (g *generator) dated(table, id, where string, row []string) string {
	row = append([]string{"t.status = 'completed' AND " + where + " AS counts"}, row...)
	return g.datedOf(table, id, "", row, fmt.Sprintf("JOIN eval_members m ON m.member_id = CASE WHEN d.counts AND d.day <= %d THEN d.member_id END",
		g.plan.Horizon), "counts")
}

// datedOf is dated for the rows for which the condition where holds, joined to their members by join; without are columns of
// row that are not handed on.
func (g *generator) datedOf(table, id, where string, row []string, join string, without ...string) string {
	us, local, clock := g.clock("t.x", "t.is_instant", "t.zone_no")
	zone, stores := "0", ""
	if g.byStore() {
		zone = "coalesce(s.zone_no, 0)"
	}
	if g.byStore() || g.plan.Needs.Region {
		stores = "\n    LEFT JOIN eval_stores s ON s.store_id = t.store_id"
	}
	inner := append([]string{"t.member_id", "t." + id + " AS source_id", MomentX("t", "occurred") + " AS x",
		"t.occurred_offset IS NOT NULL AS is_instant", zone + " AS zone_no"}, row...)
	if where != "" {
		where = "\n    WHERE " + where
	}
	return fmt.Sprintf(`WITH clocked AS (
  SELECT t.* EXCLUDE (x, is_instant, zone_no), %s AS us, %s AS local
  FROM (
    SELECT %s
    FROM %s t%s%s
  ) t%s
), dated AS (
  SELECT m.member_no, d.* EXCLUDE (%s), %s AS ver FROM (SELECT *, %s AS day FROM clocked) d %s
)`, us, local, strings.Join(inner, ", "), g.facts.Table(table), stores, where, clock,
		strings.Join(append([]string{"member_id"}, without...), ", "), g.version("d.day"), g.businessDay("local"), join)
}

// source writes the part that transactions and activities share: dated, and what holds of the member on the date.
func (g *generator) source(table, id, where string, row, dated []string, returned string) string {
	outer := append([]string{"d.member_no", "d.source_id", "d.us", "d.day", "d.ver", g.tierByVersion() + " AS tier_no",
		"coalesce(p.closed, FALSE) AS closed"}, dated...)
	for _, c := range row {
		name := c[strings.LastIndex(c, ".")+1:]
		if returned == "" || !isAmount(name) {
			outer = append(outer, "d."+name)
		}
	}
	if returned != "" {
		basis, _ := g.basis()
		outer = append(outer, basis+" AS basis")
	}
	return fmt.Sprintf(`%s
SELECT %s
FROM dated d
  LEFT JOIN eval_spans p ON p.member_no = d.member_no AND d.day >= p.from_day AND d.day <= p.until_day%s%s`,
		g.dated(table, id, where, row), strings.Join(outer, ", "), g.returnsJoin(returned), g.notReturned(returned))
}

func isAmount(name string) bool {
	if name == "amount" {
		return true
	}
	for _, p := range program.Parts {
		if string(p) == name {
			return true
		}
	}
	return false
}

func (g *generator) returnsJoin(returned string) string {
	if returned == "" || !g.nets() {
		return ""
	}
	return "\n  LEFT JOIN eval_returns r ON r.transaction_id = d.source_id"
}

func (g *generator) notReturned(returned string) string {
	if returned == "" {
		return ""
	}
	if _, full := g.basis(); full != "FALSE" {
		return "\nWHERE NOT " + full
	}
	return ""
}

// amountColumns are the columns that the spend basis is worked out from.
func (g *generator) amountColumns() []string {
	out := []string{"t.amount"}
	parts := map[program.Part]bool{}
	for _, v := range g.plan.Family.Versions {
		for _, p := range v.Exclude {
			if !parts[p] {
				parts[p] = true
				out = append(out, "t."+string(p))
			}
		}
	}
	return out
}

// TransactionColumns lists the columns of transactions that the statements look at.
func TransactionColumns(p *plan.Plan) []string {
	g := &generator{plan: p}
	out := []string{"transaction_id", "member_id", "occurred_wall", "occurred_offset", "status", "currency"}
	if p.Needs.Store || p.Needs.Region || p.Family.Versions[0].Day == program.DayStore {
		out = append(out, "store_id")
	}
	if p.Needs.Channel {
		out = append(out, "channel")
	}
	for _, c := range g.amountColumns() {
		out = append(out, strings.TrimPrefix(c, "t."))
	}
	return out
}

// MemberColumns lists the columns of members that the statements look at.
func MemberColumns(p *plan.Plan) []string {
	out := []string{"member_id", "delivery", "tier", "status"}
	if p.Needs.Tags {
		out = append(out, "tags")
	}
	if p.Needs.JoinedDay() {
		out = append(out, "joined_wall", "joined_offset", "joined_form")
	}
	if p.Needs.Birthdays {
		out = append(out, "birth_date")
	}
	return out
}

// transactions makes the sources of completed, not fully returned transactions. The gap to the member's previous one
// and the first purchase look at all of them, whichever rule asks (F13, F24).
func (g *generator) transactions() {
	n := g.plan.Needs
	row, dated := g.sourceColumns()
	if n.Channel {
		row = append(row, "t.channel")
	}
	row = append(row, g.amountColumns()...)
	sql := g.source("transactions", "transaction_id", g.currency(), row, dated, "yes")
	var extra []string
	if n.FirstPurchase {
		extra = append(extra, `CAST(CASE WHEN basis <= 0 THEN NULL
    WHEN row_number() OVER (PARTITION BY member_no, basis > 0 ORDER BY us, source_id) = 1 THEN 1 ELSE 0 END AS TINYINT) AS first_purchase`)
	}
	if extra != nil {
		sql = fmt.Sprintf("SELECT *, %s FROM (\n%s\n)", strings.Join(extra, ", "), sql)
	}
	g.add("transactions", "CREATE TEMP TABLE eval_tx AS\n"+sql)
	if n.Gap > 0 {
		// Few purchases follow another so soon: only those are kept, so that all others need no look-up.
		g.add("gaps", fmt.Sprintf(`CREATE TEMP TABLE eval_gaps AS
SELECT source_id, gap FROM (
  SELECT source_id, us - lag(us) OVER (PARTITION BY member_no ORDER BY us, source_id) AS gap FROM eval_tx
) WHERE gap < %d`, n.Gap))
	}
}

func (g *generator) activities() {
	row, dated := g.sourceColumns()
	row = append(row, "t.type")
	if g.plan.Needs.Subject {
		row = append(row, "t.subject")
	}
	if g.plan.Needs.Values {
		row = append(row, "t.value")
	}
	types := map[string]bool{}
	var list []string
	for _, r := range g.plan.Rules {
		for _, rv := range r.Versions {
			for _, t := range rv.Types {
				if !types[t] {
					types[t] = true
					list = append(list, t)
				}
			}
		}
	}
	g.add("activities", "CREATE TEMP TABLE eval_act AS\n"+
		g.source("activities", "activity_id", "t.type IN ("+textList(list)+")", row, dated, ""))
}
