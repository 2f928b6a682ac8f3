-- Statements of banks: the files as they came, the lines they agree on, and who signed for a day.

-- The source under which money is booked that only a statement told of.
INSERT INTO sources (source_id, name, dialect, market_id, every_account, local_as_utc, tolerance_s, secret, created_at)
VALUES (0, 'bank-statement', 'statement', 0, 0, 0, 0, '', 0);

CREATE TABLE statements (
  market_id     INTEGER NOT NULL,
  statement_id  BLOB   NOT NULL,
  sha256        BLOB   NOT NULL,
  file_name     TEXT   NOT NULL,
  format        TEXT   NOT NULL,
  byte_count    INTEGER NOT NULL,
  notes         TEXT   NOT NULL,
  uploaded_at   INTEGER NOT NULL,
  uploaded_by   TEXT   NOT NULL,
  PRIMARY KEY (market_id, statement_id),
  UNIQUE (market_id, sha256)
) STRICT, WITHOUT ROWID;

-- The file itself, byte by byte.
CREATE TABLE statement_files (
  market_id     INTEGER NOT NULL,
  statement_id  BLOB   NOT NULL,
  raw           BLOB   NOT NULL,
  PRIMARY KEY (market_id, statement_id)
) STRICT, WITHOUT ROWID;

-- What a file says of one account: a file may hold several.
CREATE TABLE statement_parts (
  market_id        INTEGER NOT NULL,
  statement_id     BLOB   NOT NULL,
  part             INTEGER NOT NULL,
  settled_account  TEXT   NOT NULL,
  bin              TEXT,
  opening          INTEGER,
  closing          INTEGER,
  from_date        TEXT   NOT NULL,
  to_date          TEXT   NOT NULL,
  proof            TEXT   NOT NULL,
  line_count       INTEGER NOT NULL,
  credits          INTEGER NOT NULL,
  debits           INTEGER NOT NULL,
  PRIMARY KEY (market_id, statement_id, part)
) STRICT, WITHOUT ROWID;

