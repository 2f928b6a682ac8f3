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

-- Texts about payers that were removed because their time was over: items first to last of a market's
-- inbox. Chained by hash like the journal, which covers a salted commitment to each text.
CREATE TABLE redactions (
  market_id        INTEGER NOT NULL,
  redaction_no     INTEGER NOT NULL,
  first_item       INTEGER NOT NULL,
  last_item        INTEGER NOT NULL,
  recorded_before  INTEGER NOT NULL,
  recorded_at      INTEGER NOT NULL,
  actor            TEXT    NOT NULL,
  previous_hash    BLOB    NOT NULL,
  hash             BLOB    NOT NULL,
  PRIMARY KEY (market_id, redaction_no)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER redactions_no_update BEFORE UPDATE ON redactions BEGIN SELECT RAISE(ABORT, 'append-only: redactions'); END;
CREATE TRIGGER redactions_no_delete BEFORE DELETE ON redactions BEGIN SELECT RAISE(ABORT, 'append-only: redactions'); END;
