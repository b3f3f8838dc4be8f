SELECT p.transaction_id, p.member_id, p.occurred_at, money(p.total) AS amount, 'INR' AS currency, s.store_id,
       p.channel, p.status, money(p.tax) AS tax, money(p.shipping) AS shipping, money(p.tip) AS tip,
       money(p.card) AS gift_card, money(p.credit) AS store_credit
FROM purchases p LEFT JOIN shops s ON s.place = p.shop
ORDER BY p.g
