SELECT store_id, time_zone, region FROM shops ORDER BY place
