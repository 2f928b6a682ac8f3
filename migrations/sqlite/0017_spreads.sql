-- How a closed date's settlements spread: by amount (two digits, downwards) and by the seconds until they
-- were known here (steps, upwards). Counted when the date is closed, so that payments on their way pay
-- nothing for it and the city's middle values never read the journal: `STEP:COUNT` with blanks between, by
-- step, one row a date and measure, for a year of twelve markets is read at once. Dates closed before have
-- no rows.
CREATE TABLE day_spreads (
  market_id      INTEGER NOT NULL,
  business_date  TEXT   NOT NULL,
  measure        TEXT   NOT NULL CHECK (measure = 'amount' OR measure = 'delay'),
  counts         TEXT   NOT NULL,
  PRIMARY KEY (market_id, business_date, measure)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER day_spreads_no_update BEFORE UPDATE ON day_spreads BEGIN SELECT RAISE(ABORT, 'append-only: day_spreads'); END;
CREATE TRIGGER day_spreads_no_delete BEFORE DELETE ON day_spreads BEGIN SELECT RAISE(ABORT, 'append-only: day_spreads'); END;

-- What SQLite should expect; see 0001.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('day_spreads', 'day_spreads', '10000 1000 2 1');
ANALYZE sqlite_schema;
