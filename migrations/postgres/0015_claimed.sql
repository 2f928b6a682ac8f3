-- What a sender told that was not believed, by when: comparing a date with the bank's lines finds money that
-- a clock set back booked on another one. Nearly no item has such a time.
CREATE INDEX inbox_claimed ON inbox (market_id, claimed_at, item) WHERE claimed_at IS NOT NULL;
