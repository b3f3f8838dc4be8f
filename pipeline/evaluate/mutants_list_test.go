package evaluate_test

// mutants are the faults that are planted, pass by pass in the order of spec section 6. Each is one that a person
// could make.
var mutants = []mutant{
	// Sources.
	{what: "a pending or cancelled purchase earns", statement: "transactions", find: `t\.status = 'completed' AND `, replace: ""},
	{what: "a cancelled activity earns", statement: "activities", find: `t\.status = 'completed' AND `, replace: ""},
	{what: "another currency counts", statement: "transactions", find: `\(t\.currency IS NULL OR t\.currency = '[A-Z]+'\)`, replace: "TRUE"},
	{what: "an empty currency is foreign", statement: "transactions", find: `t\.currency IS NULL OR `, replace: ""},
	{what: "the horizon is a day short", statement: "transactions|activities", find: `d\.day <= (\d+)`, replace: "d.day < $1"},
	{what: "rows behind the horizon are known", statement: "transactions|activities", find: `d\.day <= (\d+)`, replace: "d.day <= $1 + 1",
		survives: "candidates are cut off at the horizon as well, and what looks back never sees a later row"},
	{what: "a version is in force a day late", statement: "transactions|activities", find: `WHEN d\.day >= `, replace: "WHEN d.day > "},
	{what: "fully returned purchases stay", statement: "transactions", find: `WHERE NOT .*`, replace: ""},
	{what: "returned in full only above the amount", statement: "transactions", find: `r\.amount >= d\.amount`, replace: "r.amount > d.amount"},
	{what: "the spend basis falls below zero", statement: "transactions", find: `greatest\(0, d\.amount`, replace: "greatest(-10000000, d.amount"},
	{what: "what was returned of an excluded part counts twice", statement: "transactions", find: `greatest\(0, (d\.\w+) - coalesce\(r\.\w+, 0\)\)`, replace: "$1"},
	{what: "a repeated hour is the later instant, or the business date moves", statement: "transactions|activities", find: `(k\.u)1 WHEN (.*?) < k\.s2 THEN k\.u2`, replace: "${1}2 WHEN $2 < k.s2 THEN k.u1"},
	{what: "an instant is read as a wall clock", statement: "transactions|activities", find: `k\.is_instant = t\.is_instant`, replace: "k.is_instant = FALSE"},
	{what: "the first purchase is the last by id", statement: "transactions", find: `ORDER BY us, source_id\) = 1`, replace: "ORDER BY us, source_id DESC) = 1"},
	{what: "the first purchase may be without spend", statement: "transactions", find: `PARTITION BY member_no, basis > 0`, replace: "PARTITION BY member_no"},
	{what: "the gap is that to the next purchase", statement: "gaps", find: `us - lag\(us\)`, replace: "lead(us)"},
	{what: "exactly the gap is the same visit", statement: "candidates", find: `gap\.gap >= (\d+)`, replace: "gap.gap > $1"},

	// Members.
	{what: "a first row that says closed closes the past", statement: "spans", find: `closed AND k > 1 AS closed`, replace: "closed"},
	{what: "a member's row holds a day late", statement: "transactions|activities", find: `d\.day >= p\.from_day`, replace: "d.day > p.from_day"},
	{what: "closed members earn", statement: "candidates", find: `NOT t\.closed`, replace: "TRUE"},
	{what: "joined days are one off", statement: "transactions|activities", find: `d\.day - p\.joined_day`, replace: "d.day - p.joined_day + 1"},

	// Lines.
	{what: "a discount line is a line", statement: "lines", find: `i\.amount > 0 AND .*? > 0 OR`, replace: "i.amount <> 0 OR"},
	{what: "a returned line still qualifies", statement: "lines", find: `WHERE i\.amount > 0 AND .*? > 0 OR`, replace: "WHERE i.amount > 0 OR"},
	{what: "units of discount lines count", statement: "lines", find: `FILTER \(WHERE i\.amount >= 0\), 0`, replace: ", 0"},
	{what: "exclude does not exclude", statement: "lines", find: `NOT \(coalesce.*`, replace: "TRUE"},
	{what: "the spread of a return rounds down", statement: "net lines", find: `2 \* unlined \* \((.*?)\) \+ total`, replace: "2 * unlined * ($1)"},
	{what: "the spread goes by bytes of line_no", statement: "net lines", find: `CASE WHEN regexp_full_match.*? END, line_no`, replace: "line_no"},
	{what: "discount lines take part in the spread", statement: "net lines", find: `CASE WHEN sold > 0 THEN CAST\(amount AS BIGINT\) ELSE 0 END`, replace: "CAST(amount AS BIGINT)"},
	{what: "a return without quantity leaves the quantity", statement: "net lines", find: `coalesce\(l\.without_quantity AND l\.amount >= i\.amount, FALSE\)`, replace: "FALSE"},
	{what: "the qualifying sum may pass the spend basis", statement: "candidates", find: `least\(greatest\(coalesce\(l\.qualifying, 0\), 0\), t\.basis\)`, replace: "greatest(coalesce(l.qualifying, 0), 0)"},

	// Conditions and amounts.
	{what: "min_spend over is at least", statement: "candidates", find: `t\.basis >= (\d+)`, replace: "t.basis >= $1 - 1"},
	{what: "a rule is in force a day too long", statement: "candidates", find: `t\.day BETWEEN (-?\d+) AND (-?\d+)`, replace: "t.day BETWEEN $1 AND $2 + 1"},
	{what: "weeks begin on Tuesday", statement: "candidates", find: `7000003\) % 7`, replace: "7000004) % 7"},
	{what: "hours include their end", statement: "candidates", find: `minute <= (\d+)`, replace: "minute <= $1 + 1"},
	{what: "tags match as parts of words", statement: "candidates", find: `contains\(t\.tags, ';(\w+);'\)`, replace: "contains(t.tags, '${1}')"},
	{what: "a channel without value holds", statement: "candidates", find: `\(t\.channel IN \((.*?)\)\)`, replace: "coalesce(t.channel IN ($1), TRUE)"},
	{what: "rounding up for rounding down", statement: "candidates", find: `SELECT \*, CAST\(\(\((.*?)\) // (\d+)\) \* `, replace: "SELECT *, CAST((($1 + $2 - 1) // $2) * "},
	{what: "half to even goes up", statement: "candidates", find: ` % 2 = 1 THEN 1`, replace: " % 2 < 2 THEN 1"},
	{what: "half up needs more than half", statement: "candidates", find: `\(\(2 \* \((.*?)\) \+ (\d+)\) // `, replace: "((2 * ($1) + $2 - 1) // "},
	{what: "per_transaction clips a point too early", statement: "candidates", find: `least\((.*), (\d+)\) AS BIGINT\) AS amount`, replace: "least($1, $2 - 10000) AS BIGINT) AS amount"},
	{what: "what earns nothing takes a slot", statement: "candidates", find: `WHERE amount > 0`, replace: "WHERE amount >= 0"},
	{what: "a value of too many places earns", statement: "candidates", find: `\{1,4\}0\*`, replace: "+"},

	// Milestones.
	{what: "orders are counted backwards", statement: "candidates", find: `ORDER BY o\.us, o\.source_id`, replace: "ORDER BY o.us DESC, o.source_id DESC"},
	{what: "orders of one instant are counted by id backwards", statement: "candidates", find: `ORDER BY o\.us, o\.source_id`, replace: "ORDER BY o.us, o.source_id DESC"},
	{what: "a milestone forgets its period", statement: "candidates", find: `PARTITION BY o\.member_no, .*? ORDER BY o\.us`, replace: "PARTITION BY o.member_no ORDER BY o.us"},
	{what: "a threshold that was met before is crossed again", statement: "candidates", find: `CASE WHEN (s\d - \w+) < (\d+) AND`, replace: "CASE WHEN $1 <= $2 AND"},
	{what: "meeting a threshold is not enough", statement: "candidates", find: `AND (s\d) >= (\d+) THEN 1`, replace: "AND $1 > $2 THEN 1"},
	{what: "every Nth pays an order early", statement: "candidates", find: `\((s\d)\) // (\d+) - \((s\d - \w+)\) // `, replace: "($1 + 1) // $2 - ($3 + 1) // "},
	{what: "several thresholds at once pay once", statement: "candidates", find: `SELECT \*, CAST\((.*) AS BIGINT\) AS crossed`, replace: "SELECT *, CAST(least(1, $1) AS BIGINT) AS crossed"},
	{what: "each version of a milestone counts its own orders", statement: "candidates", find: `OVER \(PARTITION BY o\.member_no`, replace: "OVER (PARTITION BY o.member_no, o.ver"},

	// Tiers from spend.
	{what: "a purchase lifts its own rate", statement: "tiers from spend", find: `day \+ 1 AS from_day`, replace: "day AS from_day"},
	{what: "the window of a tier is a day long", statement: "tiers from spend", find: `SELECT member_no, day \+ (\d+), `, replace: "SELECT member_no, day + $1 + 1, "},
	{what: "exactly the threshold is over it", statement: "tiers from spend", find: `WHEN (s\d|s\d - d\d) > `, replace: "WHEN $1 >= "},
	{what: "spend in other currencies lifts the tier", statement: "spend by date", find: `\(t\.currency IS NULL OR t\.currency = '[A-Z]+'\)`, replace: "TRUE"},
	{what: "what was spent never leaves the window", statement: "tiers from spend", find: `, -spent`, replace: ", 0"},
	{what: "only big spenders are looked at", statement: "tiers from spend", find: `HAVING sum\(spent\) > (\d+)`, replace: "HAVING sum(spent) > $1 + 100"},
	{what: "spend after the horizon makes tiers", statement: "spend by date", find: `d\.day <= (\d+)`, replace: "d.day <= $1 + 1",
		survives: "what is spent on a day counts from the next on, and no source lies behind the horizon"},
	{what: "a tier from spend reaches into the next span of the member", statement: "spans", find: `least\(coalesce\(p\.until_day, q\.until_day\), coalesce\(q\.until_day, p\.until_day\)\)`, replace: "coalesce(q.until_day, p.until_day)"},

	// Birthdays.
	{what: "the day of birth is a birthday", statement: "birthdays", find: `d\.year > p\.birth_year`, replace: "d.year >= p.birth_year"},
	{what: "the day of joining is too early", statement: "birthdays", find: `d\.day >= p\.joined_day`, replace: "d.day > p.joined_day"},
	{what: "birthdays go by yesterday's row", statement: "birthdays", find: `d\.day >= p\.from_day`, replace: "d.day > p.from_day"},
	{what: "29 February goes the other way", statement: "candidates", find: `t\.feb_29 IN \(0, 1\)`, replace: "t.feb_29 IN (0, 2)"},

	// Gift codes.
	{what: "a code may be redeemed once more", statement: "codes", find: `k <= code_times`, replace: "k - 1 <= code_times"},
	{what: "a code goes to the last who redeem it", statement: "codes", find: `ORDER BY c\.us, c\.source_id`, replace: "ORDER BY c.us DESC, c.source_id DESC"},
	{what: "a code ends a day early", statement: "candidates", find: `t\.day BETWEEN k\.from_day AND k\.until_day`, replace: "t.day >= k.from_day AND t.day < k.until_day"},
	{what: "codes match in any case", statement: "candidates", find: `k\.code = t\.subject`, replace: "lower(k.code) = lower(t.subject)"},

	// Referrals.
	{what: "a member may refer itself", statement: "referrals", find: `t\.subject <> r\.member_id`, replace: "TRUE"},
	{what: "the last referral of a referee counts", statement: "referrals", find: `ORDER BY t\.us, t\.source_id`, replace: "ORDER BY t.us DESC, t.source_id DESC"},
	{what: "exactly the amount qualifies", statement: "who qualifies", find: `t\.basis > `, replace: "t.basis >= "},
	{what: "the latest purchase qualifies", statement: "who qualifies", find: `ORDER BY t\.us, t\.source_id`, replace: "ORDER BY t.us DESC, t.source_id"},
	{what: "a purchase before the referral qualifies", statement: "qualified referrals", find: `WHERE q\.us >= r\.us`, replace: ""},
	{what: "a referral is judged at its own time", statement: "qualified referrals", find: `q\.us, q\.day, q\.ver`, replace: "r.us, r.day, r.ver"},
	{what: "the days to qualify are one too few", statement: "candidates", find: `t\.after_days BETWEEN 0 AND (\d+)`, replace: "t.after_days BETWEEN 0 AND $1 - 1"},
	{what: "the referee comes first in a shared budget", statement: "budget", find: `ORDER BY us, source_id, stype, side,`, replace: "ORDER BY us, source_id, stype, side DESC,"},

	// Best of, limits, budget.
	{what: "best of is the smallest", statement: "best_of", find: `ORDER BY amount DESC, place`, replace: "ORDER BY amount, place"},
	{what: "a tie goes to the last in the file", statement: "best_of", find: `ORDER BY amount DESC, place`, replace: "ORDER BY amount DESC, place DESC"},
	{what: "best of goes across rewards", statement: "best_of", find: `PARTITION BY member_no, stype, source_id, reward_no, name`, replace: "PARTITION BY member_no, stype, source_id, name"},
	{what: "one time more than the limit", statement: "times .*", find: `(s\d) <= `, replace: "$1 - 1 <= "},
	{what: "one time less than the limit", statement: "times [a-z_]+", find: `(s\d) <= `, replace: "$1 < "},
	{what: "times go to the last", statement: "times [a-z_]+", find: `ORDER BY c\.us, c\.source_id`, replace: "ORDER BY c.us DESC, c.source_id"},
	{what: "equal times go by id backwards", statement: "(times|amount) [a-z_]+", find: `ORDER BY c\.us, c\.source_id`, replace: "ORDER BY c.us, c.source_id DESC"},
	{what: "pick highest picks the lowest", statement: "(times|amount) [a-z_]+", find: `c\.rank_amount DESC`, replace: "c.rank_amount"},
	{what: "per_subject counts all subjects together", statement: "(times|amount) [a-z_]+", find: `, c\.subject ORDER`, replace: " ORDER"},
	{what: "only those far over a limit are looked at", statement: ".*: who is over", find: `HAVING (.*) > (\d+)`, replace: "HAVING $1 > $2 + 10000"},
	{what: "weeks of limits begin on Sunday", statement: "(times|amount) per_week.*", find: `7000003\) // 7`, replace: "7000004) // 7"},
	{what: "quarters are years", statement: ".*per_quarter.*", find: `\* 4 \+ quarter\(.*?\) AS INTEGER`, replace: "* 4 AS INTEGER"},
	{what: "an amount limit that is reached drops the whole row", statement: "amount [a-z_]+", find: `least\((\d+), (s\d)\) - least`, replace: "CASE WHEN $2 <= $1 THEN $2 ELSE least($1, $2 - amount) END - least"},
	{what: "a budget goes by members", statement: "budget", find: `OVER \(PARTITION BY 0 ORDER`, replace: "OVER (PARTITION BY c.member_no ORDER"},
	{what: "a budget goes to the last", statement: "budget", find: `ORDER BY c\.us, c\.source_id`, replace: "ORDER BY c.us DESC, c.source_id DESC"},

	// Multipliers and program limits.
	{what: "a multiplier rounds each rule's part", statement: "candidates", find: `CAST\(sum\(c\.amount\) AS BIGINT\) AS amount FROM`, replace: "CAST(max(c.amount) AS BIGINT) AS amount FROM"},
	{what: "a multiplier reaches other versions", statement: "candidates", find: `c WHERE c\.ver = \d+ AND c\.day BETWEEN`, replace: "c WHERE c.day BETWEEN",
		survives: "the dates on which a version is in force are its own"},
	{what: "a program limit goes by rules", statement: "program limit [a-z_]+ [a-z_]+", find: `OVER \(PARTITION BY `, replace: "OVER (PARTITION BY c.rule_no, "},
	{what: "multipliers come first in program limits", statement: "program limit [a-z_]+ [a-z_]+", find: `c\.is_multiplier, c\.place`, replace: "c.is_multiplier DESC, c.place"},
	{what: "the place in the file does not matter", statement: "program limit [a-z_]+ [a-z_]+", find: `c\.is_multiplier, c\.place`, replace: "c.is_multiplier, -c.place"},
}
