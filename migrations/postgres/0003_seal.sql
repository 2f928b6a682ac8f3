-- The seal: closed days, the keys that sign them, and balances at a point in time.

-- Nothing could be closed before this migration, so the first sketch of the table held no row.
DROP TABLE day_closes;
CREATE TABLE day_closes (
  market_id      BIGINT NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  closed_at      BIGINT NOT NULL,
  closed_by      TEXT COLLATE "C"   NOT NULL,
  early          BIGINT NOT NULL CHECK (early IN (0, 1)),
  count          BIGINT NOT NULL CHECK (count >= 0),
  amount         BIGINT NOT NULL,
  postings       BIGINT NOT NULL CHECK (postings >= 0),
  first_seq      BIGINT,
  last_seq       BIGINT,
  journal_seq    BIGINT NOT NULL,
  merkle_root    BYTEA  NOT NULL,
  previous_hash  BYTEA  NOT NULL,
  hash           BYTEA  NOT NULL,
  key_no         BIGINT NOT NULL,
  statement      TEXT COLLATE "C"   NOT NULL,
  signature      BYTEA  NOT NULL,
  PRIMARY KEY (market_id, business_date)
);

-- Public keys alone; the private ones never enter the database.
CREATE TABLE market_keys (
  market_id    BIGINT NOT NULL,
  key_no       BIGINT NOT NULL,
  public_key   BYTEA  NOT NULL,
  created_at   BIGINT NOT NULL,
  statement    TEXT COLLATE "C"   NOT NULL,
  endorsement  BYTEA  NOT NULL,
  PRIMARY KEY (market_id, key_no)
);

-- Debits and credits of an account up to and with a closed date; a row where the account moved.
CREATE TABLE day_balances (
  market_id      BIGINT NOT NULL,
  account        TEXT COLLATE "C"   NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  debits         BIGINT NOT NULL CHECK (debits >= 0),
  credits        BIGINT NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (market_id, account, business_date)
);

-- Debits and credits of an account after posting `seq`, kept every few thousand postings; a row
-- where the account moved since its last one.
CREATE TABLE balance_steps (
  market_id  BIGINT NOT NULL,
  account    TEXT COLLATE "C"   NOT NULL,
  seq        BIGINT NOT NULL,
  debits     BIGINT NOT NULL CHECK (debits >= 0),
  credits    BIGINT NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (market_id, account, seq)
);
CREATE INDEX balance_steps_by_seq ON balance_steps (market_id, seq);

CREATE TRIGGER day_closes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON day_closes FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER market_keys_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON market_keys FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER day_balances_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON day_balances FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER balance_steps_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON balance_steps FOR EACH STATEMENT EXECUTE FUNCTION append_only();
