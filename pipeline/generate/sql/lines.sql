-- The lines of the purchases in picked (g: number over all days, k: number on its day of day_rows, day: days since
-- 1970, stamp: the day in ids). They come first, because a purchase's amount is what they add up to.
CREATE TEMP TABLE lines AS
WITH numbered AS (
    SELECT p.g, l.line_no, draw(1, p.g * getvariable('lines') + l.line_no - 1) AS d
    FROM picked p, range(1, getvariable('lines') + 1) AS l(line_no)
), valued AS (
    SELECT g, line_no, popular(bits(d, 0, 16), 48::UBIGINT) AS place,
           -- Nine in ten are sold once, and one in eight at 5 to 20 per cent off.
           CASE WHEN bits(d, 16, 6) < 58 THEN 1 ELSE 2 + (bits(d, 16, 6) - 58) // 3 END::BIGINT AS quantity,
           CASE WHEN bits(d, 22, 6) < 56 THEN 0 ELSE 5 * (1 + (bits(d, 22, 6) - 56) // 2) END::BIGINT AS off
    FROM numbered
)
SELECT v.g, v.line_no, c.item_id, c.category, c.brand, v.quantity, c.price * v.quantity * (100 - v.off) AS paise
FROM valued v JOIN catalogue c ON c.place = v.place
