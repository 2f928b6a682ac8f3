-- Which credits another source's report may be (DESIGN §4.12 c). An index over every credit of the
-- inbox answered that, and cost a quarter of what an inbox row costs, although most markets have one
-- source and nothing to pair. Now credits are listed by the dates that somebody asked for: a date is
-- listed when a report of a second source first needs it, and from then on kept up to date. Nothing
-- is moved here: dates are listed from the journal as they are needed.
DROP INDEX inbox_credits;

CREATE TABLE pairing_dates (
  market_id   INTEGER NOT NULL,
  event_date  TEXT   NOT NULL,
  PRIMARY KEY (market_id, event_date)
) STRICT, WITHOUT ROWID;

-- Every posted credit of a listed date. Derived from the journal.
CREATE TABLE pairing_credits (
  market_id        INTEGER NOT NULL,
  event_date       TEXT   NOT NULL,
  settled_account  TEXT   NOT NULL,
  amount           INTEGER NOT NULL,
  item             INTEGER NOT NULL,
  PRIMARY KEY (market_id, event_date, settled_account, amount, item)
) STRICT, WITHOUT ROWID;

-- What SQLite should expect of the new tables; see 0001.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('pairing_dates', 'pairing_dates', '1000 100 1'),
  ('pairing_credits', 'pairing_credits', '100000 10000 1000 20 2 1');
ANALYZE sqlite_schema;

-- SQLite builds a list of three words or more as a table of its own, for every row that is inserted:
-- five of them took an eighth of a settlement. The same rules, spelled so that it compares instead.
-- What lies in the tables stays as it is, so only their text changes; the schema was changed above,
-- by which every other connection learns of it.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
  'direction IN (''credit'', ''debit'', ''none'')',
  'direction = ''credit'' OR direction = ''debit'' OR direction = ''none'''),
  'event_precision IN (''second'', ''day'', ''none'')',
  'event_precision = ''second'' OR event_precision = ''day'' OR event_precision = ''none'''),
  'outcome IN' || char(10) || '    (''recorded'', ''suspense'', ''duplicate'', ''ignored'', ''quarantined'', ''rejected'', ''stale'', ''dismissed'', ''received'')',
  'outcome = ''recorded'' OR outcome = ''suspense'' OR outcome = ''duplicate'' OR outcome = ''ignored'' OR outcome = ''quarantined'' OR outcome = ''rejected'' OR outcome = ''stale'' OR outcome = ''dismissed'' OR outcome = ''received''')
WHERE type = 'table' AND name = 'inbox';
UPDATE sqlite_schema SET sql = replace(sql,
  'kind IN (''settle'', ''assign'', ''reversal'', ''cash_change'', ''exclusion'', ''refund'')',
  'kind = ''settle'' OR kind = ''assign'' OR kind = ''reversal'' OR kind = ''cash_change'' OR kind = ''exclusion'' OR kind = ''refund''')
WHERE type = 'table' AND name = 'postings';
UPDATE sqlite_schema SET sql = replace(sql,
  'outcome IN (''quarantined'', ''stale'', ''rejected'')',
  'outcome = ''quarantined'' OR outcome = ''stale'' OR outcome = ''rejected''')
WHERE type = 'index' AND name = 'inbox_held';
PRAGMA writable_schema = RESET;
