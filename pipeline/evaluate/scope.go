package evaluate

import (
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/plan"
	"accrue/pipeline/program"
	"accrue/pipeline/sqlgen"
	"accrue/schemas"
)

// Since is what the last evaluation of the same program knew, whose result is what the ledger holds.
type Since struct {
	LoadSeq int           // the newest load
	Horizon pipeline.Date // sources after it were unknown
}

// Scope says what was evaluated. Members that are not in it are owed what they were owed before.
type Scope struct {
	// Whole says why everything was evaluated; "" where only some members were.
	Whole string
	// Members is how many were evaluated, each since the first date that can have changed for it; Since is the earliest.
	Members int64
	Since   pipeline.Date
}

// scoping finds out who has to be evaluated: it fills eval_scope with the members whose own facts are new, have changed
// or have come within the horizon, each with its bounds (plan.Reach), and the scope_ tables with the facts of those. What
// cannot be traced to members makes it evaluate everything.
type scoping struct {
	*evaluation
	since Since
	reach plan.Reach
	drift drifts
	least plan.Bounds
}

// scope makes the scope, or says why there is none.
func (e *evaluation) scope(since *Since) (Scope, error) {
	if since == nil {
		return Scope{Whole: "nothing was evaluated before"}, nil
	}
	s := &scoping{evaluation: e, since: *since, reach: e.plan.Reach()}
	s.drift = s.drifts()
	whole, err := s.untraceable()
	if err != nil {
		return Scope{}, fmt.Errorf("looking for what has changed: %w", err)
	}
	if whole != "" {
		return Scope{Whole: whole}, nil
	}
	for _, step := range []func() error{s.touched, s.changed, s.news, s.lives, s.bounds, s.gather} {
		if err := step(); err != nil {
			return Scope{}, fmt.Errorf("looking for what has changed: %w", err)
		}
	}
	e.facts.Scoped = true
	out := Scope{Since: s.least.Earned}
	err = e.db.QueryRow(e.ctx, "SELECT count(*) FROM eval_scope").Scan(&out.Members)
	return out, err
}

// untraceable says what has changed more than the members that a row names; "" where nothing has.
func (s *scoping) untraceable() (string, error) {
	if s.reach.Whole != "" {
		return s.reach.Whole, nil
	}
	if any, err := s.some(fmt.Sprintf("reloads WHERE load_seq > %d", s.since.LoadSeq)); err != nil || any {
		return "a delivery was loaded anew", err
	}
	if !s.plan.Needs.Birthdays {
		return "", nil
	}
	if any, err := s.some(fmt.Sprintf(`deliveries HAVING min(delivery) FILTER (WHERE load_seq > %d) < min(delivery) FILTER (WHERE load_seq <= %[1]d)`,
		s.since.LoadSeq)); err != nil || any {
		return "birthdays count from the first delivery on, and an earlier one has come", err
	}
	return "", nil
}

// exec fills in {load}, the newest load that was known, and runs the statements.
func (s *scoping) exec(statements ...string) error {
	for _, q := range statements {
		if _, err := s.db.Exec(s.ctx, strings.ReplaceAll(q, "{load}", fmt.Sprint(s.since.LoadSeq))); err != nil {
			return err
		}
	}
	return nil
}

// some reports whether a relation has a row.
func (s *scoping) some(relation string) (any bool, err error) {
	err = s.db.QueryRow(s.ctx, "SELECT count(*) > 0 FROM (SELECT 1 FROM "+relation+")").Scan(&any)
	return any, err
}

// touched lists transactions of which a line or a return is new, and which are not new themselves.
func (s *scoping) touched() error {
	lines := ""
	if len(s.plan.Lines) > 0 {
		lines = "SELECT transaction_id FROM items WHERE load_seq > {load}\n  UNION "
	}
	return s.exec(fmt.Sprintf(`CREATE TEMP TABLE eval_touched AS
SELECT x.transaction_id FROM (
  %sSELECT transaction_id FROM returns WHERE load_seq > {load}
  UNION SELECT key FROM withdrawn WHERE load_seq > {load} AND dataset = 'returns'
) x ANTI JOIN (SELECT transaction_id FROM transactions WHERE load_seq > {load}) t ON t.transaction_id = x.transaction_id`, lines))
}

// changed lists the sources that are new or have changed: what the ledger holds of them is compared, whoever has it.
func (s *scoping) changed() error {
	return s.exec(`CREATE TEMP TABLE eval_changed AS
SELECT 'transaction' AS source_type, transaction_id AS source_id FROM transactions WHERE load_seq > {load}
UNION ALL
SELECT 'transaction', transaction_id FROM eval_touched
UNION ALL
SELECT 'activity', activity_id FROM activities WHERE load_seq > {load}`)
}

