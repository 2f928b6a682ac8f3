-- The bank's own bytes are evidence, as the row that holds their hash is: neither changes any more.
CREATE TRIGGER statement_files_no_update BEFORE UPDATE ON statement_files BEGIN SELECT RAISE(ABORT, 'append-only: statement_files'); END;
CREATE TRIGGER statement_files_no_delete BEFORE DELETE ON statement_files BEGIN SELECT RAISE(ABORT, 'append-only: statement_files'); END;
