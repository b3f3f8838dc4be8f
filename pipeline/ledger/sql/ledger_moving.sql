-- What was granted for the others on earlier dates.
INSERT INTO difference_ledger
SELECT l.* FROM ledger l
SEMI JOIN difference_moving s ON s.source_id = l.source_id AND s.source_type = CAST(l.source_type AS VARCHAR)
WHERE l.program = {program} AND l.earned_on < {earned since};
