-- What is written stays written: the journal's tables refuse every change of a row.
CREATE TRIGGER batches_no_update BEFORE UPDATE ON batches BEGIN SELECT RAISE(ABORT, 'append-only: batches'); END;
CREATE TRIGGER batches_no_delete BEFORE DELETE ON batches BEGIN SELECT RAISE(ABORT, 'append-only: batches'); END;
CREATE TRIGGER postings_no_update BEFORE UPDATE ON postings BEGIN SELECT RAISE(ABORT, 'append-only: postings'); END;
CREATE TRIGGER postings_no_delete BEFORE DELETE ON postings BEGIN SELECT RAISE(ABORT, 'append-only: postings'); END;
CREATE TRIGGER inbox_no_update BEFORE UPDATE ON inbox BEGIN SELECT RAISE(ABORT, 'append-only: inbox'); END;
CREATE TRIGGER inbox_no_delete BEFORE DELETE ON inbox BEGIN SELECT RAISE(ABORT, 'append-only: inbox'); END;
CREATE TRIGGER day_closes_no_update BEFORE UPDATE ON day_closes BEGIN SELECT RAISE(ABORT, 'append-only: day_closes'); END;
CREATE TRIGGER day_closes_no_delete BEFORE DELETE ON day_closes BEGIN SELECT RAISE(ABORT, 'append-only: day_closes'); END;
CREATE TRIGGER stall_numbers_no_update BEFORE UPDATE ON stall_numbers BEGIN SELECT RAISE(ABORT, 'append-only: stall_numbers'); END;
CREATE TRIGGER stall_numbers_no_delete BEFORE DELETE ON stall_numbers BEGIN SELECT RAISE(ABORT, 'append-only: stall_numbers'); END;
CREATE TRIGGER qr_codes_no_update BEFORE UPDATE ON qr_codes BEGIN SELECT RAISE(ABORT, 'append-only: qr_codes'); END;
CREATE TRIGGER qr_codes_no_delete BEFORE DELETE ON qr_codes BEGIN SELECT RAISE(ABORT, 'append-only: qr_codes'); END;
