-- What the program has granted for the sources that were evaluated, to whomever: all other grants stand.
--
-- Sources that never said anything else were earned since earned_since, and so say their grants, if the clock has always
-- been the same. Of all others the grants may say any date.
CREATE OR REPLACE TEMP TABLE difference_moving AS
SELECT source_type, source_id FROM eval_sources s
WHERE NOT (SELECT steady FROM difference_request) OR s.source_type = 'birthday'
  OR s.source_type = 'transaction' AND s.source_id IN (
    SELECT transaction_id FROM transactions_history UNION ALL SELECT key FROM withdrawn WHERE dataset = 'transactions')
  OR s.source_type = 'activity' AND s.source_id IN (
    SELECT activity_id FROM activities_history UNION ALL SELECT key FROM withdrawn WHERE dataset = 'activities');

CREATE OR REPLACE TEMP TABLE difference_ledger AS
SELECT l.program, l.program_version, l.member_id, l.rule, l.reward, l.amount, l.source_type, l.source_id, l.n, l.earned_us,
  l.earned_on, l.available_on, l.expires_on
FROM ledger l
SEMI JOIN eval_sources s ON s.source_id = l.source_id AND s.source_type = CAST(l.source_type AS VARCHAR)
WHERE l.program = {program} AND l.earned_on >= {earned since};
