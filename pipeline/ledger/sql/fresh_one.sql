-- No rule grants several rewards: every entitlement is the only one of its source and rule.
CREATE OR REPLACE TEMP VIEW difference_earned AS
SELECT *, 1 AS n FROM entitlements;
