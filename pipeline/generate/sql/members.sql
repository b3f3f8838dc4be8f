-- The first delivery names nearly all members; each later one about a thousandth, raised by a tier.
WITH numbered AS (
    SELECT number::UBIGINT AS number, (number::UBIGINT * getvariable('unspread')) % getvariable('members')::UBIGINT AS rank,
           draw(11, number) AS d, draw(12, number) AS e,
           draw(13, xor(number::UBIGINT, (getvariable('delivery') * 16777259)::UBIGINT & 4294967295::UBIGINT)) AS today
    FROM range(getvariable('first'), getvariable('last')) AS r(number)
), tiered AS (
    SELECT *, CASE WHEN rank * 100 < getvariable('members') * (1 + bits(d, 0, 3)) THEN 2
                   WHEN rank * 100 < getvariable('members') * (8 + 3 * bits(d, 3, 3)) THEN 1 ELSE 0 END AS tier
    FROM numbered
    -- One in 256 is known to the tills and not to the members' list.
    WHERE bits(d, 6, 8) <> 0 AND (NOT getvariable('changed_only') OR bits(today, 0, 10) = 0)
)
SELECT member_id(number) AS member_id,
       (['silver', 'gold', 'diamond'])[1 + least(2, tier + CASE WHEN getvariable('changed_only') THEN 1 ELSE 0 END)] AS tier,
       CASE WHEN bits(d, 14, 5) > 0 THEN DATE '1952-01-01' + (bits(e, 0, 32) % 20820)::INTEGER END AS birth_date,
       CAST(make_timestamp((getvariable('start') - 1 - (bits(d, 19, 13)::BIGINT * 2500) // 8192) * 86400000000) AS DATE)
           AS joined_at,
       CASE WHEN bits(e, 20, 7) = 0 AND tier = 0 THEN 'closed' ELSE 'active' END AS status,
       CASE WHEN bits(e, 12, 3) = 0 THEN 'vip;newsletter' WHEN bits(e, 12, 3) < 4 THEN 'newsletter'
            WHEN bits(e, 12, 5) = 5 THEN 'bride' END AS tags
FROM tiered
ORDER BY number
