-- Which credits another source's report may be (DESIGN §4.12 c). An index over every credit of the
-- inbox answered that, and cost a quarter of what an inbox row costs, although most markets have one
-- source and nothing to pair. Now credits are listed by the dates that somebody asked for: a date is
-- listed when a report of a second source first needs it, and from then on kept up to date. Nothing
-- is moved here: dates are listed from the journal as they are needed.
DROP INDEX inbox_credits;

CREATE TABLE pairing_dates (
  market_id   BIGINT NOT NULL,
  event_date  TEXT COLLATE "C"   NOT NULL,
  PRIMARY KEY (market_id, event_date)
);

-- Every posted credit of a listed date. Derived from the journal.
CREATE TABLE pairing_credits (
  market_id        BIGINT NOT NULL,
  event_date       TEXT COLLATE "C"   NOT NULL,
  settled_account  TEXT COLLATE "C"   NOT NULL,
  amount           BIGINT NOT NULL,
  item             BIGINT NOT NULL,
  PRIMARY KEY (market_id, event_date, settled_account, amount, item)
);
