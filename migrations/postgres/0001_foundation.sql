-- The foundation. Never edited once released: changes come as new migrations.

-- Reference tables: installation-wide facts, written in their own transaction before a market's
-- row (DESIGN §4.4). On a cluster they are reference tables.
CREATE TABLE installation (
  id                 BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  reference_version  BIGINT NOT NULL,
  next_stall_number  BIGINT NOT NULL
);
INSERT INTO installation (id, reference_version, next_stall_number) VALUES (1, 1, 1);

CREATE TABLE markets (
  market_id   BIGINT NOT NULL PRIMARY KEY,
  code        TEXT COLLATE "C"   NOT NULL UNIQUE,
  name        TEXT COLLATE "C"   NOT NULL,
  search_key  TEXT COLLATE "C"   NOT NULL,
  demo        BIGINT NOT NULL CHECK (demo IN (0, 1)),
  created_at  BIGINT NOT NULL
);

-- Wards were merged in 2024 and 2025: a place is a dated attribute, never a key.
CREATE TABLE market_places (
  market_id   BIGINT NOT NULL,
  valid_from  TEXT COLLATE "C"   NOT NULL,
  ward        TEXT COLLATE "C"   NOT NULL,
  PRIMARY KEY (market_id, valid_from)
);

CREATE TABLE account_routes (
  number      TEXT COLLATE "C"   NOT NULL,
  bin         TEXT COLLATE "C"   NOT NULL,
  valid_from  BIGINT NOT NULL,
  valid_to    BIGINT,
  market_id   BIGINT NOT NULL,
  PRIMARY KEY (number, bin, valid_from),
  CHECK (valid_to IS NULL OR valid_to > valid_from)
);

CREATE TABLE stall_numbers (
  stall_number  BIGINT NOT NULL PRIMARY KEY,
  market_id     BIGINT NOT NULL
);

CREATE TABLE sources (
  source_id         BIGINT NOT NULL PRIMARY KEY,
  name              TEXT COLLATE "C"   NOT NULL UNIQUE,
  dialect           TEXT COLLATE "C"   NOT NULL,
  market_id         BIGINT NOT NULL,
  every_account     BIGINT NOT NULL CHECK (every_account IN (0, 1)),
  local_as_utc      BIGINT NOT NULL CHECK (local_as_utc IN (0, 1)),
  tolerance_s       BIGINT NOT NULL,
  secret            TEXT COLLATE "C"   NOT NULL,
  secret_previous   TEXT COLLATE "C",
  previous_until    BIGINT,
  created_at        BIGINT NOT NULL,
  rotated_at        BIGINT
);

CREATE TABLE source_accounts (
  source_id  BIGINT NOT NULL,
  number     TEXT COLLATE "C"   NOT NULL,
  added_at   BIGINT NOT NULL,
  PRIMARY KEY (source_id, number)
);

-- Market data: market_id is the first column of every key.
CREATE TABLE market_cutoffs (
  market_id  BIGINT NOT NULL,
  from_date  TEXT COLLATE "C"   NOT NULL,
  minutes    BIGINT NOT NULL CHECK (minutes BETWEEN 0 AND 1439),
  PRIMARY KEY (market_id, from_date)
);

CREATE TABLE stalls (
  market_id     BIGINT NOT NULL,
  stall_number  BIGINT NOT NULL,
  code          TEXT COLLATE "C"   NOT NULL,
  code_key      TEXT COLLATE "C"   NOT NULL,
  sort_key      TEXT COLLATE "C"   NOT NULL,
  category      TEXT COLLATE "C"   NOT NULL,
  created_at    BIGINT NOT NULL,
  PRIMARY KEY (market_id, stall_number),
  UNIQUE (market_id, code_key)
);

