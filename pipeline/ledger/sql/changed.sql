-- The ledger in the evaluation's numbers.
CREATE OR REPLACE TEMP VIEW difference_posted AS
SELECT u.rule_no, CAST(l.source_type AS VARCHAR) AS source_type, l.source_id, m.member_no, w.reward_no, l.amount, l.n,
  l.program_version, l.earned_us, l.earned_on, l.available_on, l.expires_on
FROM difference_ledger l
JOIN difference_rules u ON u.rule = l.rule
JOIN difference_rewards w ON w.reward = l.reward
JOIN difference_members m ON m.member_id = l.member_id;

-- Sources and rules with more than one row: only their amounts need adding up.
CREATE OR REPLACE TEMP TABLE difference_repeated AS
SELECT DISTINCT rule_no, source_type, source_id FROM difference_posted WHERE n > 1;

CREATE OR REPLACE TEMP VIEW difference_before AS
SELECT rule_no, source_type, source_id, member_no, reward_no, amount FROM difference_posted p
WHERE NOT EXISTS (SELECT 1 FROM difference_repeated r
  WHERE r.rule_no = p.rule_no AND r.source_type = p.source_type AND r.source_id = p.source_id)
UNION ALL
SELECT rule_no, source_type, source_id, member_no, reward_no, CAST(sum(amount) AS BIGINT) FROM difference_posted p
WHERE EXISTS (SELECT 1 FROM difference_repeated r
  WHERE r.rule_no = p.rule_no AND r.source_type = p.source_type AND r.source_id = p.source_id)
GROUP BY ALL HAVING sum(amount) <> 0;

-- What differs. Without an entitlement, ver and the earned columns are NULL.
CREATE OR REPLACE TEMP TABLE difference_keys AS
SELECT coalesce(e.rule_no, b.rule_no) AS rule_no, coalesce(e.source_type, b.source_type) AS source_type,
  coalesce(e.source_id, b.source_id) AS source_id, coalesce(e.member_no, b.member_no) AS member_no,
  coalesce(e.reward_no, b.reward_no) AS reward_no, e.ver, e.earned_us, e.earned_on,
  coalesce(e.amount, 0) - coalesce(b.amount, 0) AS amount
FROM entitlements e
FULL JOIN difference_before b ON b.source_id = e.source_id AND b.member_no = e.member_no AND b.rule_no = e.rule_no
  AND b.source_type = e.source_type AND b.reward_no = e.reward_no
WHERE coalesce(e.amount, 0) <> coalesce(b.amount, 0);

-- The ledger rows of the sources and rules that differ: small on an ordinary night.
CREATE OR REPLACE TEMP TABLE difference_prior AS
SELECT * FROM difference_posted p
WHERE EXISTS (SELECT 1 FROM difference_keys k
  WHERE k.source_id = p.source_id AND k.rule_no = p.rule_no AND k.source_type = p.source_type);

-- The latest row of each key: a source that earns nothing any more is reversed with its dates.
CREATE OR REPLACE TEMP TABLE difference_latest AS
SELECT * EXCLUDE (place) FROM (
  SELECT *, row_number() OVER (PARTITION BY rule_no, source_type, source_id, member_no, reward_no ORDER BY n DESC)
    AS place
  FROM difference_prior
) WHERE place = 1;

CREATE OR REPLACE TEMP TABLE difference_sources AS
SELECT rule_no, source_type, source_id, max(n) AS last_n FROM difference_prior GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE difference_several AS
SELECT rule_no FROM difference_keys GROUP BY rule_no HAVING min(reward_no) <> max(reward_no);
