-- What vendors say about their own book, from their phones. Nothing here moves the journal, and
-- nothing is deleted: a dispute is answered, a line of cash is withdrawn.
CREATE TABLE disputes (
  market_id     BIGINT NOT NULL,
  seq           BIGINT NOT NULL,
  stall_number  BIGINT NOT NULL,
  reason        TEXT COLLATE "C" NOT NULL CHECK (reason IN ('not_mine', 'not_sales', 'cash_change', 'amount', 'other')),
  note          TEXT COLLATE "C" NOT NULL,
  raised_at     BIGINT NOT NULL,
  raised_by     TEXT COLLATE "C" NOT NULL,
  answer        TEXT COLLATE "C",
  answered_at   BIGINT,
  answered_by   TEXT COLLATE "C",
  PRIMARY KEY (market_id, seq)
);
CREATE INDEX disputes_open ON disputes (market_id, seq) WHERE answered_at IS NULL;

-- Cash that a vendor wrote down for her own revenue book; it is never part of the market's figures.
CREATE TABLE cash_lines (
  market_id      BIGINT NOT NULL,
  stall_number   BIGINT NOT NULL,
  line_id        BYTEA NOT NULL,
  business_date  TEXT COLLATE "C" NOT NULL,
  amount         BIGINT NOT NULL CHECK (amount > 0),
  note           TEXT COLLATE "C" NOT NULL,
  recorded_at    BIGINT NOT NULL,
  recorded_by    TEXT COLLATE "C" NOT NULL,
  withdrawn_at   BIGINT,
  withdrawn_by   TEXT COLLATE "C",
  PRIMARY KEY (market_id, stall_number, line_id)
);
CREATE INDEX cash_lines_by_date ON cash_lines (market_id, stall_number, business_date, line_id);