CREATE TABLE vendors (
  market_id   BIGINT NOT NULL,
  vendor_id   BYTEA  NOT NULL,
  name        TEXT COLLATE "C"   NOT NULL,
  search_key  TEXT COLLATE "C"   NOT NULL,
  sort_key    TEXT COLLATE "C"   NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (market_id, vendor_id)
);

CREATE TABLE tenancies (
  market_id     BIGINT NOT NULL,
  stall_number  BIGINT NOT NULL,
  valid_from    TEXT COLLATE "C"   NOT NULL,
  valid_to      TEXT COLLATE "C",
  vendor_id     BYTEA  NOT NULL,
  PRIMARY KEY (market_id, stall_number, valid_from),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
);

CREATE TABLE receiving_accounts (
  market_id    BIGINT NOT NULL,
  number       TEXT COLLATE "C"   NOT NULL,
  bin          TEXT COLLATE "C"   NOT NULL,
  account_id   BYTEA  NOT NULL,
  holder_name  TEXT COLLATE "C"   NOT NULL,
  kind         TEXT COLLATE "C"   NOT NULL CHECK (kind IN ('direct', 'virtual', 'collecting')),
  vendor_id    BYTEA,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (market_id, number, bin),
  FOREIGN KEY (market_id, vendor_id) REFERENCES vendors (market_id, vendor_id)
);

CREATE TABLE account_stalls (
  market_id     BIGINT NOT NULL,
  number        TEXT COLLATE "C"   NOT NULL,
  bin           TEXT COLLATE "C"   NOT NULL,
  stall_number  BIGINT NOT NULL,
  valid_from    BIGINT NOT NULL,
  valid_to      BIGINT,
  is_default    BIGINT NOT NULL CHECK (is_default IN (0, 1)),
  PRIMARY KEY (market_id, number, bin, stall_number, valid_from),
  FOREIGN KEY (market_id, number, bin) REFERENCES receiving_accounts (market_id, number, bin),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number)
);

CREATE TABLE qr_codes (
  market_id     BIGINT NOT NULL,
  stall_number  BIGINT NOT NULL,
  version       BIGINT NOT NULL,
  number        TEXT COLLATE "C"   NOT NULL,
  bin           TEXT COLLATE "C"   NOT NULL,
  payload       TEXT COLLATE "C"   NOT NULL,
  issued_at     BIGINT NOT NULL,
  PRIMARY KEY (market_id, stall_number, version),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number)
);

-- The fence (DESIGN §4.6): every write that judges, posts or changes a binding moves `version`.
CREATE TABLE market_head (
  market_id   BIGINT NOT NULL PRIMARY KEY,
  version     BIGINT NOT NULL,
  last_seq    BIGINT NOT NULL,
  last_item   BIGINT NOT NULL,
  last_batch  BIGINT NOT NULL,
  last_hash   BYTEA  NOT NULL,
  open_date   TEXT COLLATE "C"   NOT NULL
);

-- The journal and what its hash chain covers. Append-only.
CREATE TABLE batches (
  market_id      BIGINT NOT NULL,
  batch_no       BIGINT NOT NULL,
  first_seq      BIGINT NOT NULL,
  posting_count  BIGINT NOT NULL,
  first_item     BIGINT NOT NULL,
  item_count     BIGINT NOT NULL,
  recorded_at    BIGINT NOT NULL,
  previous_hash  BYTEA  NOT NULL,
  hash           BYTEA  NOT NULL,
  PRIMARY KEY (market_id, batch_no)
);

