//! What a book's size costs: the report of one market and day, and the bulk rate, at 10 k postings
//! and at a hundred times as many.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::book::BenchBook;
use super::figures::percentile;
use super::load::{self, Portion, Spread};
use crate::app::error::AppError;
use crate::app::receive_settlement::ReplyStatus;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{IdError, SourceName};

/// Reports drawn up for one figure.
const REPORTS: usize = 41;
/// Bodies that are made at a time.
const PORTION: u64 = 50_000;

/// What was measured at one size.
#[derive(Debug, Clone, Copy)]
pub struct AtSize {
    /// Postings in the book.
    pub postings: u64,
    /// The median of drawing up one day's report, in microseconds.
    pub report_micros: u64,
    /// Settlements booked by the bulk path from that size on, and how long it took.
    pub next: (u64, Duration),
    /// How long `verify` took over the whole book.
    pub verify: Duration,
}

/// Grows a book to each of the sizes and measures there; `progress` hears each size. Returns the
/// figures and how many bodies were taken.
///
/// # Errors
/// Whatever the store meets.
pub async fn measure(
    book: &BenchBook,
    sizes: &[u64],
    mut progress: impl FnMut(u64),
) -> Result<(Vec<AtSize>, u64), AppError> {
    let source: SourceName = book.target.source.parse().map_err(|error: IdError| AppError::internal(error))?;
    let largest = sizes.last().copied().unwrap_or(0);
    // As many at every size: a young book would otherwise be timed before its log was folded even once.
    let gaps = sizes.iter().zip(sizes.iter().skip(1)).map(|(size, next)| next.saturating_sub(*size));
    let next = gaps.chain([PORTION, largest]).min().unwrap_or(0);
    let (now, total) = (book.app.now(), largest.saturating_add(next));
    let (mut first, mut acked, mut figures) = (0, 0, Vec::new());
    for size in sizes {
        progress(*size);
        while first < *size {
            let count = PORTION.min(size - first);
            take(book, &source, Growing { first, count, total, now }, &mut acked).await?;
            first += count;
        }
        let report_micros = report(book, load::past_day(size.saturating_sub(1), total, now)).await?;
        let began = Instant::now();
        let differing = book.app.verify(None).await?.into_iter().find(|market| !market.differences.is_empty());
        if let Some(market) = differing {
            return Err(AppError::internal(format!("the bench's own book differs: {:?}", market.differences.first())));
        }
        let verify = began.elapsed();
        let took = take(book, &source, Growing { first, count: next, total, now }, &mut acked).await?;
        first += next;
        figures.push(AtSize { postings: *size, report_micros, next: (next, took), verify });
    }
    Ok((figures, acked))
}

/// Which payments a book grows by, of how many in all, until when.
#[derive(Clone, Copy)]
struct Growing {
    first: u64,
    count: u64,
    total: u64,
    now: Timestamp,
}

async fn take(
    book: &BenchBook,
    source: &SourceName,
    Growing { first, count, total, now }: Growing,
    acked: &mut u64,
) -> Result<Duration, AppError> {
    let portion = Portion { first, count, spread: Spread::Spread };
    let bodies = load::past_bodies(&book.target, portion, total, now).join("\n");
    let began = Instant::now();
    let taken = |status| u64::from(status == ReplyStatus::Accepted);
    book.app.ingest_file(source, bodies.as_bytes(), |_, reply| *acked += taken(reply.status)).await?;
    Ok(began.elapsed())
}

async fn report(book: &BenchBook, date: BusinessDate) -> Result<u64, AppError> {
    let Some(market) = book.market_code() else { return Err(AppError::internal("the bench has no market")) };
    let mut micros = Vec::with_capacity(REPORTS);
    for _ in 0..REPORTS {
        let began = Instant::now();
        let report = book.app.daily_report(&market, date).await?;
        micros.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        if report.payments == 0 {
            return Err(AppError::internal(format!("the day {date} of the bench is empty")));
        }
    }
    micros.sort_unstable();
    Ok(percentile(&micros, 500))
}
