-- What vendors say about their own book, from their phones. Nothing here moves the journal, and
-- nothing is deleted: a dispute is answered, a line of cash is withdrawn.
CREATE TABLE disputes (
  market_id     INTEGER NOT NULL,
  seq           INTEGER NOT NULL,
  stall_number  INTEGER NOT NULL,
  reason        TEXT   NOT NULL CHECK (reason IN ('not_mine', 'not_sales', 'cash_change', 'amount', 'other')),
  note          TEXT   NOT NULL,
  raised_at     INTEGER NOT NULL,
  raised_by     TEXT   NOT NULL,
  answer        TEXT,
  answered_at   INTEGER,
  answered_by   TEXT,
  PRIMARY KEY (market_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_open ON disputes (market_id, seq) WHERE answered_at IS NULL;

-- Cash that a vendor wrote down for her own revenue book; it is never part of the market's figures.
CREATE TABLE cash_lines (
  market_id      INTEGER NOT NULL,
  stall_number   INTEGER NOT NULL,
  line_id        BLOB  NOT NULL,
  business_date  TEXT   NOT NULL,
  amount         INTEGER NOT NULL CHECK (amount > 0),
  note           TEXT   NOT NULL,
  recorded_at    INTEGER NOT NULL,
  recorded_by    TEXT   NOT NULL,
  withdrawn_at   INTEGER,
  withdrawn_by   TEXT,
  PRIMARY KEY (market_id, stall_number, line_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cash_lines_by_date ON cash_lines (market_id, stall_number, business_date, line_id);
