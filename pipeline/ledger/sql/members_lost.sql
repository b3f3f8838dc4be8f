CREATE OR REPLACE TEMP TABLE difference_members AS
SELECT member_no, member_id, CAST(row_number() OVER (ORDER BY member_id) AS INTEGER) AS place
FROM (
  SELECT member_no, member_id FROM eval_members
  UNION ALL
  SELECT CAST((SELECT coalesce(max(member_no), -1) FROM eval_members) + row_number() OVER (ORDER BY member_id)
    AS INTEGER), member_id
  FROM difference_lost
);
