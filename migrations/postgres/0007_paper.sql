-- Paper: which version of a stall's code was printed when, by whom; and what one person proposed
-- that a second has to agree to.

CREATE TABLE qr_prints (
  market_id   BIGINT NOT NULL,
  print_id    BYTEA NOT NULL,
  printed_at  BIGINT NOT NULL,
  printed_by  TEXT COLLATE "C" NOT NULL,
  layout      TEXT COLLATE "C" NOT NULL CHECK (layout IN ('a4', 'a5', 'a6', 'a7')),
  PRIMARY KEY (market_id, print_id)
);

-- A card may be printed again, and each time is a row.
CREATE TABLE qr_print_cards (
  market_id     BIGINT NOT NULL,
  stall_number  BIGINT NOT NULL,
  version       BIGINT NOT NULL,
  print_id      BYTEA NOT NULL,
  PRIMARY KEY (market_id, stall_number, version, print_id),
  FOREIGN KEY (market_id, stall_number, version) REFERENCES qr_codes (market_id, stall_number, version),
  FOREIGN KEY (market_id, print_id) REFERENCES qr_prints (market_id, print_id)
);

-- Money above a limit is given to a stall by two people: the first one's wish, until the second has
-- agreed or somebody withdrew it.
CREATE TABLE assignment_proposals (
  market_id     BIGINT NOT NULL,
  posting_seq   BIGINT NOT NULL,
  stall_number  BIGINT NOT NULL,
  reason        TEXT COLLATE "C" NOT NULL,
  proposed_by   TEXT COLLATE "C" NOT NULL,
  proposed_at   BIGINT NOT NULL,
  PRIMARY KEY (market_id, posting_seq),
  FOREIGN KEY (market_id, stall_number) REFERENCES stalls (market_id, stall_number)
);

CREATE TRIGGER qr_prints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qr_prints FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER qr_print_cards_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qr_print_cards FOR EACH STATEMENT EXECUTE FUNCTION append_only();
