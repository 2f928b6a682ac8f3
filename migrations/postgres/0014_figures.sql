-- PostgreSQL keeps figures about a column's commonest values. Of the market they mislead: one opened
-- since the last ANALYZE is in none of them, is taken for empty, and then every index that begins with
-- market_id looks equally good, so that a look-up reads the market's whole inbox. Without figures a
-- market is taken for the two-hundredth part of the table, new or old, and each look-up keeps the index
-- that was made for it.
ALTER TABLE inbox ALTER COLUMN market_id SET STATISTICS 0;
ALTER TABLE postings ALTER COLUMN market_id SET STATISTICS 0;
ALTER TABLE pairing_credits ALTER COLUMN market_id SET STATISTICS 0;
ALTER TABLE pairings ALTER COLUMN market_id SET STATISTICS 0;
ALTER TABLE statement_lines ALTER COLUMN market_id SET STATISTICS 0;
