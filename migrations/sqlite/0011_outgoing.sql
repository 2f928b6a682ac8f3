-- Events for other programs. The journal is the ordered, durable list of what is to be delivered: a
-- subscription keeps the number of the last posting that was delivered, and nothing else is written when
-- money is booked. `beat` moves with every change of a row, so that two processes cannot both go on from
-- one place; `holder` is the process that delivers at the moment.
CREATE TABLE webhooks (
  market_id        INTEGER NOT NULL,
  webhook_id       BLOB    NOT NULL,
  url              TEXT    NOT NULL,
  secret           TEXT    NOT NULL,
  secret_previous  TEXT,
  previous_until   INTEGER,
  delivered_seq    INTEGER NOT NULL,
  holder           BLOB,
  beat             INTEGER NOT NULL,
  attempts         INTEGER NOT NULL,
  failures         INTEGER NOT NULL,
  failing_since    INTEGER,
  retry_at         INTEGER,
  delivered_at     INTEGER,
  disabled_at      INTEGER,
  disabled_why     TEXT CHECK (disabled_why IN ('gone', 'restored')),
  created_at       INTEGER NOT NULL,
  created_by       TEXT    NOT NULL,
  PRIMARY KEY (market_id, webhook_id)
) STRICT, WITHOUT ROWID;

-- The last tries of each subscription; older ones are removed.
CREATE TABLE webhook_attempts (
  market_id   INTEGER NOT NULL,
  webhook_id  BLOB    NOT NULL,
  attempt     INTEGER NOT NULL,
  first_seq   INTEGER NOT NULL,
  last_seq    INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  took_ms     INTEGER NOT NULL,
  outcome     TEXT    NOT NULL,
  status      INTEGER,
  detail      TEXT    NOT NULL,
  PRIMARY KEY (market_id, webhook_id, attempt)
) STRICT, WITHOUT ROWID;
