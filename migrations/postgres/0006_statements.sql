-- Statements of banks: the files as they came, the lines they agree on, and who signed for a day.

-- The source under which money is booked that only a statement told of.
INSERT INTO sources (source_id, name, dialect, market_id, every_account, local_as_utc, tolerance_s, secret, created_at)
VALUES (0, 'bank-statement', 'statement', 0, 0, 0, 0, '', 0);

CREATE TABLE statements (
  market_id     BIGINT NOT NULL,
  statement_id  BYTEA   NOT NULL,
  sha256        BYTEA   NOT NULL,
  file_name     TEXT COLLATE "C"   NOT NULL,
  format        TEXT COLLATE "C"   NOT NULL,
  byte_count    BIGINT NOT NULL,
  notes         TEXT COLLATE "C"   NOT NULL,
  uploaded_at   BIGINT NOT NULL,
  uploaded_by   TEXT COLLATE "C"   NOT NULL,
  PRIMARY KEY (market_id, statement_id),
  UNIQUE (market_id, sha256)
);

-- The file itself, byte by byte.
CREATE TABLE statement_files (
  market_id     BIGINT NOT NULL,
  statement_id  BYTEA   NOT NULL,
  raw           BYTEA   NOT NULL,
  PRIMARY KEY (market_id, statement_id)
);

-- What a file says of one account: a file may hold several.
CREATE TABLE statement_parts (
  market_id        BIGINT NOT NULL,
  statement_id     BYTEA   NOT NULL,
  part             BIGINT NOT NULL,
  settled_account  TEXT COLLATE "C"   NOT NULL,
  bin              TEXT COLLATE "C",
  opening          BIGINT,
  closing          BIGINT,
  from_date        TEXT COLLATE "C"   NOT NULL,
  to_date          TEXT COLLATE "C"   NOT NULL,
  proof            TEXT COLLATE "C"   NOT NULL,
  line_count       BIGINT NOT NULL,
  credits          BIGINT NOT NULL,
  debits           BIGINT NOT NULL,
  PRIMARY KEY (market_id, statement_id, part)
);

-- What a file did for one account on one date. `whole`: it says itself that it covers the date;
-- `covered`: what it does not hold of that date the bank does not have either.
CREATE TABLE statement_days (
  market_id        BIGINT NOT NULL,
  booked_on        TEXT COLLATE "C"   NOT NULL,
  settled_account  TEXT COLLATE "C"   NOT NULL,
  statement_id     BYTEA   NOT NULL,
  whole            BIGINT NOT NULL CHECK (whole IN (0, 1)),
  covered          BIGINT NOT NULL CHECK (covered IN (0, 1)),
  last_at          BIGINT,
  line_count       BIGINT NOT NULL,
  added            BIGINT NOT NULL,
  known            BIGINT NOT NULL,
  doubtful         BIGINT NOT NULL,
  PRIMARY KEY (market_id, booked_on, settled_account, statement_id)
);
CREATE INDEX statement_days_of_file ON statement_days (market_id, statement_id, booked_on, settled_account);

-- Each line that the files of an account agree on, once.
CREATE TABLE statement_lines (
  market_id        BIGINT NOT NULL,
  line             BIGINT NOT NULL,
  statement_id     BYTEA   NOT NULL,
  place            TEXT COLLATE "C"   NOT NULL,
  settled_account  TEXT COLLATE "C"   NOT NULL,
  booked_on        TEXT COLLATE "C"   NOT NULL,
  booked_at        BIGINT,
  reference        TEXT COLLATE "C",
  bank_ref         TEXT COLLATE "C"   NOT NULL,
  direction        TEXT COLLATE "C"   NOT NULL CHECK (direction IN ('credit', 'debit')),
  amount           BIGINT NOT NULL CHECK (amount > 0),
  balance          BIGINT,
  memo             TEXT COLLATE "C"   NOT NULL,
  payer_ref        TEXT COLLATE "C"   NOT NULL,
  counterparty     TEXT COLLATE "C"   NOT NULL,
  standing         TEXT COLLATE "C"   NOT NULL CHECK (standing IN ('counted', 'doubtful', 'settled')),
  accepted_by      TEXT COLLATE "C",
  accepted_why     TEXT COLLATE "C",
  PRIMARY KEY (market_id, line)
);
CREATE INDEX statement_lines_by_day ON statement_lines (market_id, booked_on, settled_account, line);

-- A refund that a vendor made in her own bank's app: the debit line, and the posting that records it.
CREATE TABLE statement_refunds (
  market_id  BIGINT NOT NULL,
  line       BIGINT NOT NULL,
  seq        BIGINT NOT NULL,
  PRIMARY KEY (market_id, line, seq)
);

-- What a person signed for: a bank's day against the book's, as it stood then.
CREATE TABLE reconciliations (
  market_id          BIGINT NOT NULL,
  event_date         TEXT COLLATE "C"   NOT NULL,
  reconciliation_id  BYTEA   NOT NULL,
  signed_at          BIGINT NOT NULL,
  signed_by          TEXT COLLATE "C"   NOT NULL,
  note               TEXT COLLATE "C"   NOT NULL,
  accounts           BIGINT NOT NULL,
  uncovered          BIGINT NOT NULL,
  bank_count         BIGINT NOT NULL,
  bank_amount        BIGINT NOT NULL,
  book_count         BIGINT NOT NULL,
  book_amount        BIGINT NOT NULL,
  open_count         BIGINT NOT NULL,
  journal_seq        BIGINT NOT NULL,
  digest             BYTEA   NOT NULL,
  PRIMARY KEY (market_id, event_date, reconciliation_id)
);

-- What sources reported without a posting of its own, by the bank's day.
CREATE INDEX inbox_unposted_by_day ON inbox (market_id, event_date, settled_account, item)
  WHERE outcome = 'duplicate' OR outcome = 'quarantined';

-- How often a source reports, by the hour in which we heard of it: its own usual rate.
CREATE TABLE source_hours (
  market_id   BIGINT NOT NULL,
  source_id   BIGINT NOT NULL,
  heard_on    TEXT COLLATE "C"   NOT NULL,
  hour        BIGINT NOT NULL CHECK (hour BETWEEN 0 AND 23),
  count       BIGINT NOT NULL,
  last_at     BIGINT NOT NULL,
  PRIMARY KEY (market_id, source_id, heard_on, hour)
);
INSERT INTO source_hours (market_id, source_id, heard_on, hour, count, last_at)
SELECT market_id, source_id, to_char(to_timestamp(recorded_at / 1000000 + 25200) AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
  CAST(to_char(to_timestamp(recorded_at / 1000000 + 25200) AT TIME ZONE 'UTC', 'HH24') AS BIGINT), COUNT(*),
  MAX(recorded_at)
FROM inbox GROUP BY 1, 2, 3, 4;

CREATE TRIGGER statements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statements FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER reconciliations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliations FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER statement_refunds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_refunds FOR EACH STATEMENT EXECUTE FUNCTION append_only();
