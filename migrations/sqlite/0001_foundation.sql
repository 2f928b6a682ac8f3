-- The foundation. Never edited once released: changes come as new migrations.

-- Reference tables: installation-wide facts, written in their own transaction before a market's
-- row (DESIGN §4.4). On a cluster they are reference tables.
CREATE TABLE installation (
  id                 INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  reference_version  INTEGER NOT NULL,
  next_stall_number  INTEGER NOT NULL
) STRICT;
INSERT INTO installation (id, reference_version, next_stall_number) VALUES (1, 1, 1);

CREATE TABLE markets (
  market_id   INTEGER NOT NULL PRIMARY KEY,
  code        TEXT   NOT NULL UNIQUE,
  name        TEXT   NOT NULL,
  search_key  TEXT   NOT NULL,
  demo        INTEGER NOT NULL CHECK (demo IN (0, 1)),
  created_at  INTEGER NOT NULL
) STRICT;

-- Wards were merged in 2024 and 2025: a place is a dated attribute, never a key.
CREATE TABLE market_places (
  market_id   INTEGER NOT NULL,
  valid_from  TEXT   NOT NULL,
  ward        TEXT   NOT NULL,
  PRIMARY KEY (market_id, valid_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_routes (
  number      TEXT   NOT NULL,
  bin         TEXT   NOT NULL,
  valid_from  INTEGER NOT NULL,
  valid_to    INTEGER,
  market_id   INTEGER NOT NULL,
  PRIMARY KEY (number, bin, valid_from),
  CHECK (valid_to IS NULL OR valid_to > valid_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE stall_numbers (
  stall_number  INTEGER NOT NULL PRIMARY KEY,
  market_id     INTEGER NOT NULL
) STRICT;

CREATE TABLE sources (
  source_id         INTEGER NOT NULL PRIMARY KEY,
  name              TEXT   NOT NULL UNIQUE,
  dialect           TEXT   NOT NULL,
  market_id         INTEGER NOT NULL,
  every_account     INTEGER NOT NULL CHECK (every_account IN (0, 1)),
  local_as_utc      INTEGER NOT NULL CHECK (local_as_utc IN (0, 1)),
  tolerance_s       INTEGER NOT NULL,
  secret            TEXT   NOT NULL,
  secret_previous   TEXT,
  previous_until    INTEGER,
  created_at        INTEGER NOT NULL,
  rotated_at        INTEGER
) STRICT;

CREATE TABLE source_accounts (
  source_id  INTEGER NOT NULL,
  number     TEXT   NOT NULL,
  added_at   INTEGER NOT NULL,
  PRIMARY KEY (source_id, number)
) STRICT, WITHOUT ROWID;

-- Market data: market_id is the first column of every key.
CREATE TABLE market_cutoffs (
  market_id  INTEGER NOT NULL,
  from_date  TEXT   NOT NULL,
  minutes    INTEGER NOT NULL CHECK (minutes BETWEEN 0 AND 1439),
  PRIMARY KEY (market_id, from_date)
) STRICT, WITHOUT ROWID;

CREATE TABLE stalls (
  market_id     INTEGER NOT NULL,
  stall_number  INTEGER NOT NULL,
  code          TEXT   NOT NULL,
  code_key      TEXT   NOT NULL,
  sort_key      TEXT   NOT NULL,
  category      TEXT   NOT NULL,
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (market_id, stall_number),
  UNIQUE (market_id, code_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE vendors (
  market_id   INTEGER NOT NULL,
  vendor_id   BLOB  NOT NULL,
  name        TEXT   NOT NULL,
  search_key  TEXT   NOT NULL,
  sort_key    TEXT   NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (market_id, vendor_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenancies (
  market_id     INTEGER NOT NULL,
  stall_number  INTEGER NOT NULL,
  valid_from    TEXT   NOT NULL,
  valid_to      TEXT,
  vendor_id     BLOB  NOT NULL,
  PRIMARY KEY (market_id, stall_number, valid_from),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE receiving_accounts (
  market_id    INTEGER NOT NULL,
  number       TEXT   NOT NULL,
  bin          TEXT   NOT NULL,
  account_id   BLOB  NOT NULL,
  holder_name  TEXT   NOT NULL,
  kind         TEXT   NOT NULL CHECK (kind IN ('direct', 'virtual', 'collecting')),
  vendor_id    BLOB,
  created_at   INTEGER NOT NULL,
  PRIMARY KEY (market_id, number, bin),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_stalls (
  market_id     INTEGER NOT NULL,
  number        TEXT   NOT NULL,
  bin           TEXT   NOT NULL,
  stall_number  INTEGER NOT NULL,
  valid_from    INTEGER NOT NULL,
  valid_to      INTEGER,
  is_default    INTEGER NOT NULL CHECK (is_default IN (0, 1)),
  PRIMARY KEY (market_id, number, bin, stall_number, valid_from),
  FOREIGN KEY (market_id, number, bin) REFERENCES receiving_accounts (market_id, number, bin),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number)
) STRICT, WITHOUT ROWID;

CREATE TABLE qr_codes (
  market_id     INTEGER NOT NULL,
  stall_number  INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  number        TEXT   NOT NULL,
  bin           TEXT   NOT NULL,
  payload       TEXT   NOT NULL,
  issued_at     INTEGER NOT NULL,
  PRIMARY KEY (market_id, stall_number, version),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number)
) STRICT, WITHOUT ROWID;

-- The fence (DESIGN §4.6): every write that judges, posts or changes a binding moves `version`.
CREATE TABLE market_head (
  market_id   INTEGER NOT NULL PRIMARY KEY,
  version     INTEGER NOT NULL,
  last_seq    INTEGER NOT NULL,
  last_item   INTEGER NOT NULL,
  last_batch  INTEGER NOT NULL,
  last_hash   BLOB  NOT NULL,
  open_date   TEXT   NOT NULL
) STRICT, WITHOUT ROWID;

-- The journal and what its hash chain covers. Append-only.
CREATE TABLE batches (
  market_id      INTEGER NOT NULL,
  batch_no       INTEGER NOT NULL,
  first_seq      INTEGER NOT NULL,
  posting_count  INTEGER NOT NULL,
  first_item     INTEGER NOT NULL,
  item_count     INTEGER NOT NULL,
  recorded_at    INTEGER NOT NULL,
  previous_hash  BLOB  NOT NULL,
  hash           BLOB  NOT NULL,
  PRIMARY KEY (market_id, batch_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE postings (
  market_id       INTEGER NOT NULL,
  seq             INTEGER NOT NULL,
  batch_no        INTEGER NOT NULL,
  kind            TEXT   NOT NULL CHECK (kind IN ('settle', 'assign', 'reversal', 'cash_change', 'exclusion', 'refund')),
  debit_account   TEXT   NOT NULL,
  credit_account  TEXT   NOT NULL,
  amount          INTEGER NOT NULL CHECK (amount > 0),
  business_date   TEXT   NOT NULL,
  event_date      TEXT   NOT NULL,
  event_at        INTEGER,
  recorded_at     INTEGER NOT NULL,
  late            INTEGER NOT NULL CHECK (late IN (0, 1)),
  stall_number    INTEGER,
  item            INTEGER,
  concerns        INTEGER,
  reason          TEXT,
  actor           TEXT,
  PRIMARY KEY (market_id, seq),
  CHECK (debit_account <> credit_account)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_by_date ON postings (market_id, business_date, seq);
-- A posting is reversed at most once, and what rests on it is found without a scan.
CREATE UNIQUE INDEX postings_reversal ON postings (market_id, concerns) WHERE kind = 'reversal';
CREATE INDEX postings_concerning ON postings (market_id, concerns) WHERE concerns IS NOT NULL;

-- The work list of deliveries whose items belong to several markets: recorded first, in the
-- source's market, so that what a crash interrupts is judged at the next start.
CREATE TABLE deliveries (
  market_id    INTEGER NOT NULL,
  delivery_id  BLOB  NOT NULL,
  item_count   INTEGER NOT NULL,
  state        TEXT   NOT NULL CHECK (state IN ('received', 'judged')),
  PRIMARY KEY (market_id, delivery_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_unfinished ON deliveries (market_id, delivery_id) WHERE state = 'received';

-- One judged item. Never updated: a later outcome is a later row whose `earlier_item` points back.
CREATE TABLE inbox (
  market_id        INTEGER NOT NULL,
  item             INTEGER NOT NULL,
  batch_no         INTEGER NOT NULL,
  delivery_id      BLOB  NOT NULL,
  part             INTEGER NOT NULL,
  source_id        INTEGER NOT NULL,
  event_id         TEXT,
  event_id_weak    INTEGER NOT NULL CHECK (event_id_weak IN (0, 1)),
  direction        TEXT   NOT NULL CHECK (direction IN ('credit', 'debit', 'none')),
  settled_account  TEXT,
  addressed        TEXT,
  bank_hint        TEXT,
  amount           INTEGER,
  reference        TEXT,
  occurrence       INTEGER NOT NULL,
  event_at         INTEGER,
  event_precision  TEXT   NOT NULL CHECK (event_precision IN ('second', 'day', 'none')),
  claimed_at       INTEGER,
  event_date       TEXT   NOT NULL,
  business_date    TEXT   NOT NULL,
  memo_code        INTEGER,
  outcome          TEXT   NOT NULL CHECK (outcome IN
    ('recorded', 'suspense', 'duplicate', 'ignored', 'quarantined', 'rejected', 'stale', 'dismissed', 'received')),
  reason           TEXT,
  actor            TEXT,
  posting_seq      INTEGER,
  earlier_item     INTEGER,
  resolves         INTEGER,
  claims_event     INTEGER NOT NULL CHECK (claims_event IN (0, 1)),
  claims_reference INTEGER NOT NULL CHECK (claims_reference IN (0, 1)),
  recorded_at      INTEGER NOT NULL,
  commitment       BLOB  NOT NULL,
  PRIMARY KEY (market_id, item)
) STRICT, WITHOUT ROWID;
-- Identity (a) and identity (b) of DESIGN §4.12; keys arrive nearly in order.
CREATE UNIQUE INDEX inbox_event ON inbox (market_id, source_id, event_id) WHERE claims_event = 1;
CREATE UNIQUE INDEX inbox_reference ON inbox (market_id, event_date, reference, settled_account, occurrence) WHERE claims_reference = 1;
-- Pairing (c): posted credits of an account on a date.
CREATE INDEX inbox_credits ON inbox (market_id, event_date, settled_account, amount) WHERE posting_seq IS NOT NULL AND outcome IN ('recorded', 'suspense');
-- A held item is resolved at most once.
CREATE UNIQUE INDEX inbox_resolved ON inbox (market_id, resolves) WHERE resolves IS NOT NULL;
CREATE INDEX inbox_held ON inbox (market_id, business_date, item) WHERE outcome IN ('quarantined', 'stale', 'rejected');
CREATE INDEX inbox_unlisted ON inbox (market_id, addressed, settled_account) WHERE outcome = 'quarantined' AND reason = 'unlisted_account';

-- Personal and raw text, apart from the chain, which covers a salted commitment to each row.
CREATE TABLE inbox_texts (
  market_id  INTEGER NOT NULL,
  item       INTEGER NOT NULL,
  salt       BLOB  NOT NULL,
  raw        BLOB,
  memo       TEXT   NOT NULL,
  payer      TEXT   NOT NULL,
  PRIMARY KEY (market_id, item)
) STRICT, WITHOUT ROWID;

-- Which source's report of a credit has been recognised as the same money. Derived from the inbox: a
-- row goes when a person books the report as money of its own.
CREATE TABLE pairings (
  market_id    INTEGER NOT NULL,
  credit_item  INTEGER NOT NULL,
  source_id    INTEGER NOT NULL,
  item         INTEGER NOT NULL,
  PRIMARY KEY (market_id, credit_item, source_id)
) STRICT, WITHOUT ROWID;

-- Sources whose references another source has confirmed in this market: between two of them,
-- another reference of the same shape is other money. Derived from the inbox.
CREATE TABLE reference_agreements (
  market_id  INTEGER NOT NULL,
  source_id  INTEGER NOT NULL,
  PRIMARY KEY (market_id, source_id)
) STRICT, WITHOUT ROWID;

-- Kept totals: written in the posting's own transaction, re-derived by `verify`.
CREATE TABLE balances (
  market_id  INTEGER NOT NULL,
  account    TEXT   NOT NULL,
  debits     INTEGER NOT NULL CHECK (debits >= 0),
  credits    INTEGER NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (market_id, account)
) STRICT, WITHOUT ROWID;

-- By stall (0 = suspense) and kind; `amount` is signed: what the posting did to that stall.
CREATE TABLE daily_totals (
  market_id      INTEGER NOT NULL,
  business_date  TEXT   NOT NULL,
  stall_number   INTEGER NOT NULL,
  kind           TEXT   NOT NULL,
  count          INTEGER NOT NULL,
  amount         INTEGER NOT NULL,
  first_at       INTEGER,
  last_at        INTEGER,
  PRIMARY KEY (market_id, business_date, stall_number, kind)
) STRICT, WITHOUT ROWID;

-- By hour of the day in Vietnam, -1 where no hour is known.
CREATE TABLE hourly_totals (
  market_id      INTEGER NOT NULL,
  business_date  TEXT   NOT NULL,
  hour           INTEGER NOT NULL CHECK (hour BETWEEN -1 AND 23),
  count          INTEGER NOT NULL,
  amount         INTEGER NOT NULL,
  PRIMARY KEY (market_id, business_date, hour)
) STRICT, WITHOUT ROWID;

-- Both sides by book day and bank's day: opening and closing, and what moved between days.
CREATE TABLE date_totals (
  market_id      INTEGER NOT NULL,
  business_date  TEXT   NOT NULL,
  event_date     TEXT   NOT NULL,
  kind           TEXT   NOT NULL,
  late           INTEGER NOT NULL,
  count          INTEGER NOT NULL,
  debits         INTEGER NOT NULL,
  credits        INTEGER NOT NULL,
  PRIMARY KEY (market_id, business_date, event_date, kind, late)
) STRICT, WITHOUT ROWID;
CREATE INDEX date_totals_by_event_date ON date_totals (market_id, event_date, business_date);

CREATE TABLE source_totals (
  market_id      INTEGER NOT NULL,
  business_date  TEXT   NOT NULL,
  source_id      INTEGER NOT NULL,
  outcome        TEXT   NOT NULL,
  count          INTEGER NOT NULL,
  amount         INTEGER NOT NULL,
  last_at        INTEGER NOT NULL,
  PRIMARY KEY (market_id, business_date, source_id, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_closes (
  market_id      INTEGER NOT NULL,
  business_date  TEXT   NOT NULL,
  closed_at      INTEGER NOT NULL,
  last_seq       INTEGER NOT NULL,
  amount         INTEGER NOT NULL,
  count          INTEGER NOT NULL,
  PRIMARY KEY (market_id, business_date)
) STRICT, WITHOUT ROWID;

-- Market 0 keeps what belongs to no market.
INSERT INTO markets (market_id, code, name, search_key, demo, created_at) VALUES (0, '-', '(installation)', '', 0, 0);
INSERT INTO market_head (market_id, version, last_seq, last_item, last_batch, last_hash, open_date)
VALUES (0, 0, 0, 0, 0, zeroblob(32), '1970-01-01');
INSERT INTO market_cutoffs (market_id, from_date, minutes) VALUES (0, '1970-01-01', 0);

-- SQLite knows nothing about new tables and then takes every index that begins with market_id for
-- equally good: it read a market's whole journal for one date's postings, and its whole inbox for
-- one reference. What it should expect, rows per key from left to right; `ANALYZE` may replace it.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('postings', 'postings', '1000000 100000 1'),
  ('postings', 'postings_by_date', '1000000 100000 1000 1'),
  ('postings', 'postings_reversal', '1000 100 1'),
  ('postings', 'postings_concerning', '1000 100 2 1'),
  ('inbox', 'inbox', '1000000 100000 1'),
  ('inbox', 'inbox_event', '1000000 100000 50000 1'),
  ('inbox', 'inbox_reference', '1000000 100000 1000 1 1 1'),
  ('inbox', 'inbox_credits', '1000000 100000 1000 20 2 1'),
  ('inbox', 'inbox_resolved', '1000 100 1'),
  ('inbox', 'inbox_held', '1000 100 5 1'),
  ('inbox', 'inbox_unlisted', '1000 100 5 5 1'),
  ('date_totals', 'date_totals', '10000 1000 5 2 1 1'),
  ('date_totals', 'date_totals_by_event_date', '10000 1000 5 2 1 1');
ANALYZE sqlite_schema;
