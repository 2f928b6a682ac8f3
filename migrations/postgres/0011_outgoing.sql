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

-- Texts about payers that were removed because their time was over: items first to last of a market's
-- inbox. Chained by hash like the journal, which covers a salted commitment to each text.
CREATE TABLE redactions (
  market_id        BIGINT NOT NULL,
  redaction_no     BIGINT NOT NULL,
  first_item       BIGINT NOT NULL,
  last_item        BIGINT NOT NULL,
  recorded_before  BIGINT NOT NULL,
  recorded_at      BIGINT NOT NULL,
  actor            TEXT COLLATE "C" NOT NULL,
  previous_hash    BYTEA NOT NULL,
  hash             BYTEA NOT NULL,
  PRIMARY KEY (market_id, redaction_no)
);
CREATE TRIGGER redactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON redactions FOR EACH STATEMENT EXECUTE FUNCTION append_only();
