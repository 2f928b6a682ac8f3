-- A file in pieces: whole, the largest one lay in memory three times over while it was kept, and once for every
-- backup. What was kept whole is one piece.
ALTER TABLE statement_files ADD COLUMN piece BIGINT NOT NULL DEFAULT 1;
ALTER TABLE statement_files DROP CONSTRAINT statement_files_pkey;
ALTER TABLE statement_files ADD PRIMARY KEY (market_id, statement_id, piece);
ALTER TABLE statement_files ALTER COLUMN piece DROP DEFAULT;
