-- A file in pieces: whole, the largest one lay in memory three times over while it was kept, and once for every
-- backup. What was kept whole is one piece.
CREATE TABLE statement_files_in_pieces (
  market_id     INTEGER NOT NULL,
  statement_id  BLOB   NOT NULL,
  piece         INTEGER NOT NULL,
  raw           BLOB   NOT NULL,
  PRIMARY KEY (market_id, statement_id, piece)
) STRICT, WITHOUT ROWID;
INSERT INTO statement_files_in_pieces (market_id, statement_id, piece, raw)
SELECT market_id, statement_id, 1, raw FROM statement_files;
DROP TABLE statement_files;
ALTER TABLE statement_files_in_pieces RENAME TO statement_files;
CREATE TRIGGER statement_files_no_update BEFORE UPDATE ON statement_files BEGIN SELECT RAISE(ABORT, 'append-only: statement_files'); END;
CREATE TRIGGER statement_files_no_delete BEFORE DELETE ON statement_files BEGIN SELECT RAISE(ABORT, 'append-only: statement_files'); END;
