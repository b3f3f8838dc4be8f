-- The sources whose rows need a reason.
CREATE OR REPLACE TEMP TABLE difference_asked AS
SELECT DISTINCT source_type, source_id FROM difference_numbered WHERE kind <> 'accrual' OR posted_on <> earned_on;

CREATE OR REPLACE TEMP TABLE difference_asked_transactions AS
SELECT source_id FROM difference_asked WHERE source_type = 'transaction';

-- A birthday's own rows are those of its member. One that has paid was corrected if a new row has another birthday, or
-- a row was withdrawn; another tier, tag or status is a change of the member.
CREATE OR REPLACE TEMP TABLE difference_birthdays AS
SELECT d.source_id, m.member_id, max(d.earned_on) AS earned_on, bool_or(d.was_known) AS was_known
FROM difference_numbered d JOIN difference_members m ON m.member_no = d.member_no
WHERE d.source_type = 'birthday' AND (d.kind <> 'accrual' OR d.posted_on <> d.earned_on)
GROUP BY ALL;

-- A referral pays by what its referee buys. Where none is asked about, all transactions need not be read.
CREATE OR REPLACE TEMP TABLE difference_referrals AS
SELECT activity_id, subject FROM activities
WHERE type = 'referral' AND activity_id IN (SELECT source_id FROM difference_asked WHERE source_type = 'activity');

CREATE OR REPLACE TEMP TABLE difference_referred AS
WITH bought AS MATERIALIZED (
  SELECT member_id, transaction_id, load_seq, first_seq FROM transactions
  WHERE member_id IN (SELECT subject FROM difference_referrals)
)
SELECT a.activity_id AS source_id, FALSE AS returned, t.first_seq <= {known load} AS corrected, t.first_seq > {known load} AS added
FROM difference_referrals a JOIN bought t ON t.member_id = a.subject
WHERE t.load_seq > {known load}
UNION ALL
SELECT a.activity_id, TRUE, FALSE, FALSE
FROM difference_referrals a JOIN bought t ON t.member_id = a.subject JOIN returns r ON r.transaction_id = t.transaction_id
WHERE r.load_seq > {known load};

-- What came for them since the last run. arrived: the source's own row is new; corrected: one of its rows says
-- something else now, or is gone; added: one of its lines is new.
CREATE OR REPLACE TEMP TABLE difference_news AS
SELECT source_type, source_id, bool_or(arrived) AS arrived, bool_or(returned) AS returned,
  bool_or(corrected) AS corrected, bool_or(added) AS added,
  bool_or(present) AS present, max(holder) AS holder, max(subject) AS subject
FROM (
  SELECT 'transaction' AS source_type, transaction_id AS source_id, first_seq > {known load} AS arrived,
    FALSE AS returned, first_seq <= {known load} AS corrected, FALSE AS added, TRUE AS present, member_id AS holder,
    NULL AS subject
  FROM transactions WHERE load_seq > {known load} AND transaction_id IN (SELECT source_id FROM difference_asked_transactions)
  UNION ALL
  SELECT 'activity', activity_id, first_seq > {known load}, FALSE, first_seq <= {known load}, FALSE, TRUE, member_id,
    subject
  FROM activities WHERE load_seq > {known load}
  UNION ALL
  SELECT 'transaction', transaction_id, FALSE, FALSE, first_seq <= {known load}, first_seq > {known load}, FALSE, NULL, NULL
  FROM items WHERE load_seq > {known load} AND transaction_id IN (SELECT source_id FROM difference_asked_transactions)
  UNION ALL
  SELECT 'transaction', transaction_id, FALSE, TRUE, FALSE, FALSE, FALSE, NULL, NULL
  FROM returns WHERE load_seq > {known load} AND transaction_id IN (SELECT source_id FROM difference_asked_transactions)
  UNION ALL
  SELECT CASE dataset WHEN 'activities' THEN 'activity' ELSE 'transaction' END, key, FALSE, dataset = 'returns',
    dataset <> 'returns', FALSE, FALSE, NULL, NULL
  FROM withdrawn
  WHERE load_seq > {known load} AND dataset IN ('transactions', 'activities', 'items', 'returns')
  UNION ALL
  SELECT 'activity', source_id, FALSE, returned, corrected, added, FALSE, NULL, NULL FROM difference_referred
  UNION ALL
  SELECT 'birthday', b.source_id, NOT b.was_known AND m.first_seq > {known load}, FALSE,
    CASE WHEN b.was_known
      THEN coalesce(CASE month(m.birth_date) * 100 + day(m.birth_date) WHEN 229
        THEN month(b.earned_on) * 100 + day(b.earned_on) NOT IN (228, 229, 301)
        ELSE month(b.earned_on) <> month(m.birth_date) OR day(b.earned_on) <> day(m.birth_date) END, TRUE)
      ELSE m.first_seq <= {known load} END,
    FALSE, FALSE, NULL, NULL
  FROM difference_birthdays b JOIN members m ON m.member_id = b.member_id
  WHERE m.load_seq > {known load}
  UNION ALL
  SELECT 'birthday', b.source_id, FALSE, FALSE, TRUE, FALSE, FALSE, NULL, NULL
  FROM difference_birthdays b JOIN withdrawn w ON w.key = b.member_id
  WHERE w.load_seq > {known load} AND w.dataset = 'members'
) f
WHERE EXISTS (SELECT 1 FROM difference_asked a WHERE a.source_type = f.source_type AND a.source_id = f.source_id)
GROUP BY ALL;

