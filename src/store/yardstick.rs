//! The engine's own batched inserts, as yardsticks of the bulk path: the rows of a market's settlements
//! (inbox, texts, postings, all their indexes) once more under another market, durable every so many.
//! Nothing is parsed, judged, hashed or totalled. Only in a book that will be thrown away: such rows are
//! in no chain.

use std::time::{Duration, Instant};

use super::Store;
use super::backup::copy::{columns_of, quoted};
use super::engine::schema::{self, Table, TableColumn};
use super::engine::{Rows, binds};
use super::error::Result;
use crate::domain::ids::MarketId;

/// Markets under which rows are inserted again; a bench has no such markets of its own.
const BOUND: i64 = 1_000_000;
const COPIED: i64 = 1_000_001;
/// The tables a settlement adds a row to, in the order in which rows point at each other.
const ADDED_TO: [&str; 3] = ["inbox", "inbox_texts", "postings"];

/// One table's statements. All of a settlement's rows carry its number, from 1.
struct Again {
    columns: Vec<TableColumn>,
    read: String,
    bound: String,
    copied: String,
}

impl Again {
    fn of(table: &Table) -> Self {
        let name = quoted(&table.name);
        let columns: Vec<TableColumn> =
            table.columns.iter().filter(|column| column.name != "market_id").cloned().collect();
        let list = |prefix: &str| {
            let names = columns.iter().map(|column| format!("{prefix}{}", quoted(&column.name)));
            names.collect::<Vec<_>>().join(", ")
        };
        let number = if table.name == "postings" { "seq" } else { "item" };
        let range = format!("FROM {name} WHERE market_id = $1 AND {number} > $2 AND {number} <= $3");
        let (own, given) = (list(""), list("u."));
        let insert = format!("INSERT INTO {name} (market_id, {own}) SELECT");
        Self {
            read: format!("SELECT {own} {range} ORDER BY {number}"),
            bound: format!("{insert} $2, {given} FROM {{rows}} CROSS JOIN market_head h WHERE h.market_id = $1"),
            copied: format!("{insert} $4, {own} {range}"),
            columns,
        }
    }
}

impl Store {
    /// Inserts a market's first `settlements` again, `together` a commit: each row's values bound to a
    /// statement prepared once (on PostgreSQL a statement's rows as arrays), as any program must hand them
    /// over. Returns how long that took, without reading them first.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn insert_bound(&self, market: MarketId, settlements: u64, together: u64) -> Result<Duration> {
        let tables = tables().await?;
        let mut taken = Duration::ZERO;
        for range in ranges(settlements, together) {
            let rows = self.rows_again(market, &tables, range).await?;
            let began = Instant::now();
            let mut transaction = self.begin_write().await?;
            for (table, rows) in tables.iter().zip(rows) {
                transaction.execute_exactly(rows.len(), table.bound.clone(), binds![market.get(), BOUND, rows]).await?;
            }
            transaction.commit().await?;
            taken += began.elapsed();
        }
        Ok(taken)
    }

    /// As [`Self::insert_bound`] by `INSERT … SELECT` out of the same tables: the values never leave the
    /// engine, which no program that has something to tell can do.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn insert_copied(&self, market: MarketId, settlements: u64, together: u64) -> Result<Duration> {
        let tables = tables().await?;
        let began = Instant::now();
        for (after, up_to) in ranges(settlements, together) {
            let mut transaction = self.begin_write().await?;
            for table in &tables {
                transaction.execute(table.copied.clone(), binds![market.get(), after, up_to, COPIED]).await?;
            }
            transaction.commit().await?;
        }
        Ok(began.elapsed())
    }

    /// Reads what is inserted again, before its time begins.
    async fn rows_again(
        &self,
        market: MarketId,
        tables: &[Again],
        (after, up_to): (i64, i64),
    ) -> Result<Vec<Rows<'static>>> {
        let mut transaction = self.begin_read().await?;
        let mut found = Vec::with_capacity(tables.len());
        for table in tables {
            let rows = transaction.rows(table.read.clone(), binds![market.get(), after, up_to]).await?;
            found.push(columns_of(&rows, &table.columns)?.0);
        }
        transaction.rollback().await?;
        Ok(found)
    }
}

async fn tables() -> Result<Vec<Again>> {
    let tables = schema::tables().await?;
    Ok(ADDED_TO.into_iter().filter_map(|name| tables.iter().find(|table| table.name == name)).map(Again::of).collect())
}

/// Returns the numbers of so many settlements in steps: after which, up to which.
fn ranges(settlements: u64, together: u64) -> impl Iterator<Item = (i64, i64)> {
    let (last, step) = (signed(settlements), signed(together).max(1));
    std::iter::successors(Some(0_i64), move |done| Some(done.saturating_add(step)))
        .take_while(move |done| *done < last)
        .map(move |done| (done, last.min(done.saturating_add(step))))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
