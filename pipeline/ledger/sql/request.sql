-- What is asked for, as one row.
CREATE OR REPLACE TEMP TABLE difference_request (
  program VARCHAR NOT NULL,
  first_post DATE NOT NULL,     -- nothing is posted to a date before
  last_post DATE NOT NULL,      -- nor after
  restated BOOLEAN NOT NULL,
  known_until DATE NOT NULL,    -- the last date that it knew sources of
  steady BOOLEAN NOT NULL       -- all grants so far were earned by the same clock
);

-- When grants of a version, a reward and a date become available and expire.
CREATE OR REPLACE TEMP TABLE difference_terms (
  ver INTEGER, reward_no INTEGER, earned_on DATE, available_on DATE NOT NULL, expires_on DATE
);