// news lists members with the earliest dates that can have changed for them, some of them often.
func (s *scoping) news() error {
	rows := func(table, where string) string {
		return fmt.Sprintf("INSERT INTO eval_news SELECT t.member_id, greatest(%s, %d) FROM %s t WHERE t.member_id IS NOT NULL AND %s",
			s.drift.earliestDay(), pipeline.MinDate, table, where)
	}
	statements := []string{"CREATE TEMP TABLE eval_news (member_id VARCHAR, day INTEGER)"}
	for _, ds := range []*schemas.Dataset{schemas.Transactions, schemas.Activities} {
		key := ds.Keys()[0]
		// A row that says something else now had a holder and a date before.
		statements = append(statements, rows(ds.Name, "t.load_seq > {load}"), rows(ds.HistoryTable(), fmt.Sprintf(
			"t.%s IN (SELECT %s FROM %s WHERE load_seq > {load} AND first_seq <= {load})", key, key, ds.Name)))
		if s.since.Horizon < s.plan.Horizon {
			next := s.since.Horizon + 1
			statements = append(statements, fmt.Sprintf(
				"INSERT INTO eval_news SELECT t.member_id, %d FROM %s t WHERE t.member_id IS NOT NULL AND t.occurred_wall >= %d AND %s >= %d AND t.load_seq <= {load}",
				next, ds.Name, wallBefore(next), s.drift.latestDay(), next))
		}
	}
	if s.plan.Needs.Region || s.plan.Family.Versions[0].Day == program.DayStore {
		if any, err := s.some(fmt.Sprintf("stores WHERE load_seq > %d", s.since.LoadSeq)); err != nil {
			return err
		} else if any { // what was bought there may be of another region or date now
			where := "t.store_id IN (SELECT store_id FROM stores WHERE load_seq > {load})"
			statements = append(statements, rows("transactions", where), rows("activities", where))
		}
	}
	if any, err := s.some("eval_touched"); err != nil {
		return err
	} else if any {
		statements = append(statements, rows("transactions", "t.transaction_id IN (SELECT transaction_id FROM eval_touched)"))
	}
	return s.exec(statements...)
}

// wallBefore is a wall clock that no moment of the business date or a later one is before: its offset, that of the zone
// and day_starts_at are less than a day each.
func wallBefore(day pipeline.Date) int64 { return (int64(day) - 2) * usPerDay }

