-- The first grants of a program: all that it owes, and nothing to compare it with.
CREATE OR REPLACE TEMP VIEW difference_members AS SELECT member_no, member_id, member_no AS place FROM eval_members;

CREATE OR REPLACE TEMP VIEW difference_rules AS SELECT rule_no, rule FROM eval_rules;

CREATE OR REPLACE TEMP VIEW difference_rewards AS SELECT reward_no, reward FROM eval_rewards;

CREATE OR REPLACE TEMP VIEW difference_rows AS
SELECT rule_no, member_no, member_no AS place, source_type, source_id, reward_no, amount, kind, n, earned_us, earned_on, posted_on,
  program_version, available_on, expires_on,
  CASE WHEN posted_on = earned_on THEN '' WHEN restated THEN 'restated' ELSE 'late' END AS reason
FROM (
  SELECT e.*, 'accrual' AS kind, v.program_version, t.available_on, t.expires_on, q.restated,
    least(greatest(e.earned_on, q.first_post), q.last_post) AS posted_on
  FROM difference_earned e
  LEFT JOIN eval_versions v ON v.ver = e.ver
  LEFT JOIN difference_terms t ON t.ver = e.ver AND t.reward_no = e.reward_no AND t.earned_on = e.earned_on
  CROSS JOIN difference_request q
);
