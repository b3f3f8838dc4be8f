-- Everything random here is an integer function of the seed, a stream and the row's number, in 32-bit steps inside
-- UBIGINT, so that nothing overflows and no version of DuckDB draws differently (its own hash() and random() do).
-- The mixing steps are those of Wellons' lowbias32.
CREATE MACRO mix_a(x) AS (xor(x, x >> 16) * 2146121005::UBIGINT) & 4294967295::UBIGINT;
CREATE MACRO mix_b(x) AS (xor(x, x >> 15) * 2221713035::UBIGINT) & 4294967295::UBIGINT;
CREATE MACRO mix_c(x) AS xor(x, x >> 16);
-- draw: 32 bits of the stream (1, 2, …; the keys come from the seed) for row number n < 2^32.
CREATE MACRO draw(stream, n) AS mix_c(mix_b(mix_a(xor(n::UBIGINT, getvariable('keys')[stream]))));
-- bits: a slice of a draw.
CREATE MACRO bits(x, shift, width) AS (x >> shift) & ((1::UBIGINT << width) - 1);
-- member_rank: 0 buys most. With u uniform over [0, 1) it is members × (u + 31 u³) / 32: the first percent of the
-- members make a sixth of the purchases, and the very first no more than 32 times the average.
CREATE MACRO member_rank(u) AS
    (getvariable('members')::UBIGINT * (u + 31::UBIGINT * ((((u * u) >> 30) * u) >> 30))) >> 35;
-- member_number spreads the ranks over the ids; the factor is prime and larger than any number of members.
CREATE MACRO member_number(rank) AS (rank * 2654435761::UBIGINT) % getvariable('members')::UBIGINT;
-- digits: eight, or as many as there are.
CREATE MACRO digits(number) AS lpad(CAST(number AS VARCHAR), greatest(8, length(CAST(number AS VARCHAR)))::INTEGER, '0');
CREATE MACRO member_id(number) AS 'M' || digits(number + 1);
-- popular: of n things, the first ones more often: n × u² with u of 16 bits.
CREATE MACRO popular(u, n) AS (((u * u) >> 16) * n) >> 16;
CREATE MACRO money(paise) AS CAST(paise AS DECIMAL(16, 0)) * 0.01::DECIMAL(2, 2);
CREATE MACRO status_of(what) AS
    CASE WHEN bits(what, 7, 9) < 6 THEN 'cancelled' WHEN bits(what, 7, 9) < 12 THEN 'pending' ELSE 'completed' END;
