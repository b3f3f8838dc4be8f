-- Items and returns whose transaction has not come yet. What is known of the transactions that a delivery names is looked
-- up once, for all that ask: a warehouse of years is long.

-- name: no strays
CREATE OR REPLACE TEMP TABLE load_strays (transaction_id VARCHAR);

-- name: brought
SELECT count(*) FROM transactions WHERE delivery = {d};

-- name: sample
SELECT transaction_id FROM transactions WHERE delivery = {d} AND rowid % {every} = 0 ORDER BY 1;

-- name: strays
-- The transactions that lines and returns of the delivery name and that it does not bring. DuckDB reads what is not committed
-- yet with one thread; two halves are read by two.
INSERT INTO load_strays
SELECT DISTINCT x.transaction_id FROM (
	SELECT transaction_id FROM items WHERE delivery = {d} AND {first items} AND {part}
	UNION ALL SELECT transaction_id FROM items WHERE delivery = {d} AND {second items} AND {part}
	UNION ALL SELECT transaction_id FROM returns WHERE delivery = {d} AND {part}
) x
ANTI JOIN (
	SELECT transaction_id FROM transactions WHERE delivery = {d} AND {first transactions} AND {part}
	UNION ALL SELECT transaction_id FROM transactions WHERE delivery = {d} AND {second transactions} AND {part}
) t ON t.transaction_id = x.transaction_id;

-- name: range of strays
SELECT min(transaction_id), max(transaction_id) FROM load_strays;

-- name: range
SELECT min(a), max(b) FROM (
	SELECT min(transaction_id) AS a, max(transaction_id) AS b FROM transactions WHERE delivery = {d}
	UNION ALL SELECT min(transaction_id), max(transaction_id) FROM load_strays
);

-- name: near
-- Most ids rise with time: then their range lets DuckDB leave out most of the past, and there is none near.
SELECT count(*) > 0 FROM (SELECT 1 FROM transactions WHERE delivery <> {d} AND {range} LIMIT 1);

-- name: seen
-- Of the transactions that the delivery brings, names or was waited for: those that others brought.
CREATE OR REPLACE TEMP TABLE load_seen AS
SELECT transaction_id FROM transactions
WHERE delivery <> {d} AND {range} AND transaction_id IN (
	SELECT transaction_id FROM transactions WHERE delivery = {d} UNION ALL SELECT transaction_id FROM load_strays);

-- name: met
-- The transactions of which rows may have come before: all others are new, and so are their lines.
CREATE OR REPLACE TEMP TABLE load_met AS
SELECT transaction_id FROM load_seen UNION SELECT transaction_id FROM waiting;

-- name: meeting
SELECT count(*) FROM {t} WHERE delivery = {d} AND transaction_id IN (SELECT transaction_id FROM load_met);

-- name: waited
-- Their rows are older than they are, which is to be known for good.
INSERT INTO waited SELECT DISTINCT transaction_id FROM waiting
WHERE transaction_id IN (SELECT transaction_id FROM transactions WHERE delivery = {d});

-- name: arrived
DELETE FROM waiting WHERE transaction_id IN (SELECT transaction_id FROM transactions WHERE delivery = {d});

-- name: open
CREATE OR REPLACE TEMP TABLE load_open AS
SELECT dataset, transaction_id, count(*) AS rows_count FROM (
	SELECT 'items' AS dataset, transaction_id FROM items WHERE delivery = {d}
	UNION ALL SELECT 'returns', transaction_id FROM returns WHERE delivery = {d}
) x
SEMI JOIN (SELECT s.transaction_id FROM load_strays s ANTI JOIN load_seen t ON t.transaction_id = s.transaction_id) o
	ON o.transaction_id = x.transaction_id
GROUP BY ALL;

-- name: again
-- What waited before and is to be counted anew: more has come for it, or a return was moved away.
CREATE OR REPLACE TEMP TABLE load_recount AS
SELECT dataset, transaction_id FROM waiting w
WHERE EXISTS (SELECT 1 FROM load_open o WHERE o.dataset = w.dataset AND o.transaction_id = w.transaction_id)
	OR w.dataset = 'returns' AND w.transaction_id IN (SELECT key FROM withdrawn WHERE load_seq = {s} AND dataset = 'returns');

-- name: forget
DELETE FROM waiting USING load_recount r WHERE r.dataset = waiting.dataset AND r.transaction_id = waiting.transaction_id;

-- name: recount
INSERT INTO waiting SELECT {dataset}, transaction_id, count(*) FROM {t}
WHERE transaction_id IN (SELECT transaction_id FROM load_recount WHERE dataset = {dataset}) GROUP BY transaction_id;

-- name: note
INSERT INTO waiting SELECT o.* FROM load_open o ANTI JOIN load_recount r ON r.dataset = o.dataset AND r.transaction_id = o.transaction_id;

-- name: whole
-- After a delivery was loaded anew anything may wait.
INSERT INTO waiting SELECT {dataset}, x.transaction_id, count(*)
FROM {t} x ANTI JOIN transactions t ON t.transaction_id = x.transaction_id GROUP BY x.transaction_id;
