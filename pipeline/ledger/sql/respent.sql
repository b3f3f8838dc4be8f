-- Members whose spend changed since the last run, at or before which moment at the earliest: tiers that follow from spend
-- may have changed with it. A wall clock is taken as an instant, which is a few hours off.
CREATE OR REPLACE TEMP TABLE difference_respent AS
SELECT m.member_no, min(f.us) AS since_us
FROM (
  SELECT member_id, occurred_wall - coalesce(occurred_offset, 0) * CAST(1000000 AS BIGINT) AS us
  FROM transactions WHERE load_seq > {known load}
  UNION ALL
  SELECT t.member_id, t.occurred_wall - coalesce(t.occurred_offset, 0) * CAST(1000000 AS BIGINT)
  FROM returns r JOIN transactions t ON t.transaction_id = r.transaction_id
  WHERE r.load_seq > {known load}
) f
JOIN difference_members m ON m.member_id = f.member_id
WHERE m.member_no IN (SELECT member_no FROM difference_numbered WHERE kind <> 'accrual' OR posted_on <> earned_on)
GROUP BY ALL;
