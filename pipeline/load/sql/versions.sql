-- Rows of keys that other deliveries brought. {t}: table, {h}: its history, {d}: the delivery, {s}: this load,
-- {keys}, {on a b}, {same a b} as in twins.sql, {columns of x}: the dataset's own columns.

-- name: meetings
CREATE OR REPLACE TEMP TABLE load_meetings AS
SELECT n.file_id AS new_file, n.row_no AS new_row, o.file_id AS old_file, o.row_no AS old_row,
	o.delivery AS old_delivery, o.load_seq AS old_load, o.first_seq AS old_first
FROM {t} n JOIN {t} o ON {on n o}
WHERE n.delivery = {d} AND o.delivery <> {d};

-- name: met files
SELECT old_file, min(old_row), max(old_row) FROM load_meetings GROUP BY old_file ORDER BY old_file;

-- name: pairs
-- {met rows}: those among which the old ones are.
CREATE OR REPLACE TEMP TABLE load_pairs AS
SELECT m.*, {same n o} AS same, {keys of n}
FROM load_meetings m
JOIN (SELECT * FROM {t} WHERE delivery = {d}) n ON n.file_id = m.new_file AND n.row_no = m.new_row
JOIN ({met rows}) o ON o.file_id = m.old_file AND o.row_no = m.old_row;

-- name: moved
-- A return that now belongs to another transaction is taken away from the first.
INSERT INTO withdrawn SELECT DISTINCT 'returns', o.transaction_id, {s}
FROM load_pairs p
JOIN {t} n ON n.file_id = p.new_file AND n.row_no = p.new_row
JOIN {t} o ON o.file_id = p.old_file AND o.row_no = p.old_row
WHERE p.old_delivery < {d} AND n.transaction_id <> o.transaction_id;

-- name: keep old
INSERT INTO {h} SELECT o.delivery, o.load_seq, o.first_seq, o.file_id, o.row_no, {columns of o},
	CASE WHEN p.same THEN 'duplicate' ELSE 'superseded' END
FROM load_pairs p JOIN {t} o ON o.file_id = p.old_file AND o.row_no = p.old_row
WHERE p.old_delivery < {d};

-- name: keep new
INSERT INTO {h} SELECT n.delivery, n.load_seq, p.old_first, n.file_id, n.row_no, {columns of n},
	CASE WHEN p.same THEN 'duplicate' ELSE 'superseded' END
FROM load_pairs p JOIN {t} n ON n.file_id = p.new_file AND n.row_no = p.new_row
WHERE p.old_delivery > {d};

-- name: drop old
DELETE FROM {t} USING load_pairs p
WHERE p.old_delivery < {d} AND {t}.file_id = p.old_file AND {t}.row_no = p.old_row;

-- name: drop new
DELETE FROM {t} USING load_pairs p
WHERE p.old_delivery > {d} AND {t}.file_id = p.new_file AND {t}.row_no = p.new_row;

-- name: carry
-- A key keeps the load that first brought it, and a content the load in which it came to hold.
UPDATE {t} SET first_seq = p.old_first, load_seq = CASE WHEN p.same THEN p.old_load ELSE {t}.load_seq END
FROM load_pairs p
WHERE p.old_delivery < {d} AND {t}.file_id = p.new_file AND {t}.row_no = p.new_row;

-- name: moves
-- How the figures of files change by it. Those of the delivery itself are counted at its end.
INSERT INTO load_moves
SELECT old_file, -1, CASE WHEN same THEN 1 ELSE 0 END, CASE WHEN same THEN 0 ELSE 1 END
FROM load_pairs WHERE old_delivery < {d};

-- name: touched
-- Keys whose rows are told by another holder now.
CREATE OR REPLACE TEMP TABLE load_touched AS
SELECT DISTINCT {keys} FROM load_pairs WHERE old_delivery < {d} AND NOT same;