-- What a file did for one account on one date. `whole`: it says itself that it covers the date;
-- `covered`: what it does not hold of that date the bank does not have either.
CREATE TABLE statement_days (
  market_id        INTEGER NOT NULL,
  booked_on        TEXT   NOT NULL,
  settled_account  TEXT   NOT NULL,
  statement_id     BLOB   NOT NULL,
  whole            INTEGER NOT NULL CHECK (whole IN (0, 1)),
  covered          INTEGER NOT NULL CHECK (covered IN (0, 1)),
  last_at          INTEGER,
  line_count       INTEGER NOT NULL,
  added            INTEGER NOT NULL,
  known            INTEGER NOT NULL,
  doubtful         INTEGER NOT NULL,
  PRIMARY KEY (market_id, booked_on, settled_account, statement_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX statement_days_of_file ON statement_days (market_id, statement_id, booked_on, settled_account);

-- Each line that the files of an account agree on, once.
CREATE TABLE statement_lines (
  market_id        INTEGER NOT NULL,
  line             INTEGER NOT NULL,
  statement_id     BLOB   NOT NULL,
  place            TEXT   NOT NULL,
  settled_account  TEXT   NOT NULL,
  booked_on        TEXT   NOT NULL,
  booked_at        INTEGER,
  reference        TEXT,
  bank_ref         TEXT   NOT NULL,
  direction        TEXT   NOT NULL CHECK (direction IN ('credit', 'debit')),
  amount           INTEGER NOT NULL CHECK (amount > 0),
  balance          INTEGER,
  memo             TEXT   NOT NULL,
  payer_ref        TEXT   NOT NULL,
  counterparty     TEXT   NOT NULL,
  standing         TEXT   NOT NULL CHECK (standing IN ('counted', 'doubtful', 'settled')),
  accepted_by      TEXT,
  accepted_why     TEXT,
  PRIMARY KEY (market_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX statement_lines_by_day ON statement_lines (market_id, booked_on, settled_account, line);

-- A refund that a vendor made in her own bank's app: the debit line, and the posting that records it.
CREATE TABLE statement_refunds (
  market_id  INTEGER NOT NULL,
  line       INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  PRIMARY KEY (market_id, line, seq)
) STRICT, WITHOUT ROWID;

-- What a person signed for: a bank's day against the book's, as it stood then.
CREATE TABLE reconciliations (
  market_id          INTEGER NOT NULL,
  event_date         TEXT   NOT NULL,
  reconciliation_id  BLOB   NOT NULL,
  signed_at          INTEGER NOT NULL,
  signed_by          TEXT   NOT NULL,
  note               TEXT   NOT NULL,
  accounts           INTEGER NOT NULL,
  uncovered          INTEGER NOT NULL,
  bank_count         INTEGER NOT NULL,
  bank_amount        INTEGER NOT NULL,
  book_count         INTEGER NOT NULL,
  book_amount        INTEGER NOT NULL,
  open_count         INTEGER NOT NULL,
  journal_seq        INTEGER NOT NULL,
  digest             BLOB   NOT NULL,
  PRIMARY KEY (market_id, event_date, reconciliation_id)
) STRICT, WITHOUT ROWID;

-- What sources reported without a posting of its own, by the bank's day.
CREATE INDEX inbox_unposted_by_day ON inbox (market_id, event_date, settled_account, item)
  WHERE outcome = 'duplicate' OR outcome = 'quarantined';

-- How often a source reports, by the hour in which we heard of it: its own usual rate.
CREATE TABLE source_hours (
  market_id   INTEGER NOT NULL,
  source_id   INTEGER NOT NULL,
  heard_on    TEXT   NOT NULL,
  hour        INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
  count       INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  PRIMARY KEY (market_id, source_id, heard_on, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO source_hours (market_id, source_id, heard_on, hour, count, last_at)
SELECT market_id, source_id, strftime('%Y-%m-%d', recorded_at / 1000000 + 25200, 'unixepoch'),
  CAST(strftime('%H', recorded_at / 1000000 + 25200, 'unixepoch') AS INTEGER), COUNT(*), MAX(recorded_at)
FROM inbox GROUP BY 1, 2, 3, 4;

CREATE TRIGGER statements_no_update BEFORE UPDATE ON statements BEGIN SELECT RAISE(ABORT, 'append-only: statements'); END;
CREATE TRIGGER statements_no_delete BEFORE DELETE ON statements BEGIN SELECT RAISE(ABORT, 'append-only: statements'); END;
CREATE TRIGGER reconciliations_no_update BEFORE UPDATE ON reconciliations BEGIN SELECT RAISE(ABORT, 'append-only: reconciliations'); END;
CREATE TRIGGER reconciliations_no_delete BEFORE DELETE ON reconciliations BEGIN SELECT RAISE(ABORT, 'append-only: reconciliations'); END;
CREATE TRIGGER statement_refunds_no_update BEFORE UPDATE ON statement_refunds BEGIN SELECT RAISE(ABORT, 'append-only: statement_refunds'); END;
CREATE TRIGGER statement_refunds_no_delete BEFORE DELETE ON statement_refunds BEGIN SELECT RAISE(ABORT, 'append-only: statement_refunds'); END;

-- What SQLite should expect of the new tables; see 0001.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('inbox', 'inbox_unposted_by_day', '100000 10000 100 5 1'),
  ('statement_days', 'statement_days', '10000 1000 100 3 1'),
  ('statement_days', 'statement_days_of_file', '10000 1000 30 3 1'),
  ('statement_lines', 'statement_lines', '1000000 100000 1'),
  ('statement_lines', 'statement_lines_by_day', '1000000 100000 1000 50 1'),
  ('source_hours', 'source_hours', '100000 10000 3000 24 1');
ANALYZE sqlite_schema;
