-- Two in five give everything back, a third one line, the others part of the money.
WITH kinds AS (
    SELECT p.*, l.paise, l.quantity, draw(7, p.g) AS d,
           CASE WHEN bits(draw(7, p.g), 16, 8) < 102 THEN 'all' WHEN bits(draw(7, p.g), 16, 8) < 188 THEN 'line'
                ELSE 'part' END AS kind
    FROM purchases p JOIN lines l ON l.g = p.g AND l.line_no = 1
    WHERE p.status = 'completed'
)
SELECT 'R' || substr(transaction_id, 2) AS return_id, transaction_id,
       CASE WHEN kind = 'line' THEN '1' END AS line_no,
       money(CASE kind WHEN 'all' THEN total WHEN 'line' THEN least(paise, total)
             ELSE greatest(1, total // (2 + bits(d, 0, 2)::BIGINT)) END) AS amount,
       CASE WHEN kind = 'line' AND paise <= total THEN quantity END::DECIMAL(9, 0) AS quantity,
       money(CASE WHEN kind = 'all' THEN tax ELSE 0 END) AS tax,
       money(CASE WHEN kind = 'all' THEN shipping ELSE 0 END) AS shipping,
       money(CASE WHEN kind = 'all' THEN tip ELSE 0 END) AS tip,
       money(CASE WHEN kind = 'all' THEN card ELSE 0 END) AS gift_card,
       money(CASE WHEN kind = 'all' THEN credit ELSE 0 END) AS store_credit,
       -- Between the purchase and midnight, of whichever day it comes back on.
       make_timestamp((getvariable('delivery') * 86400 + second
           + ((86400 - second) * bits(d, 2, 14)::BIGINT) // 16384) * 1000000) AS occurred_at
FROM kinds
ORDER BY g
