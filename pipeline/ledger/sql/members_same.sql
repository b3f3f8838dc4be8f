-- place is the place of member_id in byte order.
CREATE OR REPLACE TEMP VIEW difference_members AS
SELECT member_no, member_id, member_no AS place FROM eval_members;
