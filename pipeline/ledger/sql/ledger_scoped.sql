-- What the program has granted for the sources that were evaluated, to whomever: all other grants stand. Dates do not
-- tell: a source whose date was corrected has grants of both.
CREATE OR REPLACE TEMP TABLE difference_ledger AS
SELECT l.* FROM ledger l
SEMI JOIN eval_sources s ON s.source_id = l.source_id AND s.source_type = CAST(l.source_type AS VARCHAR)
WHERE l.program = (SELECT program FROM difference_request);
