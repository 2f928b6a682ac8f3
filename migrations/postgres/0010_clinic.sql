-- Requests that a program may send again (Idempotency-Key): who claimed which key for what, and what
-- was answered. A row without a status is still being carried out, until its lease ends. Nothing of
-- the book rests on these rows; they go a day after they were made.
CREATE TABLE idempotency_keys (
  market_id        BIGINT NOT NULL,
  actor            TEXT COLLATE "C" NOT NULL,
  route            TEXT COLLATE "C" NOT NULL,
  idempotency_key  TEXT COLLATE "C" NOT NULL,
  fingerprint      BYTEA  NOT NULL,
  claim            BYTEA  NOT NULL,
  lease_until      BIGINT NOT NULL,
  keep_until       BIGINT NOT NULL,
  status           BIGINT,
  content_type     TEXT COLLATE "C",
  answer           BYTEA,
  PRIMARY KEY (market_id, actor, route, idempotency_key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (market_id, keep_until);

-- From where a source may send: networks with commas between them, from anywhere when empty.
ALTER TABLE sources ADD COLUMN addresses TEXT COLLATE "C" NOT NULL DEFAULT '';
-- When each of the two live secrets signed last, to the minute.
ALTER TABLE sources ADD COLUMN secret_used_at BIGINT;
ALTER TABLE sources ADD COLUMN previous_used_at BIGINT;
