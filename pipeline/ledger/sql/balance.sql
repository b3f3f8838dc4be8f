SELECT coalesce(e.rule, l.rule) || ' ' || coalesce(e.reward, l.reward) || ': ' || coalesce(e.amount, 0)
  || ' ten-thousandths owed, ' || coalesce(l.amount, 0) || ' in the ledger, difference '
  || (coalesce(l.amount, 0) - coalesce(e.amount, 0)) AS detail
FROM (
  SELECT rule, reward, amount
  FROM (SELECT rule_no, reward_no, sum(amount) AS amount FROM entitlements GROUP BY ALL)
  JOIN eval_rules USING (rule_no) JOIN eval_rewards USING (reward_no)
) e
FULL JOIN (
  SELECT rule, reward, sum(amount) AS amount FROM {held} WHERE program = $1 GROUP BY ALL
) l ON l.rule = e.rule AND l.reward = e.reward
WHERE coalesce(e.amount, 0) <> coalesce(l.amount, 0)
ORDER BY 1
