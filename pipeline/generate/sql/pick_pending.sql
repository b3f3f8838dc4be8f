-- The day's purchases that were not paid yet.
INSERT INTO picked
SELECT g, k, getvariable('day'), getvariable('day_rows'),
       getvariable('stamp')
FROM (SELECT k, (getvariable('day_first') + k)::UBIGINT AS g
      FROM range(getvariable('first'), getvariable('last')) AS r(k))
WHERE status_of(draw(3, g)) = 'pending'
