-- Who did, saw or took away what, when and why: append-only, and a chain of its own in each market.
-- What concerns no market stands in the reserved market 0.
CREATE TABLE audit_log (
  market_id     INTEGER NOT NULL,
  seq           INTEGER NOT NULL,
  recorded_at   INTEGER NOT NULL,
  actor_kind    TEXT   NOT NULL,
  actor         TEXT   NOT NULL,
  role          TEXT   NOT NULL,
  action        TEXT   NOT NULL,
  object_kind   TEXT   NOT NULL,
  object        TEXT   NOT NULL,
  stall_number  INTEGER,
  value_before  TEXT,
  value_after   TEXT,
  reason        TEXT,
  request_id    TEXT,
  hash          BLOB   NOT NULL,
  PRIMARY KEY (market_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_by_time ON audit_log (market_id, recorded_at, seq);
CREATE INDEX audit_log_by_stall ON audit_log (market_id, stall_number, seq) WHERE stall_number IS NOT NULL;

-- Where each market's chain ends. Whoever appends moves this row first, so that two processes cannot
-- write two rows behind one.
CREATE TABLE audit_head (
  market_id  INTEGER NOT NULL PRIMARY KEY,
  last_seq   INTEGER NOT NULL,
  last_hash  BLOB   NOT NULL
) STRICT;

CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'append-only: audit_log'); END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'append-only: audit_log'); END;
