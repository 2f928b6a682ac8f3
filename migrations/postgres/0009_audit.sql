-- Who did, saw or took away what, when and why: append-only, and a chain of its own in each market.
-- What concerns no market stands in the reserved market 0.
CREATE TABLE audit_log (
  market_id     BIGINT NOT NULL,
  seq           BIGINT NOT NULL,
  recorded_at   BIGINT NOT NULL,
  actor_kind    TEXT COLLATE "C" NOT NULL,
  actor         TEXT COLLATE "C" NOT NULL,
  role          TEXT COLLATE "C" NOT NULL,
  action        TEXT COLLATE "C" NOT NULL,
  object_kind   TEXT COLLATE "C" NOT NULL,
  object        TEXT COLLATE "C" NOT NULL,
  stall_number  BIGINT,
  value_before  TEXT COLLATE "C",
  value_after   TEXT COLLATE "C",
  reason        TEXT COLLATE "C",
  request_id    TEXT COLLATE "C",
  hash          BYTEA NOT NULL,
  PRIMARY KEY (market_id, seq)
);
CREATE INDEX audit_log_by_time ON audit_log (market_id, recorded_at, seq);
CREATE INDEX audit_log_by_stall ON audit_log (market_id, stall_number, seq) WHERE stall_number IS NOT NULL;

-- Where each market's chain ends. Whoever appends moves this row first, so that two processes cannot
-- write two rows behind one.
CREATE TABLE audit_head (
  market_id  BIGINT NOT NULL PRIMARY KEY,
  last_seq   BIGINT NOT NULL,
  last_hash  BYTEA NOT NULL
);

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION append_only();