CREATE TABLE postings (
  market_id       BIGINT NOT NULL,
  seq             BIGINT NOT NULL,
  batch_no        BIGINT NOT NULL,
  kind            TEXT COLLATE "C"   NOT NULL CHECK (kind IN ('settle', 'assign', 'reversal', 'cash_change', 'exclusion', 'refund')),
  debit_account   TEXT COLLATE "C"   NOT NULL,
  credit_account  TEXT COLLATE "C"   NOT NULL,
  amount          BIGINT NOT NULL CHECK (amount > 0),
  business_date   TEXT COLLATE "C"   NOT NULL,
  event_date      TEXT COLLATE "C"   NOT NULL,
  event_at        BIGINT,
  recorded_at     BIGINT NOT NULL,
  late            BIGINT NOT NULL CHECK (late IN (0, 1)),
  stall_number    BIGINT,
  item            BIGINT,
  concerns        BIGINT,
  reason          TEXT COLLATE "C",
  actor           TEXT COLLATE "C",
  PRIMARY KEY (market_id, seq),
  CHECK (debit_account <> credit_account)
);
CREATE INDEX postings_by_date ON postings (market_id, business_date, seq);
-- A posting is reversed at most once, and what rests on it is found without a scan.
CREATE UNIQUE INDEX postings_reversal ON postings (market_id, concerns) WHERE kind = 'reversal';
CREATE INDEX postings_concerning ON postings (market_id, concerns) WHERE concerns IS NOT NULL;

-- The work list of deliveries whose items belong to several markets: recorded first, in the
-- source's market, so that what a crash interrupts is judged at the next start.
CREATE TABLE deliveries (
  market_id    BIGINT NOT NULL,
  delivery_id  BYTEA  NOT NULL,
  item_count   BIGINT NOT NULL,
  state        TEXT COLLATE "C"   NOT NULL CHECK (state IN ('received', 'judged')),
  PRIMARY KEY (market_id, delivery_id)
);
CREATE INDEX deliveries_unfinished ON deliveries (market_id, delivery_id) WHERE state = 'received';

-- One judged item. Never updated: a later outcome is a later row whose `earlier_item` points back.
CREATE TABLE inbox (
  market_id        BIGINT NOT NULL,
  item             BIGINT NOT NULL,
  batch_no         BIGINT NOT NULL,
  delivery_id      BYTEA  NOT NULL,
  part             BIGINT NOT NULL,
  source_id        BIGINT NOT NULL,
  event_id         TEXT COLLATE "C",
  event_id_weak    BIGINT NOT NULL CHECK (event_id_weak IN (0, 1)),
  direction        TEXT COLLATE "C"   NOT NULL CHECK (direction IN ('credit', 'debit', 'none')),
  settled_account  TEXT COLLATE "C",
  addressed        TEXT COLLATE "C",
  bank_hint        TEXT COLLATE "C",
  amount           BIGINT,
  reference        TEXT COLLATE "C",
  occurrence       BIGINT NOT NULL,
  event_at         BIGINT,
  event_precision  TEXT COLLATE "C"   NOT NULL CHECK (event_precision IN ('second', 'day', 'none')),
  claimed_at       BIGINT,
  event_date       TEXT COLLATE "C"   NOT NULL,
  business_date    TEXT COLLATE "C"   NOT NULL,
  memo_code        BIGINT,
  outcome          TEXT COLLATE "C"   NOT NULL CHECK (outcome IN
    ('recorded', 'suspense', 'duplicate', 'ignored', 'quarantined', 'rejected', 'stale', 'dismissed', 'received')),
  reason           TEXT COLLATE "C",
  actor            TEXT COLLATE "C",
  posting_seq      BIGINT,
  earlier_item     BIGINT,
  resolves         BIGINT,
  claims_event     BIGINT NOT NULL CHECK (claims_event IN (0, 1)),
  claims_reference BIGINT NOT NULL CHECK (claims_reference IN (0, 1)),
  recorded_at      BIGINT NOT NULL,
  commitment       BYTEA  NOT NULL,
  PRIMARY KEY (market_id, item)
);
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
  market_id  BIGINT NOT NULL,
  item       BIGINT NOT NULL,
  salt       BYTEA  NOT NULL,
  raw        BYTEA,
  memo       TEXT COLLATE "C"   NOT NULL,
  payer      TEXT COLLATE "C"   NOT NULL,
  PRIMARY KEY (market_id, item)
);

