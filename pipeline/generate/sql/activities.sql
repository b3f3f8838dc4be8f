WITH drawn AS (
    SELECT k, draw(8, getvariable('day_first') + k) AS who, draw(9, getvariable('day_first') + k) AS what,
           draw(10, getvariable('day_first') + k) AS more
    FROM range(getvariable('first'), getvariable('last')) AS r(k)
), typed AS (
    SELECT *, (['store_visit', 'feedback', 'review', 'social_like', 'social_follow', 'social_share', 'push_opt_in',
                'customer_tag', 'signup', 'bonus', 'affiliate_join', 'vip_join'])
               [1 + popular(bits(what, 0, 16), 12::UBIGINT)::BIGINT] AS type
    FROM drawn
)
SELECT 'A' || getvariable('stamp') || '-' || digits(t.k + 1) AS activity_id,
       member_id(member_number(member_rank(bits(t.who, 0, 30)))) AS member_id, t.type,
       make_timestamp((getvariable('day') * 86400 + s.first_second
           + (bits(t.more, 0, 16)::BIGINT * s.seconds) // 65536) * 1000000) AS occurred_at,
       CASE WHEN t.type LIKE 'social%'
                THEN (['instagram', 'facebook', 'youtube', 'x'])[1 + popular(bits(t.more, 16, 16), 4::UBIGINT)::BIGINT]
            WHEN t.type = 'customer_tag' THEN (['vip', 'gold_member', 'bride'])[1 + (bits(t.more, 16, 16) % 3)::BIGINT]
            WHEN t.type IN ('review', 'feedback') THEN c.item_id END AS subject,
       CASE WHEN t.type = 'bonus' THEN CAST(25 * (1 + bits(t.what, 26, 3)) AS VARCHAR) END AS value,
       CASE WHEN t.type = 'store_visit' THEN p.store_id END AS store_id,
       CASE WHEN bits(t.what, 29, 3) = 0 AND bits(t.who, 30, 2) = 0 THEN 'pending' ELSE 'completed' END AS status
FROM typed t
JOIN slots s ON s.slot = bits(t.what, 16, 10)::BIGINT
JOIN catalogue c ON c.place = popular(bits(t.more, 16, 16), 48::UBIGINT)
JOIN shops p ON p.place = popular(bits(t.more, 16, 16), getvariable('stores')::UBIGINT)
ORDER BY t.k
