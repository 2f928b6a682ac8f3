-- Paper: which version of a stall's code was printed when, by whom; and what one person proposed
-- that a second has to agree to.

CREATE TABLE qr_prints (
  market_id   INTEGER NOT NULL,
  print_id    BLOB  NOT NULL,
  printed_at  INTEGER NOT NULL,
  printed_by  TEXT   NOT NULL,
  layout      TEXT   NOT NULL CHECK (layout IN ('a4', 'a5', 'a6', 'a7')),
  PRIMARY KEY (market_id, print_id)
) STRICT, WITHOUT ROWID;

-- A card may be printed again, and each time is a row.
CREATE TABLE qr_print_cards (
  market_id     INTEGER NOT NULL,
  stall_number  INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  print_id      BLOB  NOT NULL,
  PRIMARY KEY (market_id, stall_number, version, print_id),
  FOREIGN KEY (market_id, stall_number, version) REFERENCES qr_codes (market_id, stall_number, version),
  FOREIGN KEY (market_id, print_id) REFERENCES qr_prints (market_id, print_id)
) STRICT, WITHOUT ROWID;

-- Money above a limit is given to a stall by two people: the first one's wish, until the second has
-- agreed or somebody withdrew it.
CREATE TABLE assignment_proposals (
  market_id     INTEGER NOT NULL,
  posting_seq   INTEGER NOT NULL,
  stall_number  INTEGER NOT NULL,
  reason        TEXT   NOT NULL,
  proposed_by   TEXT   NOT NULL,
  proposed_at   INTEGER NOT NULL,
  PRIMARY KEY (market_id, posting_seq),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER qr_prints_no_update BEFORE UPDATE ON qr_prints BEGIN SELECT RAISE(ABORT, 'append-only: qr_prints'); END;
CREATE TRIGGER qr_prints_no_delete BEFORE DELETE ON qr_prints BEGIN SELECT RAISE(ABORT, 'append-only: qr_prints'); END;
CREATE TRIGGER qr_print_cards_no_update BEFORE UPDATE ON qr_print_cards BEGIN SELECT RAISE(ABORT, 'append-only: qr_print_cards'); END;
CREATE TRIGGER qr_print_cards_no_delete BEFORE DELETE ON qr_print_cards BEGIN SELECT RAISE(ABORT, 'append-only: qr_print_cards'); END;