-- Which source's report of a credit has been recognised as the same money. Derived from the inbox: a
-- row goes when a person books the report as money of its own.
CREATE TABLE pairings (
  market_id    BIGINT NOT NULL,
  credit_item  BIGINT NOT NULL,
  source_id    BIGINT NOT NULL,
  item         BIGINT NOT NULL,
  PRIMARY KEY (market_id, credit_item, source_id)
);

-- Sources whose references another source has confirmed in this market: between two of them,
-- another reference of the same shape is other money. Derived from the inbox.
CREATE TABLE reference_agreements (
  market_id  BIGINT NOT NULL,
  source_id  BIGINT NOT NULL,
  PRIMARY KEY (market_id, source_id)
);

-- Kept totals: written in the posting's own transaction, re-derived by `verify`.
CREATE TABLE balances (
  market_id  BIGINT NOT NULL,
  account    TEXT COLLATE "C"   NOT NULL,
  debits     BIGINT NOT NULL CHECK (debits >= 0),
  credits    BIGINT NOT NULL CHECK (credits >= 0),
  PRIMARY KEY (market_id, account)
);

-- By stall (0 = suspense) and kind; `amount` is signed: what the posting did to that stall.
CREATE TABLE daily_totals (
  market_id      BIGINT NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  stall_number   BIGINT NOT NULL,
  kind           TEXT COLLATE "C"   NOT NULL,
  count          BIGINT NOT NULL,
  amount         BIGINT NOT NULL,
  first_at       BIGINT,
  last_at        BIGINT,
  PRIMARY KEY (market_id, business_date, stall_number, kind)
);

-- By hour of the day in Vietnam, -1 where no hour is known.
CREATE TABLE hourly_totals (
  market_id      BIGINT NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  hour           BIGINT NOT NULL CHECK (hour BETWEEN -1 AND 23),
  count          BIGINT NOT NULL,
  amount         BIGINT NOT NULL,
  PRIMARY KEY (market_id, business_date, hour)
);

-- Both sides by book day and bank's day: opening and closing, and what moved between days.
CREATE TABLE date_totals (
  market_id      BIGINT NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  event_date     TEXT COLLATE "C"   NOT NULL,
  kind           TEXT COLLATE "C"   NOT NULL,
  late           BIGINT NOT NULL,
  count          BIGINT NOT NULL,
  debits         BIGINT NOT NULL,
  credits        BIGINT NOT NULL,
  PRIMARY KEY (market_id, business_date, event_date, kind, late)
);
CREATE INDEX date_totals_by_event_date ON date_totals (market_id, event_date, business_date);

CREATE TABLE source_totals (
  market_id      BIGINT NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  source_id      BIGINT NOT NULL,
  outcome        TEXT COLLATE "C"   NOT NULL,
  count          BIGINT NOT NULL,
  amount         BIGINT NOT NULL,
  last_at        BIGINT NOT NULL,
  PRIMARY KEY (market_id, business_date, source_id, outcome)
);

CREATE TABLE day_closes (
  market_id      BIGINT NOT NULL,
  business_date  TEXT COLLATE "C"   NOT NULL,
  closed_at      BIGINT NOT NULL,
  last_seq       BIGINT NOT NULL,
  amount         BIGINT NOT NULL,
  count          BIGINT NOT NULL,
  PRIMARY KEY (market_id, business_date)
);

-- Market 0 keeps what belongs to no market.
INSERT INTO markets (market_id, code, name, search_key, demo, created_at) VALUES (0, '-', '(installation)', '', 0, 0);
INSERT INTO market_head (market_id, version, last_seq, last_item, last_batch, last_hash, open_date)
VALUES (0, 0, 0, 0, 0, decode(repeat('00', 32), 'hex'), '1970-01-01');
INSERT INTO market_cutoffs (market_id, from_date, minutes) VALUES (0, '1970-01-01', 0);
