//! Taking a file of bodies as if their source had posted them one after the other, without their
//! signatures: for whoever runs the program on the book's machine (`socho ingest`).
//!
//! Bodies are booked many to a commit and in the file's order; while one lot commits the answers to the
//! one before are written and the next is read. What does not fit that way (a body that cannot be read, one for several markets, routes
//! that moved meanwhile) goes through alone, as a webhook would.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::App;
use super::error::AppError;
use super::receive_settlement::{Reply, accepted};
use crate::bank::{self, Request};
use crate::domain::ids::{DeliveryId, MarketId, SourceName};
use crate::ledger::work::{Done, Incoming, JudgedItem, Work};
use crate::store::error::StoreError;
use crate::store::routing::{Directory, Sender};

/// Bodies that are booked in one commit: enough that the commit, and the totals that are written once for each,
/// are a small part of it; few enough that a webhook that comes meanwhile does not wait long.
pub const BODIES_TOGETHER: u16 = 2_000;

/// Bodies that were read and wait for their markets.
struct Lot<'a> {
    directory: Arc<Directory>,
    /// Each body with the market and the piece of work it became, where it became one.
    bodies: Vec<(&'a [u8], Option<MarketId>)>,
    works: BTreeMap<MarketId, Vec<Work>>,
}

/// What a body became, in the market it went to.
type OfMarket = (MarketId, Vec<JudgedItem>);

/// Bodies whose lot the writer has taken, each with what became of it; nothing for those that must go
/// through alone.
struct Booked<'a> {
    directory: Arc<Directory>,
    bodies: Vec<(&'a [u8], Option<OfMarket>)>,
}

impl Booked<'_> {
    fn is_whole(&self) -> bool {
        self.bodies.iter().all(|(_, judged)| judged.is_some())
    }
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
        let mut booked: Option<Booked<'_>> = None;
        let mut number = 0;
        let mut tell = |replies: Vec<Reply>| {
            for reply in replies {
                number += 1;
                told(number, reply);
            }
        };
        while let Some(lot) = next {
            // The lot is handed to the writer first, so that it never waits for what is done meanwhile.
            let meanwhile = async {
                let replies = booked.take().map(|booked| self.answer_lot(&sender, &booked));
                (replies, lots.next().map(|lot| self.read_lot(&sender, lot)).transpose())
            };
            let (submitted, (replies, read)) = tokio::join!(Box::pin(self.book_lot(lot)), meanwhile);
            tell(replies.unwrap_or_default());
            let submitted = submitted?;
            if submitted.is_whole() {
                booked = Some(submitted);
            } else {
                // What goes through alone goes before the next lot.
                tell(self.answer_rest(source, &sender, submitted).await?);
            }
            match read {
                Ok(read) => next = read,
                Err(error) => {
                    tell(booked.map(|booked| self.answer_lot(&sender, &booked)).unwrap_or_default());
                    return Err(error);
                }
            }
        }
        tell(booked.map(|booked| self.answer_lot(&sender, &booked)).unwrap_or_default());
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

    /// Books a lot.
    async fn book_lot<'a>(&self, lot: Lot<'a>) -> Result<Booked<'a>, AppError> {
        let Lot { directory, bodies, works } = lot;
        let mut done: BTreeMap<MarketId, std::vec::IntoIter<Done>> = BTreeMap::new();
        for (market, works) in works {
            let outcomes = match self.writer.submit(market, works).await {
                Ok(outcomes) => outcomes,
                Err(error) if error.is_temporary() => return Err(error.into()),
                // Something about one of them: each alone afterwards, so that only that one is refused.
                Err(StoreError::UniqueViolation | StoreError::Statement(_) | StoreError::Inconsistent(_)) => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            done.insert(market, outcomes.into_iter());
        }
        let outcome = |(body, market): (&'a [u8], Option<MarketId>)| {
            let done = market.and_then(|market| Some((market, done.get_mut(&market)?.next()?)));
            let judged = match done {
                Some((market, Done::Judged(items))) => Some((market, items)),
                Some((_, Done::RouteAgain | Done::Refused(_) | Done::Posted(_))) | None => None,
            };
            (body, judged)
        };
        Ok(Booked { directory, bodies: bodies.into_iter().map(outcome).collect() })
    }

    /// Returns the answers to a lot, in order, up to the first body that must go through alone.
    fn answer_lot(&self, sender: &Sender, booked: &Booked<'_>) -> Vec<Reply> {
        let judged = booked.bodies.iter().map_while(|(_, judged)| judged.as_ref());
        judged.map(|judged| self.answer_judged(sender, &booked.directory, judged)).collect()
    }

    /// Returns the answers to a lot, in order, after those that must have gone through alone.
    async fn answer_rest(
        &self,
        source: &SourceName,
        sender: &Sender,
        booked: Booked<'_>,
    ) -> Result<Vec<Reply>, AppError> {
        let mut replies = Vec::with_capacity(booked.bodies.len());
        for (body, judged) in booked.bodies {
            replies.push(match judged {
                Some(judged) => self.answer_judged(sender, &booked.directory, &judged),
                None => self.ingest_body(source, body.to_vec()).await?,
            });
        }
        Ok(replies)
    }

    fn answer_judged(&self, sender: &Sender, directory: &Directory, (market, items): &OfMarket) -> Reply {
        accepted(sender, items.iter().map(|item| self.answer_item(directory, *market, item)).collect())
    }
}
