SELECT transaction_id, CAST(line_no AS VARCHAR) AS line_no,
       CASE WHEN is_discount THEN 'DISCOUNT-10' ELSE item_id END AS item_id,
       CASE WHEN is_discount THEN 'discount' ELSE category END AS category,
       CASE WHEN NOT is_discount THEN brand END AS brand,
       CASE WHEN is_discount THEN 1 ELSE quantity END::DECIMAL(9, 0) AS quantity,
       money(CASE WHEN is_discount THEN -(gross // 10) ELSE paise END) AS amount
FROM (SELECT l.*, p.transaction_id, p.gross, p.discounted AND l.line_no = getvariable('lines') AS is_discount
      FROM lines l JOIN purchases p ON p.g = l.g)

ORDER BY g, line_no
