-- Identity: who may use the book, from where, and with what.

-- People, their sessions and the keys of machines are installation-wide facts (DESIGN §4.4). Of
-- passwords, tokens, codes and keys the database holds hashes alone.
CREATE TABLE users (
  user_id        BLOB   NOT NULL PRIMARY KEY,
  name           TEXT   NOT NULL UNIQUE,
  full_name      TEXT   NOT NULL,
  role           TEXT   NOT NULL CHECK (role IN ('manager', 'city', 'auditor', 'admin')),
  market_id      INTEGER,
  password_hash  TEXT   NOT NULL,
  must_change    INTEGER NOT NULL CHECK (must_change IN (0, 1)),
  totp_secret    BLOB,
  totp_since     INTEGER,
  totp_step      INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  created_by     TEXT   NOT NULL,
  password_at    INTEGER NOT NULL,
  last_login_at  INTEGER,
  disabled_at    INTEGER,
  CHECK ((role = 'manager') = (market_id IS NOT NULL))
) STRICT;

CREATE TABLE recovery_codes (
  user_id    BLOB   NOT NULL,
  code_hash  BLOB   NOT NULL,
  used_at    INTEGER,
  PRIMARY KEY (user_id, code_hash),
  FOREIGN KEY (user_id) REFERENCES users (user_id)
) STRICT, WITHOUT ROWID;

-- `browser_hash` is what a browser keeps after the session has ended: whoever guesses passwords from
-- elsewhere cannot slow down the person behind it.
CREATE TABLE sessions (
  session_id    BLOB   NOT NULL PRIMARY KEY,
  token_hash    BLOB   NOT NULL UNIQUE,
  browser_hash  BLOB   NOT NULL UNIQUE,
  user_id       BLOB   NOT NULL,
  stage         TEXT   NOT NULL CHECK (stage IN ('open', 'second_factor')),
  created_at    INTEGER NOT NULL,
  last_seen_at  INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  address       TEXT   NOT NULL,
  agent         TEXT   NOT NULL,
  ended_at      INTEGER,
  ended_by      TEXT,
  FOREIGN KEY (user_id) REFERENCES users (user_id)
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, session_id);

CREATE TABLE api_keys (
  key_id        BLOB   NOT NULL PRIMARY KEY,
  key_hash      BLOB   NOT NULL UNIQUE,
  prefix        TEXT   NOT NULL,
  name          TEXT   NOT NULL,
  role          TEXT   NOT NULL CHECK (role IN ('manager', 'city', 'auditor', 'admin')),
  rights        TEXT   NOT NULL,
  market_id     INTEGER,
  created_at    INTEGER NOT NULL,
  created_by    TEXT   NOT NULL,
  expires_at    INTEGER,
  last_used_at  INTEGER,
  ended_at      INTEGER,
  ended_by      TEXT,
  CHECK (role <> 'manager' OR market_id IS NOT NULL)
) STRICT;

-- Failed logins by what they concern (`user:…`, `browser:…`, `address:…`); a row goes when its time is over.
CREATE TABLE login_attempts (
  subject        TEXT   NOT NULL PRIMARY KEY,
  failures       INTEGER NOT NULL,
  last_at        INTEGER NOT NULL,
  blocked_until  INTEGER NOT NULL
) STRICT;
CREATE INDEX login_attempts_by_time ON login_attempts (last_at);

-- Phones of a stall. A phone is its vendor's: it ends with her tenancy.
CREATE TABLE devices (
  market_id     INTEGER NOT NULL,
  device_id     BLOB   NOT NULL,
  stall_number  INTEGER NOT NULL,
  vendor_id     BLOB   NOT NULL,
  name          TEXT   NOT NULL,
  key_hash      BLOB   NOT NULL,
  hides_totals  INTEGER NOT NULL CHECK (hides_totals IN (0, 1)),
  created_at    INTEGER NOT NULL,
  created_by    TEXT   NOT NULL,
  last_seen_at  INTEGER NOT NULL,
  ended_at      INTEGER,
  ended_by      TEXT,
  PRIMARY KEY (market_id, device_id),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_stall ON devices (market_id, stall_number, device_id);

-- One use each: on the printed card, or shown by a phone to a helper's phone.
CREATE TABLE pairing_codes (
  market_id     INTEGER NOT NULL,
  code_hash     BLOB   NOT NULL,
  stall_number  INTEGER NOT NULL,
  vendor_id     BLOB   NOT NULL,
  purpose       TEXT   NOT NULL CHECK (purpose IN ('card', 'helper')),
  hides_totals  INTEGER NOT NULL CHECK (hides_totals IN (0, 1)),
  created_at    INTEGER NOT NULL,
  created_by    TEXT   NOT NULL,
  expires_at    INTEGER NOT NULL,
  used_at       INTEGER,
  ended_at      INTEGER,
  ended_by      TEXT,
  PRIMARY KEY (market_id, code_hash),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pairing_codes_by_stall ON pairing_codes (market_id, stall_number, created_at);

-- What SQLite should expect of the new tables; see 0001.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('devices', 'devices', '5000 500 1'),
  ('devices', 'devices_by_stall', '5000 500 2 1'),
  ('pairing_codes', 'pairing_codes', '5000 500 1'),
  ('pairing_codes', 'pairing_codes_by_stall', '5000 500 2 1');
ANALYZE sqlite_schema;