// lives adds what members rows change: a row counts from its delivery on, the first one for the member's whole life; and
// the birthdays that have come within the horizon.
func (s *scoping) lives() error {
	columns := []string{"tier", "birth_date", "joined_wall", "joined_offset", "joined_form", "status", "tags"}
	for i, c := range columns {
		columns[i] = fmt.Sprintf("%s IS NOT DISTINCT FROM lag(%s) OVER w", c, c)
	}
	from := "delivery"
	if s.plan.Needs.Birthdays {
		from = "date_trunc('year', delivery)" // the birthday of that year may be another one now
	}
	if err := s.exec(fmt.Sprintf(`CREATE TEMP TABLE eval_lives AS
SELECT member_id, CASE WHEN k = 1 THEN %d ELSE CAST(CAST(%s AS DATE) - DATE '1970-01-01' AS INTEGER) END AS day FROM (
  SELECT member_id, delivery, load_seq, row_number() OVER w AS k, %s AS is_same
  FROM members WHERE member_id IN (SELECT member_id FROM members WHERE load_seq > {load})
  WINDOW w AS (PARTITION BY member_id ORDER BY delivery)
) WHERE load_seq > {load} AND (k = 1 OR NOT is_same)`, pipeline.MinDate, from, strings.Join(columns, " AND ")),
		// A life begins with the first thing that is known of it.
		fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE eval_lives AS
SELECT l.member_id, CAST(CASE WHEN l.day > %d THEN l.day ELSE f.day END AS INTEGER) AS day
FROM eval_lives l LEFT JOIN (
  SELECT member_id, CAST(min(day) AS INTEGER) AS day FROM (%s)
  WHERE member_id IN (SELECT member_id FROM eval_lives WHERE day = %d) GROUP BY member_id
) f ON f.member_id = l.member_id
WHERE l.day > %d OR f.day IS NOT NULL`, pipeline.MinDate, s.beginnings(), pipeline.MinDate, pipeline.MinDate),
		"INSERT INTO eval_news SELECT member_id, day FROM eval_lives"); err != nil {
		return err
	}
	if !s.plan.Needs.Birthdays {
		return nil
	}
	if err := s.exec(fmt.Sprintf(`INSERT INTO eval_changed
SELECT 'birthday', l.member_id || ':' || y FROM eval_lives l,
  range((SELECT year(min(delivery)) FROM deliveries), %d + 1) r(y)
WHERE y >= year(DATE '1970-01-01' + l.day)`, s.plan.Horizon.Time().Year())); err != nil {
		return err
	}
	return s.anniversariesComing()
}

// beginnings is a relation of the dates at which something is first known of members.
func (s *scoping) beginnings() string {
	day := s.drift.earliestDay()
	out := fmt.Sprintf("SELECT member_id, %s AS day FROM transactions t UNION ALL SELECT member_id, %s FROM activities t", day, day)
	if s.plan.Needs.Birthdays {
		out += " UNION ALL SELECT member_id, (SELECT date_trunc('year', min(delivery))::DATE - DATE '1970-01-01' FROM deliveries) FROM members"
	}
	return out
}

// anniversariesComing adds the members with a birthday between the horizon that was and the one that is.
func (s *scoping) anniversariesComing() error {
	first, last := s.since.Horizon+1, s.plan.Horizon
	if first > last {
		return nil
	}
	var days []string
	for d := first; d <= min(last, first+366); d++ { // which is every day of a year
		_, m, day := d.Time().Date()
		days = append(days, fmt.Sprint(int(m)*100+day))
		if md := int(m)*100 + day; md == 228 || md == 301 {
			days = append(days, "229")
		}
	}
	return s.exec(fmt.Sprintf(`INSERT INTO eval_news SELECT DISTINCT member_id, %d FROM members
WHERE month(birth_date) * 100 + day(birth_date) IN (%s)`, first, strings.Join(days, ", ")))
}

// bounds works out since when each of the members is to be evaluated.
func (s *scoping) bounds() error {
	var values []string
	var day pipeline.Date
	s.least = plan.Bounds{Earned: pipeline.MaxDate, Transactions: pipeline.MaxDate, Activities: pipeline.MaxDate}
	var years bool
	if err := s.exec(fmt.Sprintf(`CREATE TEMP TABLE eval_moved AS
SELECT n.member_id, n.day, coalesce(y.moving, FALSE) AS years
FROM (SELECT member_id, min(day) AS day FROM eval_news GROUP BY member_id) n LEFT JOIN (%s) y ON y.member_id = n.member_id`,
		s.severalBirthdays())); err != nil {
		return err
	}
	if err := s.db.Each(s.ctx, "SELECT DISTINCT day, years FROM eval_moved ORDER BY ALL", nil, []any{&day, &years}, func() error {
		b := s.reach.Of(day)
		if years {
			b = s.reach.OfYears(day)
		}
		s.least.Earned = min(s.least.Earned, b.Earned)
		s.least.Transactions = min(s.least.Transactions, b.Transactions)
		s.least.Activities = min(s.least.Activities, b.Activities)
		values = append(values, fmt.Sprintf("(%d, %t, %d, %d, %d)", day, years, b.Earned, b.Transactions, b.Activities))
		return nil
	}); err != nil {
		return err
	}
	if err := s.exec("CREATE TEMP TABLE eval_reach (day INTEGER, years BOOLEAN, earned INTEGER, transactions INTEGER, activities INTEGER)"); err != nil {
		return err
	}
	for batch := range slices.Chunk(values, 2000) {
		if err := s.exec("INSERT INTO eval_reach VALUES " + strings.Join(batch, ", ")); err != nil {
			return err
		}
	}
	return s.exec(`CREATE TEMP TABLE eval_scope AS
SELECT n.member_id, r.* EXCLUDE (day, years) FROM eval_moved n JOIN eval_reach r ON r.day = n.day AND r.years = n.years`)
}

// severalBirthdays is a relation of the members that may have birthdays on several dates of a year: those that were told
// another birth date, and those that were born on a 29 February, which rules hold on either side of it.
func (s *scoping) severalBirthdays() string {
	if !s.plan.Needs.Birthdays {
		return "SELECT '' AS member_id, FALSE AS moving"
	}
	return `SELECT member_id, TRUE AS moving FROM members WHERE member_id IN (SELECT member_id FROM eval_news) AND birth_date IS NOT NULL
  GROUP BY member_id HAVING min(birth_date) <> max(birth_date) OR bool_or(month(birth_date) = 2 AND day(birth_date) = 29)`
}

// gather keeps the facts that are needed apart.
func (s *scoping) gather() error {
	// The columns are few, because most of what is read is then left out.
	transactions, err := s.moments("transactions", columnsOf("t", append(sqlgen.TransactionColumns(s.plan), "first_seq")), s.least.Transactions)
	if err != nil {
		return err
	}
	activities, err := s.moments("activities", "t.*", s.least.Activities)
	if err != nil {
		return err
	}
	if err := s.exec(transactions, activities,
		fmt.Sprintf("CREATE TEMP TABLE scope_members AS SELECT %s FROM members m SEMI JOIN eval_scope s ON s.member_id = m.member_id",
			columnsOf("m", sqlgen.MemberColumns(s.plan)))); err != nil {
		return err
	}
	var first int
	if err := s.db.QueryRow(s.ctx, "SELECT coalesce(min(first_seq), 0) FROM scope_transactions").Scan(&first); err != nil {
		return err
	}
	if err := s.exec(`CREATE TEMP TABLE scope_waited AS
SELECT w.transaction_id FROM waited w SEMI JOIN scope_transactions t ON t.transaction_id = w.transaction_id`); err != nil {
		return err
	}
	var statements []string
	for _, table := range []string{"items", "returns"} {
		if table == "items" && len(s.plan.Lines) == 0 || table == "returns" && !s.recomputes() {
			statements = append(statements, fmt.Sprintf("CREATE TEMP VIEW scope_%s AS SELECT * FROM %s WHERE FALSE", table, table))
			continue
		}
		// Rows of a transaction do not come before it, save for those that it was waited for with: what is old belongs to the
		// few old ones.
		columns := "x.*"
		if table == "items" {
			columns = columnsOf("x", sqlgen.ItemColumns(s.plan))
		}
		statements = append(statements, strings.NewReplacer("{table}", table, "{columns}", columns, "{first}", fmt.Sprint(first)).Replace(
			`CREATE TEMP TABLE scope_{table} AS
SELECT {columns} FROM {table} x SEMI JOIN scope_transactions t ON t.transaction_id = x.transaction_id WHERE x.load_seq > {load}
UNION ALL
SELECT {columns} FROM {table} x SEMI JOIN (SELECT transaction_id FROM scope_transactions WHERE first_seq <= {load} UNION ALL FROM scope_waited) t
  ON t.transaction_id = x.transaction_id WHERE x.load_seq <= {load} AND x.first_seq >= {first}
UNION ALL
SELECT {columns} FROM {table} x SEMI JOIN scope_waited t ON t.transaction_id = x.transaction_id
WHERE x.load_seq <= {load} AND x.first_seq < {first}`))
	}
	return s.exec(statements...)
}

// moments writes what keeps the transactions or activities of the scope apart; least is the earliest date of them all. Most
// members are asked about for the same date, the newest: the past is read for the others alone.
func (s *scoping) moments(table, columns string, least pipeline.Date) (string, error) {
	usual := pipeline.MinDate
	if err := s.db.QueryRow(s.ctx, fmt.Sprintf(
		"SELECT coalesce(max(%s), %d) FROM (SELECT %s FROM eval_scope GROUP BY 1 ORDER BY count(*) DESC, 1 DESC LIMIT 1)",
		table, pipeline.MinDate, table)).Scan(&usual); err != nil {
		return "", err
	}
	one := func(which string, least pipeline.Date) string {
		q := fmt.Sprintf("SELECT %s FROM %s t JOIN (SELECT * FROM eval_scope WHERE %s %s %d) s ON s.member_id = t.member_id\nWHERE %s >= s.%s",
			columns, table, table, which, usual, s.drift.latestDay(), table)
		if least > pipeline.MinDate { // which lets DuckDB leave out what is older
			q += fmt.Sprintf(" AND t.occurred_wall >= %d", wallBefore(least))
		}
		return q
	}
	return fmt.Sprintf("CREATE TEMP TABLE scope_%s AS\n%s\nUNION ALL\n%s", table, one(">=", usual), one("<", least)), nil
}

func columnsOf(alias string, names []string) string {
	return alias + "." + strings.Join(names, ", "+alias+".")
}

// recomputes reports whether any version looks at returns.
func (s *scoping) recomputes() bool {
	return slices.ContainsFunc(s.plan.Family.Versions, func(v *program.Program) bool { return v.Returns == program.ReturnsRecompute })
}
