-- Rows of one key inside one delivery, as its files bring them: a row that does not hold never comes into the table, as what
-- is deleted before a commit has DuckDB store the whole delivery a second time. {t}: table, {keys}: key columns, {on n o}: equal
-- keys, {same n o}: all known columns but updated_at are equal, {updated}: updated_at as an instant. {first half}, {second half},
-- {rest} and {keys of rows} are numbers and keys of rows, rejected ones among them; {rows} are accepted rows, and whole.

-- name: runs
-- Where a key is not greater than the one of the row before, or another file begins, a run of rising keys ends and another
-- begins; now and then also without a cause, so that none is long. Most exports are in order, and this costs next to nothing;
-- of those in no order it is soon clear. Rows in their order are read by one thread; two halves are read by two, as long as
-- nobody asks for an order.
SELECT * FROM (
	(SELECT file_id, row_no, end_file, end_row, {keys}, {ends} FROM (
		SELECT file_id, row_no, lag(file_id) OVER () AS end_file, lag(row_no) OVER () AS end_row, {keys}, {befores},
			{falls} OR file_id <> lag(file_id) OVER () OR row_no < lag(row_no) OVER () OR row_no & {length} = 0 AS begins
		FROM ({first half})
	) WHERE begins OR end_row IS NULL LIMIT {most})
	UNION ALL
	(SELECT file_id, row_no, end_file, end_row, {keys}, {ends} FROM (
		SELECT file_id, row_no, lag(file_id) OVER () AS end_file, lag(row_no) OVER () AS end_row, {keys}, {befores},
			{falls} OR file_id <> lag(file_id) OVER () OR row_no < lag(row_no) OVER () OR row_no & {length} = 0 AS begins
		FROM ({second half})
	) WHERE begins OR end_row IS NULL LIMIT {most})
) GROUP BY ALL;

-- name: last
SELECT row_no, {keys} FROM ({rest}) ORDER BY row_no DESC LIMIT 1;

-- name: suspects
-- Hashes that come more than once. Only a hash that differs proves anything: real keys decide below.
CREATE OR REPLACE TEMP TABLE load_suspects AS
SELECT h FROM (SELECT hash({keys}) AS h FROM ({keys of rows})) GROUP BY h HAVING count(*) > 1;

-- name: twins
CREATE OR REPLACE TEMP TABLE load_twins AS
SELECT * FROM (
	SELECT *, count(*) OVER (PARTITION BY {keys}) AS twins, {updated} AS updated_us,
		row_number() OVER (PARTITION BY {keys} ORDER BY {updated} DESC NULLS LAST, file_id, row_no) AS place
	FROM (SELECT * FROM {t} WHERE false UNION ALL {rows})
) WHERE twins > 1;

-- name: verdicts
-- The first row in place would hold. Where another one is as new and says something else, no row of the key does.
CREATE OR REPLACE TEMP TABLE load_verdicts AS
SELECT file_id, row_no,
	CASE WHEN bool_or(verdict = 'conflict') OVER (PARTITION BY {keys}) THEN 'conflict' ELSE verdict END AS verdict
FROM (
	SELECT {keys of n}, n.file_id, n.row_no,
		CASE WHEN n.place = 1 THEN 'accepted'
			WHEN {same n o} THEN 'duplicate'
			WHEN n.updated_us IS NOT DISTINCT FROM o.updated_us THEN 'conflict'
			ELSE 'superseded' END AS verdict
	FROM load_twins n JOIN load_twins o ON {on n o} AND o.place = 1
);

-- name: count
SELECT file_id, verdict, count(*) FROM load_verdicts WHERE verdict <> 'accepted' GROUP BY ALL;
