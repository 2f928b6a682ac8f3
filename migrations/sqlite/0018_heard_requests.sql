-- What each source sent lately and what became of it: the webhook clinic's memory, the same whichever
-- process heard the request. Apart from the book: written after the answer, by a task of its own, and
-- emptied by number, bytes and age. `place` orders the requests of one process where a clock stands still.
-- `body` is a refused request's alone, or its beginning: what was taken lies in the inbox.
CREATE TABLE heard_requests (
  market_id  INTEGER NOT NULL,
  source_id  INTEGER NOT NULL,
  taken      INTEGER NOT NULL CHECK (taken IN (0, 1)),
  heard_at   INTEGER NOT NULL,
  place      INTEGER NOT NULL,
  heard_id   BLOB    NOT NULL,
  request    TEXT    NOT NULL,
  body       BLOB,
  PRIMARY KEY (market_id, source_id, taken, heard_at, place, heard_id)
) STRICT, WITHOUT ROWID;
