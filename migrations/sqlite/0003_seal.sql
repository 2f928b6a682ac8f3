-- The seal: closed days, the keys that sign them, and balances at a point in time.

-- Nothing could be closed before this migration, so the first sketch of the table held no row.
DROP TABLE day_closes;
CREATE TABLE day_closes (
  market_id      INTEGER NOT NULL,
  business_date  TEXT   NOT NULL,
  closed_at      INTEGER NOT NULL,
  closed_by      TEXT   NOT NULL,
  early          INTEGER NOT NULL CHECK (early IN (0, 1)),
  count          INTEGER NOT NULL CHECK (count >= 0),
  amount         INTEGER NOT NULL,
  postings       INTEGER NOT NULL CHECK (postings >= 0),
  first_seq      INTEGER,
  last_seq       INTEGER,
  journal_seq    INTEGER NOT NULL,
  merkle_root    BLOB  NOT NULL,
  previous_hash  BLOB  NOT NULL,
  hash           BLOB  NOT NULL,
  key_no         INTEGER NOT NULL,
  statement      TEXT   NOT NULL,
  signature      BLOB  NOT NULL,
  PRIMARY KEY (market_id, business_date)
) STRICT, WITHOUT ROWID;

-- Public keys alone; the private ones never enter the database.
CREATE TABLE market_keys (
  market_id    INTEGER NOT NULL,
  key_no       INTEGER NOT NULL,
  public_key   BLOB  NOT NULL,
  created_at   INTEGER NOT NULL,
  statement    TEXT   NOT NULL,
  endorsement  BLOB  NOT NULL,
  PRIMARY KEY (market_id, key_no)
) STRICT, WITHOUT ROWID;

-- Debits and credits of an account up to and with a closed date; a row where the account moved.
CREATE TABLE day_balances (
  market_id      INTEGER NOT NULL,
  account        TEXT   NOT NULL,
  business_date  TEXT   NOT NULL,
  debits         INTEGER NOT NULL CHECK (debits >= 0),
  credits        INTEGER NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (market_id, account, business_date)
) STRICT, WITHOUT ROWID;

-- Debits and credits of an account after posting `seq`, kept every few thousand postings; a row
-- where the account moved since its last one.
CREATE TABLE balance_steps (
  market_id  INTEGER NOT NULL,
  account    TEXT   NOT NULL,
  seq        INTEGER NOT NULL,
  debits     INTEGER NOT NULL CHECK (debits >= 0),
  credits    INTEGER NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (market_id, account, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX balance_steps_by_seq ON balance_steps (market_id, seq);

CREATE TRIGGER day_closes_no_update BEFORE UPDATE ON day_closes BEGIN SELECT RAISE(ABORT, 'append-only: day_closes'); END;
CREATE TRIGGER day_closes_no_delete BEFORE DELETE ON day_closes BEGIN SELECT RAISE(ABORT, 'append-only: day_closes'); END;
CREATE TRIGGER market_keys_no_update BEFORE UPDATE ON market_keys BEGIN SELECT RAISE(ABORT, 'append-only: market_keys'); END;
CREATE TRIGGER market_keys_no_delete BEFORE DELETE ON market_keys BEGIN SELECT RAISE(ABORT, 'append-only: market_keys'); END;
CREATE TRIGGER day_balances_no_update BEFORE UPDATE ON day_balances BEGIN SELECT RAISE(ABORT, 'append-only: day_balances'); END;
CREATE TRIGGER day_balances_no_delete BEFORE DELETE ON day_balances BEGIN SELECT RAISE(ABORT, 'append-only: day_balances'); END;
CREATE TRIGGER balance_steps_no_update BEFORE UPDATE ON balance_steps BEGIN SELECT RAISE(ABORT, 'append-only: balance_steps'); END;
CREATE TRIGGER balance_steps_no_delete BEFORE DELETE ON balance_steps BEGIN SELECT RAISE(ABORT, 'append-only: balance_steps'); END;

-- What SQLite should expect of the new tables; see 0001.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('day_balances', 'day_balances', '100000 10000 200 1'),
  ('balance_steps', 'balance_steps', '100000 10000 200 1'),
  ('balance_steps', 'balance_steps_by_seq', '100000 10000 300');
ANALYZE sqlite_schema;
