-- Kinds and numbers. Sources that the ledger does not know, of rules with one reward, need no numbering.
CREATE OR REPLACE TEMP TABLE difference_numbered AS
WITH keys AS (
  SELECT k.*, s.last_n, s.last_n IS NULL AND k.rule_no NOT IN (SELECT rule_no FROM difference_several) AS lone
  FROM difference_keys k
  LEFT JOIN difference_sources s
    ON s.rule_no = k.rule_no AND s.source_type = k.source_type AND s.source_id = k.source_id
), numbered AS (
  SELECT * EXCLUDE (lone), 1 AS n FROM keys WHERE lone
  UNION ALL
  SELECT k.* EXCLUDE (lone), CAST(coalesce(last_n, 0) + row_number() OVER (
      PARTITION BY rule_no, source_type, source_id
      ORDER BY amount > 0, m.place, reward_no) AS INTEGER) AS n
  FROM keys k JOIN difference_members m ON m.member_no = k.member_no
  WHERE NOT lone
)
SELECT rule_no, member_no, source_type, source_id, reward_no, amount, kind, n, earned_us, earned_on,
  least(greatest(earned_on, first_post), last_post) AS posted_on, program_version, available_on, expires_on, was_known
FROM (
  SELECT k.rule_no, k.member_no, k.source_type, k.source_id, k.reward_no, k.amount, k.n,
    CASE WHEN k.amount < 0 THEN 'reversal' WHEN l.n IS NULL THEN 'accrual' ELSE 'adjustment' END AS kind,
    coalesce(k.earned_us, l.earned_us) AS earned_us, coalesce(k.earned_on, l.earned_on) AS earned_on,
    coalesce(v.program_version, l.program_version) AS program_version,
    CASE WHEN k.ver IS NULL THEN l.available_on ELSE t.available_on END AS available_on,
    CASE WHEN k.ver IS NULL THEN l.expires_on ELSE t.expires_on END AS expires_on,
    k.last_n IS NOT NULL AS was_known
  FROM numbered k
  LEFT JOIN difference_latest l ON l.rule_no = k.rule_no AND l.source_type = k.source_type
    AND l.source_id = k.source_id AND l.member_no = k.member_no AND l.reward_no = k.reward_no
  LEFT JOIN eval_versions v ON v.ver = k.ver
  LEFT JOIN difference_terms t ON t.ver = k.ver AND t.reward_no = k.reward_no AND t.earned_on = k.earned_on
)
CROSS JOIN difference_request;
