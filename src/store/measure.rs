//! What a bench asks of the book: counts out of the journal, sizes of batches and tables.

use super::Store;
use super::engine::{self, binds};
use super::error::Result;
use crate::domain::ids::MarketId;

/// Sizes of batches that are told apart; more than the writer can make.
const SIZES_LIMIT: i64 = 100_000;

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
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
