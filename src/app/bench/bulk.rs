//! Bulk: a file of bodies by the path of `socho ingest`, beside the engine's own batched inserts of
//! the very rows that path left (`store::yardstick`).

use std::time::{Duration, Instant};

use super::book::{BenchBook, Folder};
use super::load::{self, Portion, Spread};
use super::machine::processor_time;
use crate::app::error::AppError;
use crate::app::ingest_file::BODIES_TOGETHER;
use crate::app::receive_settlement::ReplyStatus;
use crate::domain::ids::{IdError, SourceName};
use crate::store::measure::Bytes;

/// Settlements that one statement of the raw insert copies: what the ingest path commits together.
const TOGETHER: u16 = BODIES_TOGETHER;

/// The rates' makings.
#[derive(Debug, Clone, Copy)]
pub struct Bulk {
    /// Settlements in the file.
    pub count: u64,
    /// How long the ingest path took.
    pub ingest: Duration,
    /// How long the engine took to insert the same rows, each bound.
    pub raw: Duration,
    /// How long it took to copy them within itself.
    pub copied: Duration,
    /// The processor time of the ingest path, and of the copy.
    pub cpu: (Duration, Duration),
    /// Bodies that were taken.
    pub acked: u64,
}

/// Ingests a file of `count` bodies into a fresh book, then has the engine insert the same rows in two
/// ways. Returns the times, and what the book took on disk in between.
///
/// # Errors
/// Whatever the store meets.
pub async fn measure(book: &BenchBook, folder: &Folder, count: u64) -> Result<(Bulk, Bytes), AppError> {
    let source: SourceName = book.target.source.parse().map_err(|error: IdError| AppError::internal(error))?;
    let portion = Portion { first: 0, count, spread: Spread::Spread };
    let bodies = load::past_bodies(&book.target, portion, count, book.app.now());
    let path = folder.path().join("bodies.jsonl");
    std::fs::write(&path, bodies.join("\n")).map_err(AppError::internal)?;
    let (began, before) = (Instant::now(), processor_time());
    let bytes = std::fs::read(&path).map_err(AppError::internal)?;
    let mut acked = 0_u64;
    let taken = |status| u64::from(status == ReplyStatus::Accepted);
    book.app.ingest_file(&source, &bytes, |_, reply| acked += taken(reply.status)).await?;
    let (ingest, ingest_cpu) = (began.elapsed(), processor_time().saturating_sub(before));
    let on_disk = book.bytes().await?;
    let raw = book.insert_bound(count, u64::from(TOGETHER)).await?;
    let before = processor_time();
    let copied = book.insert_copied(count, u64::from(TOGETHER)).await?;
    let cpu = (ingest_cpu, processor_time().saturating_sub(before));
    Ok((Bulk { count, ingest, raw, copied, cpu, acked }, on_disk))
}
