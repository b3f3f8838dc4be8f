-- All that the program has granted.
CREATE OR REPLACE TEMP VIEW difference_ledger AS
SELECT * FROM ledger WHERE program = (SELECT program FROM difference_request);
