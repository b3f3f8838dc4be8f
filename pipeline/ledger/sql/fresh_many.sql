-- A rule that grants several rewards may do so for one source, and its rows are numbered through.
CREATE OR REPLACE TEMP TABLE difference_earned AS
SELECT *, 1 AS n FROM entitlements WHERE rule_no NOT IN (SELECT rule_no FROM difference_several)
UNION ALL
SELECT *, CAST(row_number() OVER (
    PARTITION BY rule_no, source_type, source_id ORDER BY member_no, reward_no) AS INTEGER) AS n
FROM entitlements WHERE rule_no IN (SELECT rule_no FROM difference_several);
