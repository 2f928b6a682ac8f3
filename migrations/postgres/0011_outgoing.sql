-- Events for other programs. The journal is the ordered, durable list of what is to be delivered: a
-- subscription keeps the number of the last posting that was delivered, and nothing else is written when
-- money is booked. `beat` moves with every change of a row, so that two processes cannot both go on from
-- one place; `holder` is the process that delivers at the moment.
CREATE TABLE webhooks (
  market_id        BIGINT NOT NULL,
  webhook_id       BYTEA   NOT NULL,
  url              TEXT COLLATE "C"    NOT NULL,
  secret           TEXT COLLATE "C"    NOT NULL,
  secret_previous  TEXT COLLATE "C",
  previous_until   BIGINT,
  delivered_seq    BIGINT NOT NULL,
  holder           BYTEA,
  beat             BIGINT NOT NULL,
  attempts         BIGINT NOT NULL,
  failures         BIGINT NOT NULL,
  failing_since    BIGINT,
  retry_at         BIGINT,
  delivered_at     BIGINT,
  disabled_at      BIGINT,
  disabled_why     TEXT COLLATE "C" CHECK (disabled_why IN ('gone', 'restored')),
  created_at       BIGINT NOT NULL,
  created_by       TEXT COLLATE "C"    NOT NULL,
  PRIMARY KEY (market_id, webhook_id)
);

-- The last tries of each subscription; older ones are removed.
CREATE TABLE webhook_attempts (
  market_id   BIGINT NOT NULL,
  webhook_id  BYTEA   NOT NULL,
  attempt     BIGINT NOT NULL,
  first_seq   BIGINT NOT NULL,
  last_seq    BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  took_ms     BIGINT NOT NULL,
  outcome     TEXT COLLATE "C"    NOT NULL,
  status      BIGINT,
  detail      TEXT COLLATE "C"    NOT NULL,
  PRIMARY KEY (market_id, webhook_id, attempt)
);
