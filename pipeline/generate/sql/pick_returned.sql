-- The day's purchases that come back `delay` days later.
INSERT INTO picked
SELECT g, k, getvariable('day'), getvariable('day_rows'),
       getvariable('stamp')
FROM (SELECT k, (getvariable('day_first') + k)::UBIGINT AS g
      FROM range(getvariable('first'), getvariable('last')) AS r(k))
WHERE bits(draw(6, g), 0, 16) < getvariable('returned_of_65536')
  AND bits(draw(6, g), 16, 8) % getvariable('delays')::UBIGINT = getvariable('delay')::UBIGINT
