-- Identity: who may use the book, from where, and with what.

-- People, their sessions and the keys of machines are installation-wide facts (DESIGN §4.4). Of
-- passwords, tokens, codes and keys the database holds hashes alone.
CREATE TABLE users (
  user_id        BYTEA   NOT NULL PRIMARY KEY,
  name           TEXT COLLATE "C"   NOT NULL UNIQUE,
  full_name      TEXT COLLATE "C"   NOT NULL,
  role           TEXT COLLATE "C"   NOT NULL CHECK (role IN ('manager', 'city', 'auditor', 'admin')),
  market_id      BIGINT,
  password_hash  TEXT COLLATE "C"   NOT NULL,
  must_change    BIGINT NOT NULL CHECK (must_change IN (0, 1)),
  totp_secret    BYTEA,
  totp_since     BIGINT,
  totp_step      BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  created_by     TEXT COLLATE "C"   NOT NULL,
  password_at    BIGINT NOT NULL,
  last_login_at  BIGINT,
  disabled_at    BIGINT,
  CHECK ((role = 'manager') = (market_id IS NOT NULL))
);

CREATE TABLE recovery_codes (
  user_id    BYTEA   NOT NULL,
  code_hash  BYTEA   NOT NULL,
  used_at    BIGINT,
  PRIMARY KEY (user_id, code_hash),
  FOREIGN KEY (user_id) REFERENCES users (user_id)
);

-- `browser_hash` is what a browser keeps after the session has ended: whoever guesses passwords from
-- elsewhere cannot slow down the person behind it.
CREATE TABLE sessions (
  session_id    BYTEA   NOT NULL PRIMARY KEY,
  token_hash    BYTEA   NOT NULL UNIQUE,
  browser_hash  BYTEA   NOT NULL UNIQUE,
  user_id       BYTEA   NOT NULL,
  stage         TEXT COLLATE "C"   NOT NULL CHECK (stage IN ('open', 'second_factor')),
  created_at    BIGINT NOT NULL,
  last_seen_at  BIGINT NOT NULL,
  expires_at    BIGINT NOT NULL,
  address       TEXT COLLATE "C"   NOT NULL,
  agent         TEXT COLLATE "C"   NOT NULL,
  ended_at      BIGINT,
  ended_by      TEXT COLLATE "C",
  FOREIGN KEY (user_id) REFERENCES users (user_id)
);
CREATE INDEX sessions_by_user ON sessions (user_id, session_id);

CREATE TABLE api_keys (
  key_id        BYTEA   NOT NULL PRIMARY KEY,
  key_hash      BYTEA   NOT NULL UNIQUE,
  prefix        TEXT COLLATE "C"   NOT NULL,
  name          TEXT COLLATE "C"   NOT NULL,
  role          TEXT COLLATE "C"   NOT NULL CHECK (role IN ('manager', 'city', 'auditor', 'admin')),
  rights        TEXT COLLATE "C"   NOT NULL,
  market_id     BIGINT,
  created_at    BIGINT NOT NULL,
  created_by    TEXT COLLATE "C"   NOT NULL,
  expires_at    BIGINT,
  last_used_at  BIGINT,
  ended_at      BIGINT,
  ended_by      TEXT COLLATE "C",
  CHECK (role <> 'manager' OR market_id IS NOT NULL)
);

-- Failed logins by what they concern (`user:…`, `browser:…`, `address:…`); a row goes when its time is over.
CREATE TABLE login_attempts (
  subject        TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
  failures       BIGINT NOT NULL,
  last_at        BIGINT NOT NULL,
  blocked_until  BIGINT NOT NULL
);
CREATE INDEX login_attempts_by_time ON login_attempts (last_at);

-- Phones of a stall. A phone is its vendor's: it ends with her tenancy.
CREATE TABLE devices (
  market_id     BIGINT NOT NULL,
  device_id     BYTEA   NOT NULL,
  stall_number  BIGINT NOT NULL,
  vendor_id     BYTEA   NOT NULL,
  name          TEXT COLLATE "C"   NOT NULL,
  key_hash      BYTEA   NOT NULL,
  hides_totals  BIGINT NOT NULL CHECK (hides_totals IN (0, 1)),
  created_at    BIGINT NOT NULL,
  created_by    TEXT COLLATE "C"   NOT NULL,
  last_seen_at  BIGINT NOT NULL,
  ended_at      BIGINT,
  ended_by      TEXT COLLATE "C",
  PRIMARY KEY (market_id, device_id),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
);
CREATE INDEX devices_by_stall ON devices (market_id, stall_number, device_id);

-- One use each: on the printed card, or shown by a phone to a helper's phone.
CREATE TABLE pairing_codes (
  market_id     BIGINT NOT NULL,
  code_hash     BYTEA   NOT NULL,
  stall_number  BIGINT NOT NULL,
  vendor_id     BYTEA   NOT NULL,
  purpose       TEXT COLLATE "C"   NOT NULL CHECK (purpose IN ('card', 'helper')),
  hides_totals  BIGINT NOT NULL CHECK (hides_totals IN (0, 1)),
  created_at    BIGINT NOT NULL,
  created_by    TEXT COLLATE "C"   NOT NULL,
  expires_at    BIGINT NOT NULL,
  used_at       BIGINT,
  ended_at      BIGINT,
  ended_by      TEXT COLLATE "C",
  PRIMARY KEY (market_id, code_hash),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
);
CREATE INDEX pairing_codes_by_stall ON pairing_codes (market_id, stall_number, created_at);
