-- Rows first to last-1 of the day's purchases.
INSERT INTO picked
SELECT (getvariable('day_first') + k)::UBIGINT, k, getvariable('day'), getvariable('day_rows'),
       getvariable('stamp')
FROM range(getvariable('first'), getvariable('last')) AS r(k)
