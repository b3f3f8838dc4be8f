-- Rows of the history whose holder changed (load_touched) are told anew: a duplicate says what the holder says.

-- name: stale
CREATE OR REPLACE TEMP TABLE load_stale AS
SELECT x.file_id, x.row_no, CASE WHEN {same x o} THEN 'duplicate' ELSE 'superseded' END AS told, x.state
FROM {h} x JOIN load_touched k ON {on x k} JOIN {t} o ON {on x o};

-- name: tell
UPDATE {h} SET state = z.told FROM load_stale z
WHERE z.told <> z.state AND {h}.file_id = z.file_id AND {h}.row_no = z.row_no;

-- name: moves
INSERT INTO load_moves
SELECT file_id, 0, CASE WHEN told = 'duplicate' THEN 1 ELSE -1 END, CASE WHEN told = 'duplicate' THEN -1 ELSE 1 END
FROM load_stale WHERE told <> state;
