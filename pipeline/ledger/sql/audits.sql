-- name: no grant is zero
SELECT rule || ' ' || source_type || ' ' || source_id || ' ' || n AS detail
FROM ledger WHERE program = $1 AND amount = 0;

-- name: kinds fit the signs
SELECT rule || ' ' || source_type || ' ' || source_id || ' ' || n || ': ' || kind || ' of ' || amount
  || ' ten-thousandths' AS detail
FROM ledger WHERE program = $1 AND (amount < 0) <> (kind = 'reversal');

-- name: numbers of a source and rule run from 1 without gaps
SELECT rule || ' ' || source_type || ' ' || source_id || ': ' || count(*) || ' rows, numbered from ' || min(n)
  || ' to ' || max(n) || ', ' || count(DISTINCT n) || ' of them different' AS detail
FROM ledger WHERE program = $1
GROUP BY rule, source_type, source_id
HAVING min(n) <> 1 OR max(n) <> count(*) OR count(DISTINCT n) <> count(*);

-- name: the first row of a source, rule, member and reward is its accrual
SELECT rule || ' ' || source_type || ' ' || source_id || ' ' || member_id || ' ' || reward || ': ' || accruals
  || ' accruals, the first row is number ' || first_row || ', the first accrual number '
  || coalesce(CAST(first_accrual AS VARCHAR), 'none') AS detail
FROM (
  SELECT rule, source_type, source_id, member_id, reward, min(n) AS first_row,
    min(n) FILTER (WHERE kind = 'accrual') AS first_accrual, count(*) FILTER (WHERE kind = 'accrual') AS accruals
  FROM ledger WHERE program = $1 GROUP BY ALL
)
WHERE accruals <> 1 OR first_accrual <> first_row;

-- name: nothing owed is below zero
SELECT rule || ' ' || source_type || ' ' || source_id || ' ' || member_id || ' ' || reward || ': ' || sum(amount)
  || ' ten-thousandths' AS detail
FROM ledger WHERE program = $1
GROUP BY rule, source_type, source_id, member_id, reward
HAVING sum(amount) < 0;

-- name: reasons are given where one is due
SELECT rule || ' ' || source_type || ' ' || source_id || ' ' || n || ': ' || kind || ' earned on ' || earned_on
  || ', posted on ' || posted_on || ', reason "' || reason || '"' AS detail
FROM ledger WHERE program = $1 AND (reason = '') <> (kind = 'accrual' AND posted_on = earned_on);

-- name: every posting is a publication
SELECT 'posted on ' || posted_on || ', seq ' || seq || ': ' || rows_ledger || ' rows in the ledger, '
  || coalesce(CAST(p.rows_count AS VARCHAR), 'no publication') || CASE WHEN p.rows_count IS NULL THEN '' ELSE
  ' in its publication' END AS detail
FROM (SELECT posted_on, seq, count(*) AS rows_ledger FROM ledger WHERE program = $1 GROUP BY ALL)
LEFT JOIN (SELECT posted_on, seq, rows_count FROM publications WHERE program = $1) p USING (posted_on, seq)
WHERE rows_ledger IS DISTINCT FROM p.rows_count;
