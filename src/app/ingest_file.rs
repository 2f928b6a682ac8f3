//! Taking a file of bodies as if their source had posted them one after the other, without their
//! signatures: for whoever runs the program on the book's machine (`socho ingest`).
//!
//! Bodies are booked many to a commit and in the file's order; while one lot commits the next is
//! read. What does not fit that way (a body that cannot be read, one for several markets, routes
//! that moved meanwhile) goes through alone, as a webhook would.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::App;
use super::error::AppError;
use super::receive_settlement::{Reply, accepted};
use crate::bank::{self, Request};
use crate::domain::ids::{DeliveryId, MarketId, SourceName};
use crate::ledger::work::{Done, Incoming, Work};
use crate::store::error::StoreError;
use crate::store::routing::{Directory, Sender};

/// Bodies that are booked in one commit: enough that the commit is a small part of it, few enough
/// that a webhook that comes meanwhile does not wait long.
pub const BODIES_TOGETHER: u16 = 1_000;

/// Bodies that were read and wait for their markets.
struct Lot<'a> {
    directory: Arc<Directory>,
    /// Each body with the market and the piece of work it became, where it became one.
    bodies: Vec<(&'a [u8], Option<MarketId>)>,
    works: BTreeMap<MarketId, Vec<Work>>,
}

impl App {
    /// Takes a file of bodies: one a line, or one JSON value that is the whole file. `told` hears
    /// of each body's number, from 1, and its answer, in the file's order.
    ///
    /// # Errors
    /// `not_found` for the source; when the book cannot be written now: what `told` heard of stands.
    pub async fn ingest_file(
        &self,
        source: &SourceName,
        file: &[u8],
        mut told: impl FnMut(usize, Reply) + Send,
    ) -> Result<(), AppError> {
        let sender = self.sender(source).await?;
        let whole = serde_json::from_slice::<&serde_json::value::RawValue>(file).is_ok();
        let bodies: Vec<&[u8]> = if whole {
            vec![file]
        } else {
            file.split(|byte| *byte == b'\n').filter(|body| !body.trim_ascii().is_empty()).collect()
        };
        let mut lots = bodies.chunks(usize::from(BODIES_TOGETHER));
        let mut next = lots.next().map(|lot| self.read_lot(&sender, lot)).transpose()?;
        let mut number = 0;
        while let Some(lot) = next {
            // The lot is handed to the writer first; the next one is read while it commits.
            let reading = async { lots.next().map(|lot| self.read_lot(&sender, lot)).transpose() };
            let (booked, read) = tokio::join!(Box::pin(self.book_lot(source, &sender, lot)), reading);
            for reply in booked? {
                number += 1;
                told(number, reply);
            }
            next = read?;
        }
        Ok(())
    }

    fn read_lot<'a>(&self, sender: &Sender, bodies: &[&'a [u8]]) -> Result<Lot<'a>, AppError> {
        let directory = self.directory.get();
        let mut lot = Lot { directory, bodies: Vec::with_capacity(bodies.len()), works: BTreeMap::new() };
        for body in bodies {
            let request = Request { sub_path: "", headers: &[], body };
            let market = match bank::read(sender.dialect, sender.local_as_utc, &request) {
                Ok(items) => {
                    let mut markets = self.route(sender, &lot.directory, items)?;
                    match markets.pop_first().filter(|_| markets.is_empty()) {
                        Some((market, mut items)) => {
                            if let Some(first) = items.first_mut() {
                                first.raw = Some(body.to_vec());
                            }
                            let work = Work::Deliver(Incoming {
                                delivery: DeliveryId(self.ids.uuid()?),
                                source: sender.allowance.source,
                                reference_version: lot.directory.version,
                                items,
                            });
                            lot.works.entry(market).or_default().push(work);
                            Some(market)
                        }
                        None => None,
                    }
                }
                Err(_) => None,
            };
            lot.bodies.push((body, market));
        }
        Ok(lot)
    }

    /// Books a lot and returns its answers in order.
    async fn book_lot(&self, source: &SourceName, sender: &Sender, lot: Lot<'_>) -> Result<Vec<Reply>, AppError> {
        let Lot { directory, bodies, works } = lot;
        let mut done: BTreeMap<MarketId, std::vec::IntoIter<Done>> = BTreeMap::new();
        for (market, works) in works {
            let outcomes = match self.writer.submit(market, works).await {
                Ok(outcomes) => outcomes,
                Err(error) if error.is_temporary() => return Err(error.into()),
                // Something about one of them: each alone below, so that only that one is refused.
                Err(StoreError::UniqueViolation | StoreError::Statement(_) | StoreError::Inconsistent(_)) => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            done.insert(market, outcomes.into_iter());
        }
        let mut replies = Vec::with_capacity(bodies.len());
        for (body, market) in bodies {
            let outcome = market.and_then(|market| Some((market, done.get_mut(&market)?.next()?)));
            replies.push(match outcome {
                Some((market, Done::Judged(judged))) => {
                    let items = judged.iter().map(|item| self.answer_item(&directory, market, item)).collect();
                    accepted(sender, items)
                }
                Some((_, Done::RouteAgain | Done::Refused(_) | Done::Posted(_))) | None => {
                    self.ingest_body(source, body.to_vec()).await?
                }
            });
        }
        Ok(replies)
    }
}
