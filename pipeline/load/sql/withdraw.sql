-- A delivery that is loaded anew is taken out first. {lost}: the rows that it held.

-- name: lost
CREATE OR REPLACE TEMP TABLE {lost} AS SELECT * FROM {t} WHERE delivery = {d};

-- name: drop
DELETE FROM {t} WHERE delivery = {d};

-- name: drop history
DELETE FROM {h} WHERE delivery = {d};

-- name: heirs
-- The newest row that is left of each key that lost its holder.
CREATE OR REPLACE TEMP TABLE load_heirs AS
SELECT * FROM (
	SELECT x.*, row_number() OVER (PARTITION BY {keys of x} ORDER BY x.delivery DESC) AS place
	FROM {h} x SEMI JOIN {lost} l ON {on x l}
) WHERE place = 1;

-- name: inherit
INSERT INTO {t} SELECT delivery, {s}, first_seq, file_id, row_no, {columns}{hashes} FROM load_heirs;

-- name: drop heirs
DELETE FROM {h} USING load_heirs x WHERE {h}.file_id = x.file_id AND {h}.row_no = x.row_no;

-- name: moves
INSERT INTO load_moves
SELECT file_id, 1, CASE WHEN state = 'duplicate' THEN -1 ELSE 0 END, CASE WHEN state = 'duplicate' THEN 0 ELSE -1 END
FROM load_heirs;

-- name: touched
CREATE OR REPLACE TEMP TABLE load_touched AS SELECT {keys} FROM load_heirs;

-- name: carry
-- After the delivery was loaded anew: what says the same as before has held since before.
UPDATE {t} SET first_seq = l.first_seq, load_seq = CASE WHEN {same t l} THEN l.load_seq ELSE {s} END
FROM {lost} l WHERE {on t l};

-- name: withdrawn
INSERT INTO withdrawn SELECT DISTINCT {dataset}, {withdrawn key}, {s} FROM {lost} l ANTI JOIN {t} n ON {on n l};

-- name: moved
INSERT INTO withdrawn SELECT DISTINCT 'returns', l.transaction_id, {s}
FROM {lost} l JOIN {t} n ON {on n l} WHERE n.transaction_id <> l.transaction_id;

-- name: count
SELECT count(*) FROM {lost} l ANTI JOIN {t} n ON {on n l};