-- Sources and rules that this posting takes from one member and gives to another.
CREATE OR REPLACE TEMP TABLE difference_moved AS
SELECT rule_no, source_type, source_id FROM difference_numbered
GROUP BY ALL HAVING min(member_no) <> max(member_no) AND min(amount) < 0 AND max(amount) > 0;

CREATE OR REPLACE TEMP TABLE difference_retiered AS
SELECT DISTINCT m.member_no
FROM members f JOIN difference_members m ON m.member_id = f.member_id
WHERE f.load_seq > {known load};

-- The first reason that applies (F62). A source that the last run did not know is late, whatever else came with it; one
-- that it knew, and that is now earned on a date that it did not know yet, was corrected.
CREATE OR REPLACE TEMP TABLE difference_rows AS
SELECT d.* EXCLUDE (was_known), m.place,
  CASE
    WHEN d.kind = 'accrual' AND d.posted_on = d.earned_on THEN ''
    WHEN q.restated THEN 'restated'
    WHEN v.rule_no IS NOT NULL THEN 'member_changed'
    WHEN d.amount < 0 AND n.present
      AND m.member_id IS DISTINCT FROM CASE WHEN u.rule LIKE '%.referee' THEN n.subject ELSE n.holder END
      -- a multiplier of both sides of a referral pays both
      AND NOT (m.member_id IS NOT DISTINCT FROM n.subject
        AND EXISTS (SELECT 1 FROM difference_rules r WHERE r.rule LIKE '%.referee'))
      THEN 'member_changed'
    WHEN NOT d.was_known AND (n.arrived OR d.earned_on > q.known_until) THEN 'late'
    WHEN n.returned THEN 'returned'
    WHEN n.corrected OR n.arrived OR d.was_known AND d.amount > 0 AND d.earned_on > q.known_until THEN 'corrected'
    WHEN n.added THEN 'late'
    WHEN r.member_no IS NOT NULL THEN 'tier_changed'
    WHEN y.rule_no IS NOT NULL AND s.member_no IS NOT NULL THEN 'tier_changed'
    ELSE 'limit_shifted'
  END AS reason
FROM difference_numbered d
CROSS JOIN difference_request q
JOIN difference_members m ON m.member_no = d.member_no
JOIN difference_rules u ON u.rule_no = d.rule_no
LEFT JOIN difference_news n ON n.source_type = d.source_type AND n.source_id = d.source_id
LEFT JOIN difference_moved v
  ON v.rule_no = d.rule_no AND v.source_type = d.source_type AND v.source_id = d.source_id
LEFT JOIN difference_retiered r ON r.member_no = d.member_no
LEFT JOIN difference_tiered y ON y.rule_no = d.rule_no
LEFT JOIN difference_respent s ON s.member_no = d.member_no AND s.since_us < d.earned_us;
