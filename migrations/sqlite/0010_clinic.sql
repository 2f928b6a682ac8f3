-- Requests that a program may send again (Idempotency-Key): who claimed which key for what, and what
-- was answered. A row without a status is still being carried out, until its lease ends. Nothing of
-- the book rests on these rows; they go a day after they were made.
CREATE TABLE idempotency_keys (
  market_id        INTEGER NOT NULL,
  actor            TEXT    NOT NULL,
  route            TEXT    NOT NULL,
  idempotency_key  TEXT    NOT NULL,
  fingerprint      BLOB    NOT NULL,
  claim            BLOB    NOT NULL,
  lease_until      INTEGER NOT NULL,
  keep_until       INTEGER NOT NULL,
  status           INTEGER,
  content_type     TEXT,
  answer           BLOB,
  PRIMARY KEY (market_id, actor, route, idempotency_key)
) STRICT;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (market_id, keep_until);

-- From where a source may send: networks with commas between them, from anywhere when empty.
ALTER TABLE sources ADD COLUMN addresses TEXT NOT NULL DEFAULT '';
-- When each of the two live secrets signed last, to the minute.
ALTER TABLE sources ADD COLUMN secret_used_at INTEGER;
ALTER TABLE sources ADD COLUMN previous_used_at INTEGER;
