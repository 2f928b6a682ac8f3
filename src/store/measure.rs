//! What a bench asks of the book: counts out of the journal, sizes of batches and tables, and the
//! engine's own batched insert as the yardstick of the bulk path.

use std::time::{Duration, Instant};

use super::Store;
use super::engine::{self, binds};
use super::error::Result;
use crate::domain::ids::MarketId;

/// Sizes of batches that are told apart; more than the writer can make.
const SIZES_LIMIT: i64 = 100_000;
/// The market under which the yardstick inserts again; a bench has no such market of its own.
const AGAIN: i64 = 1_000_000;

/// How many batches held this many items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSize {
    /// Items in each.
    pub items: u64,
    /// How many such batches.
    pub batches: u64,
}

/// What the book takes on disk, indexes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes {
    /// Postings, batches and every kept total.
    pub journal: u64,
    /// Judged items with their identities, and the texts they came in.
    pub inbox: u64,
}

/// A database of a bench's own on a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// Its address.
    pub url: String,
    server: String,
    name: String,
}

impl Scratch {
    /// Makes it beside the database that `server` names.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn create(server: &str, name: String) -> Result<Self> {
        Ok(Self { url: engine::create_database(server, &name).await?, server: server.to_owned(), name })
    }

    /// Drops it.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn drop(self) -> Result<()> {
        engine::drop_database(&self.server, &self.name).await
    }
}

impl Store {
    /// Returns the number of a market's last batch.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn last_batch(&self, market: MarketId) -> Result<i64> {
        const SQL: &str = "SELECT last_batch FROM market_head WHERE market_id = $1";
        Ok(self.one(SQL, market, "last_batch").await?.unwrap_or(0))
    }

    /// Counts the payments of a market's journal: postings whose item names an event, each event once.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn count_booked(&self, market: MarketId) -> Result<u64> {
        const SQL: &str = "SELECT COUNT(DISTINCT i.event_id) AS booked FROM postings p JOIN inbox i \
            ON i.market_id = p.market_id AND i.item = p.item WHERE p.market_id = $1 AND p.kind = 'settle'";
        Ok(unsigned(self.one(SQL, market, "booked").await?.unwrap_or(0)))
    }

    async fn one(&self, sql: &'static str, market: MarketId, column: &str) -> Result<Option<i64>> {
        let mut transaction = self.begin_read().await?;
        let row = transaction.row(sql, binds![market.get()]).await?;
        transaction.rollback().await?;
        row.map(|row| row.int(column)).transpose()
    }

    /// Returns how many batches of which size were written after one batch, up to another.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn batch_sizes(&self, market: MarketId, after: i64, up_to: i64) -> Result<Vec<BatchSize>> {
        const SQL: &str = "SELECT item_count, COUNT(*) AS batches FROM batches WHERE market_id = $1 \
            AND batch_no > $2 AND batch_no <= $3 GROUP BY item_count ORDER BY item_count LIMIT $4";
        let mut transaction = self.begin_read().await?;
        let rows = transaction.rows(SQL, binds![market.get(), after, up_to, SIZES_LIMIT]).await?;
        transaction.rollback().await?;
        let size = |row: &engine::Row| {
            Ok(BatchSize { items: unsigned(row.int("item_count")?), batches: unsigned(row.int("batches")?) })
        };
        rows.iter().map(size).collect()
    }

    /// Returns the bytes of the book's growing tables.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn table_bytes(&self) -> Result<Bytes> {
        let mut transaction = self.begin_read().await?;
        let sql = transaction.table_bytes_sql();
        let rows = transaction.rows(sql, Vec::new()).await?;
        transaction.rollback().await?;
        let mut bytes = Bytes::default();
        for row in rows {
            let taken = unsigned(row.int("bytes")?);
            match row.text("name")?.as_str() {
                "postings" | "batches" | "balances" | "daily_totals" | "hourly_totals" | "date_totals"
                | "source_totals" => bytes.journal += taken,
                "inbox" | "inbox_texts" | "pairings" | "pairing_credits" | "deliveries" => bytes.inbox += taken,
                _ => {}
            }
        }
        Ok(bytes)
    }

    /// Inserts a market's first rows again, many in a statement and durable every `together`: the
    /// same rows into the same tables with the same indexes, by the engine alone. Only in a book
    /// that will be thrown away: such rows are in no chain. Returns how long it took.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn insert_again(&self, market: MarketId, settlements: u64, together: u64) -> Result<Duration> {
        const INBOX: &str = "INSERT INTO inbox (market_id, item, batch_no, delivery_id, part, source_id, event_id, \
            event_id_weak, direction, settled_account, addressed, bank_hint, amount, reference, occurrence, event_at, \
            event_precision, claimed_at, event_date, business_date, memo_code, outcome, reason, actor, posting_seq, \
            earlier_item, resolves, claims_event, claims_reference, recorded_at, commitment) \
            SELECT $2, item, batch_no, delivery_id, part, source_id, event_id, event_id_weak, direction, \
            settled_account, addressed, bank_hint, amount, reference, occurrence, event_at, event_precision, \
            claimed_at, event_date, business_date, memo_code, outcome, reason, actor, posting_seq, earlier_item, \
            resolves, claims_event, claims_reference, recorded_at, commitment \
            FROM inbox WHERE market_id = $1 AND item > $3 AND item <= $4";
        const TEXTS: &str = "INSERT INTO inbox_texts (market_id, item, salt, raw, memo, payer) \
            SELECT $2, item, salt, raw, memo, payer FROM inbox_texts WHERE market_id = $1 AND item > $3 AND item <= $4";
        const POSTINGS: &str = "INSERT INTO postings (market_id, seq, batch_no, kind, debit_account, credit_account, \
            amount, business_date, event_date, event_at, recorded_at, late, stall_number, item, concerns, reason, \
            actor) SELECT $2, seq, batch_no, kind, debit_account, credit_account, amount, business_date, event_date, \
            event_at, recorded_at, late, stall_number, item, concerns, reason, actor \
            FROM postings WHERE market_id = $1 AND seq > $3 AND seq <= $4";
        let began = Instant::now();
        let (mut done, last) = (0, signed(settlements));
        while done < last {
            let up_to = last.min(done.saturating_add(signed(together)));
            let mut transaction = self.begin_write().await?;
            for sql in [INBOX, TEXTS, POSTINGS] {
                transaction.execute(sql, binds![market.get(), AGAIN, done, up_to]).await?;
            }
            transaction.commit().await?;
            done = up_to;
        }
        Ok(began.elapsed())
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
