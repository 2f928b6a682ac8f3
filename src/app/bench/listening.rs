//! From a webhook's bytes to the phones: authenticated, judged, booked, read once by the market's room and
//! handed to everybody who listens to the stall. The wire on either side is not in it.

use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::book::BenchBook;
use super::figures::{Latencies, percentile};
use super::load::{Portion, Spread, requests};
use crate::app::error::AppError;
use crate::app::listen::{Listen, NewsKind};
use crate::app::receive_settlement::Inbound;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::StallNumber;

/// What listening phones gave.
#[derive(Debug, Clone, Copy)]
pub struct Listened {
    /// Phones that listened.
    pub phones: u64,
    /// Payments that each of them heard.
    pub payments: u64,
    /// From the webhook to each phone.
    pub latencies: Latencies,
    /// How often the journal was read for all of them.
    pub reads: u64,
}

/// Has so many phones of one stall hear so many payments, one payment after another.
///
/// # Errors
/// When a phone misses a payment, and whatever the store meets.
pub async fn measure(book: &BenchBook, phones: u64, payments: u64) -> Result<Listened, AppError> {
    let market = book.market_code().ok_or_else(|| AppError::internal("a bench without a market"))?;
    let stall = Some(StallNumber::FIRST);
    let (told, mut heard) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    for _ in 0..phones {
        let wanted = Listen { market: &market, stall, after: None, since: BusinessDate::BEGINNING };
        let mut listener = book.app.listen(wanted).await?;
        let told = told.clone();
        tasks.spawn(async move {
            while let Some(news) = listener.next().await {
                if news.kind == NewsKind::Payment && told.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
    }
    drop(told);
    let reads = book.app.listening_reads();
    let portion = Portion { first: 0, count: payments, spread: Spread::Hot };
    let mut micros = Vec::new();
    for request in requests(&book.target, portion, book.app.now()) {
        let sent = Instant::now();
        let headers = request.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let (source, sub_path) = (book.target.source.clone(), request.sub_path.to_owned());
        let body = request.body.into_bytes();
        book.app.receive_settlement(Inbound { source, sub_path, headers, body, address: None }).await?;
        for _ in 0..phones {
            let at = heard.recv().await.ok_or_else(|| AppError::internal("a phone stopped listening"))?;
            micros.push(u64::try_from(at.saturating_duration_since(sent).as_micros()).unwrap_or(u64::MAX));
        }
    }
    tasks.shutdown().await;
    micros.sort_unstable();
    let latencies = Latencies {
        p50: percentile(&micros, 500),
        p99: percentile(&micros, 990),
        max: micros.last().copied().unwrap_or(0),
    };
    Ok(Listened { phones, payments, latencies, reads: book.app.listening_reads().saturating_sub(reads) })
}
