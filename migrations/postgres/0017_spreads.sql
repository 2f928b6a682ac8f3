-- How a closed date's settlements spread: by amount (two digits, downwards) and by the seconds until they
-- were known here (steps, upwards). Counted when the date is closed, so that payments on their way pay
-- nothing for it and the city's middle values never read the journal: `STEP:COUNT` with blanks between, by
-- step, one row a date and measure, for a year of twelve markets is read at once. Dates closed before have
-- no rows.
CREATE TABLE day_spreads (
  market_id      BIGINT NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  measure        TEXT COLLATE "C"   NOT NULL CHECK (measure = 'amount' OR measure = 'delay'),
  counts         TEXT COLLATE "C"   NOT NULL,
  PRIMARY KEY (market_id, business_date, measure)
);
CREATE TRIGGER day_spreads_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON day_spreads FOR EACH STATEMENT EXECUTE FUNCTION append_only();
