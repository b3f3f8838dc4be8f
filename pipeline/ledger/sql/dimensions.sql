-- The ledger may name rules, rewards and members that the evaluation does not know any more. They get numbers of
-- their own, so that the two can be held together by numbers.
CREATE OR REPLACE TEMP TABLE difference_rules AS
SELECT rule_no, rule FROM eval_rules
UNION ALL
SELECT CAST((SELECT coalesce(max(rule_no), -1) FROM eval_rules) + row_number() OVER (ORDER BY rule) AS INTEGER), rule
FROM (
  SELECT DISTINCT rule FROM difference_ledger WHERE rule NOT IN (SELECT rule FROM eval_rules)
);

CREATE OR REPLACE TEMP TABLE difference_rewards AS
SELECT reward_no, reward FROM eval_rewards
UNION ALL
SELECT CAST((SELECT coalesce(max(reward_no), -1) FROM eval_rewards) + row_number() OVER (ORDER BY reward) AS INTEGER),
  reward
FROM (
  SELECT DISTINCT reward FROM difference_ledger WHERE reward NOT IN (SELECT reward FROM eval_rewards)
);

CREATE OR REPLACE TEMP TABLE difference_lost AS
SELECT DISTINCT member_id FROM difference_ledger l
WHERE NOT EXISTS (SELECT 1 FROM eval_members m WHERE m.member_id = l.member_id);
