-- What the salons sell, the most popular first. Prices in whole rupees.
CREATE TEMP TABLE catalogue (place UBIGINT, item_id VARCHAR, category VARCHAR, brand VARCHAR, price BIGINT);
INSERT INTO catalogue VALUES
    (0, 'SRV-HAIRCUT-W', 'haircut', 'JCB', 1200), (1, 'SRV-HAIRCUT-M', 'haircut', 'JCB', 750),
    (2, 'SRV-BLOWDRY', 'styling', 'JCB', 650), (3, 'SRV-MANICURE', 'nails', 'JCB', 500),
    (4, 'SRV-PEDICURE', 'nails', 'JCB', 800), (5, 'SRV-THREADING', 'grooming', 'JCB', 120),
    (6, 'SRV-BEARD', 'grooming', 'JCB', 350), (7, 'SRV-SPA-MO', 'spa', 'Moroccan Oil', 1000),
    (8, 'PRD-MO-SHAMPOO', 'haircare', 'Moroccan Oil', 500), (9, 'SRV-SPA-KER', 'spa', 'Kérastase', 2400),
    (10, 'SRV-ROOT-TOUCH', 'colour', 'L''Oréal Professionnel', 1600),
    (11, 'SRV-COLOUR', 'colour', 'L''Oréal Professionnel', 3200),
    (12, 'PRD-MO-OIL', 'haircare', 'Moroccan Oil', 1850), (13, 'SRV-FACIAL', 'skin', 'Dermalogica', 2200),
    (14, 'SRV-CLEANUP', 'skin', 'Dermalogica', 1100), (15, 'PRD-KER-SHAMPOO', 'haircare', 'Kérastase', 2300),
    (16, 'SRV-WAX-ARMS', 'grooming', 'JCB', 450), (17, 'SRV-WAX-LEGS', 'grooming', 'JCB', 700),
    (18, 'SRV-GEL-NAILS', 'nails', 'OPI', 1400), (19, 'PRD-OPI-LACQUER', 'retail', 'OPI', 650),
    (20, 'SRV-HIGHLIGHTS', 'colour', 'Wella', 4500), (21, 'SRV-BALAYAGE', 'colour', 'Wella', 7800),
    (22, 'SRV-KERATIN', 'treatment', 'Brazilian Blowout', 8500), (23, 'SRV-BOTOX-HAIR', 'treatment', 'JCB', 6200),
    (24, 'PRD-MO-MASK', 'haircare', 'Moroccan Oil', 2100), (25, 'PRD-MO-COND', 'haircare', 'Moroccan Oil', 550),
    (26, 'PRD-KER-MASK', 'haircare', 'Kérastase', 3400), (27, 'PRD-KER-SERUM', 'haircare', 'Kérastase', 3150),
    (28, 'PRD-LOR-SHAMPOO', 'haircare', 'L''Oréal Professionnel', 890),
    (29, 'PRD-LOR-MASK', 'haircare', 'L''Oréal Professionnel', 1050),
    (30, 'SRV-HEAD-MASSAGE', 'spa', 'JCB', 600), (31, 'SRV-BODY-MASSAGE', 'spa', 'JCB', 2800),
    (32, 'SRV-BODY-POLISH', 'spa', 'Dermalogica', 3600), (33, 'SRV-DETAN', 'skin', 'Dermalogica', 900),
    (34, 'PRD-DER-CLEANSER', 'skincare', 'Dermalogica', 3100), (35, 'PRD-DER-SPF', 'skincare', 'Dermalogica', 4200),
    (36, 'SRV-MAKEUP', 'makeup', 'JCB', 3500), (37, 'SRV-MAKEUP-BRIDE', 'makeup', 'JCB', 18000),
    (38, 'SRV-HAIRSTYLE', 'styling', 'JCB', 1800), (39, 'SRV-EXTENSIONS', 'treatment', 'JCB', 25000),
    (40, 'PRD-WELLA-COND', 'haircare', 'Wella', 780), (41, 'PRD-WELLA-SHAMPOO', 'haircare', 'Wella', 750),
    (42, 'PRD-OPI-BASE', 'retail', 'OPI', 720), (43, 'PRD-BRUSH', 'retail', 'JCB', 999),
    (44, 'PRD-COMB', 'retail', 'JCB', 249), (45, 'PRD-DRYER', 'retail', 'Dyson', 34900),
    (46, 'PRD-GIFT-BOX', 'retail', 'JCB', 2999), (47, 'PRD-MO-TRAVEL', 'retail', 'Moroccan Oil', 1299);

-- The day in 1024 slots of equal business: hour h has as many of them as its weight.
CREATE TEMP TABLE slots AS
WITH hours(hour, weight) AS (VALUES
    (0, 3), (1, 2), (2, 1), (3, 1), (4, 1), (5, 2), (6, 4), (7, 10), (8, 20), (9, 40), (10, 72), (11, 90),
    (12, 95), (13, 82), (14, 62), (15, 58), (16, 68), (17, 88), (18, 104), (19, 98), (20, 70), (21, 33), (22, 14),
    (23, 6))
SELECT (row_number() OVER (ORDER BY hour, part) - 1)::BIGINT AS slot,
       hour * 3600 + (part * 3600) // weight AS first_second, 3600 // weight AS seconds
FROM hours, range(weight) AS parts(part);

CREATE TEMP TABLE cities (place UBIGINT, city VARCHAR, code VARCHAR, region VARCHAR);
INSERT INTO cities VALUES
    (0, 'Mumbai', 'BOM', 'west'), (1, 'New Delhi', 'DEL', 'north'), (2, 'Bengaluru', 'BLR', 'south'),
    (3, 'Hyderabad', 'HYD', 'south'), (4, 'Pune', 'PNQ', 'west'), (5, 'Chennai', 'MAA', 'south'),
    (6, 'Kolkata', 'CCU', 'east'), (7, 'Gurugram', 'GGN', 'north'), (8, 'Ahmedabad', 'AMD', 'west'),
    (9, 'Chandigarh', 'IXC', 'north'), (10, 'Kochi', 'COK', 'south'), (11, 'Jaipur', 'JAI', 'north'),
    (12, 'Goa', 'GOI', 'west'), (13, 'Bhubaneswar', 'BBI', 'east');

-- Store 0 is the busiest. Ids are numbered within nothing but the whole chain: BOM-001, DEL-002, …
CREATE TEMP TABLE shops AS
SELECT s.place::UBIGINT AS place, c.code || '-' || lpad(CAST(s.place + 1 AS VARCHAR), 3, '0') AS store_id,
       'Asia/Kolkata' AS time_zone, c.region
FROM range(getvariable('stores')) AS s(place) JOIN cities c ON c.place = s.place % 14
ORDER BY s.place;
