-- The office's telephone, which a vendor's phone offers beside every question.
ALTER TABLE markets ADD COLUMN office_phone TEXT COLLATE "C";
-- Which phones ended last: whoever listens for a market hears of it from any process.
CREATE INDEX devices_ended ON devices (market_id, ended_at) WHERE ended_at IS NOT NULL;
-- Money that went to suspense: the board's list looks through it, and not through whole dates.
CREATE INDEX postings_suspense ON postings (market_id, business_date, seq) WHERE credit_account = 'suspense' AND kind = 'settle';
