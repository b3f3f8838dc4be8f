-- The purchases in picked, in paise, with the amount that their lines and the parts add up to.
CREATE TEMP TABLE purchases AS
WITH drawn AS (
    SELECT *, draw(2, g) AS who, draw(3, g) AS what, draw(4, g) AS paid FROM picked
), -- One purchase in 64 has a discount of a tenth as its last line, if it has others.
sums AS (
    SELECT g, sum(CASE WHEN line_no < getvariable('lines') OR NOT discounted THEN paise ELSE 0 END)::BIGINT AS gross,
           any_value(discounted) AS discounted
    FROM (SELECT l.g, l.line_no, l.paise, getvariable('lines') > 1 AND bits(draw(4, l.g), 26, 6) = 0 AS discounted
          FROM lines l) l
    GROUP BY g
), placed AS (
    SELECT d.*, s.gross, s.discounted, s.gross - CASE WHEN s.discounted THEN s.gross // 10 ELSE 0 END AS net,
           status_of(d.what) AS status,
           popular(bits(d.what, 16, 16), getvariable('stores')::UBIGINT) AS shop,
           -- Sales come in the order of the day, a slot of the day after the other, give or take two minutes.
           greatest(0, least(86399, t.first_second + (d.k * 1024 % d.day_rows * t.seconds) // d.day_rows
               + bits(d.paid, 0, 8)::BIGINT - 128)) AS second,
           CASE WHEN bits(draw(5, d.g), 0, 16) < getvariable('late_of_65536')
                THEN 1 + bits(draw(5, d.g), 16, 8)::BIGINT % 3 ELSE 0 END AS days_late
    FROM drawn d JOIN sums s ON s.g = d.g JOIN slots t ON t.slot = d.k * 1024 // d.day_rows
), channelled AS (
    SELECT *, -- Salons are open from 8 to 23.
           CASE WHEN bits(what, 0, 7) < 100 AND second BETWEEN 28800 AND 82800 THEN 'salon'
                WHEN bits(what, 0, 7) % 3 < 2 THEN 'online' ELSE 'app' END AS channel
    FROM placed
), taxed AS (
    SELECT *, (net * 18 + 50) // 100 AS tax,
           CASE WHEN channel <> 'salon' AND net < 150000 THEN 9900 ELSE 0 END AS shipping,
           CASE WHEN channel = 'salon' AND bits(paid, 8, 4) = 0 THEN 5000 * (1 + bits(paid, 12, 2)::BIGINT) ELSE 0 END
               AS tip
    FROM channelled
), summed AS (
    SELECT *, net + tax + shipping + tip AS total,
           -- One in 32 is paid with a gift card of 500 to 2000 rupees, as far as it goes.
           CASE WHEN bits(paid, 14, 5) = 0
                THEN least(net + tax + shipping + tip, 50000 * (1 + bits(paid, 19, 2)::BIGINT)) ELSE 0 END AS card
    FROM taxed
)
SELECT g, k, day, 'T' || stamp || '-' || digits(k + 1) AS transaction_id,
       -- One purchase in thirteen is nobody's that is known.
       CASE WHEN who >> 30 = 3 AND bits(who, 0, 8) < 79 THEN NULL
            ELSE member_id(member_number(member_rank(bits(who, 0, 30)))) END AS member_id,
       make_timestamp(((day - days_late) * 86400 + second) * 1000000) AS occurred_at, second, total,
       CASE WHEN channel = 'salon' THEN shop END AS shop, channel, status, net, discounted, gross, tax, shipping, tip,
       card,
       -- And one in 64 with up to 300 rupees of store credit.
       CASE WHEN bits(paid, 20, 6) = 1 THEN least(total - card, 30000) ELSE 0 END AS credit
FROM summed
