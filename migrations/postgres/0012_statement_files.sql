-- The bank's own bytes are evidence, as the row that holds their hash is: neither changes any more.
CREATE TRIGGER statement_files_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_files FOR EACH STATEMENT EXECUTE FUNCTION append_only();
