-- What is written stays written: the second lock beside the grants of store/roles.rs. A cluster that
-- distributes these tables cannot hold triggers; there the grants alone guard them.
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append-only: %', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER batches_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON batches FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER inbox_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inbox FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER day_closes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON day_closes FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER stall_numbers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stall_numbers FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER qr_codes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qr_codes FOR EACH STATEMENT EXECUTE FUNCTION append_only();
