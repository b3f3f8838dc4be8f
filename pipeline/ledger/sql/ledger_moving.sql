-- What was granted for the others on earlier dates.
INSERT INTO difference_ledger
SELECT l.program, l.program_version, l.member_id, l.rule, l.reward, l.amount, l.source_type, l.source_id, l.n, l.earned_us,
  l.earned_on, l.available_on, l.expires_on
FROM ledger l
SEMI JOIN difference_moving s ON s.source_id = l.source_id AND s.source_type = CAST(l.source_type AS VARCHAR)
WHERE l.program = {program} AND l.earned_on < {earned since};
