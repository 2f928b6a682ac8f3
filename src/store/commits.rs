//! Who waits to hear that a market's book has grown, in this process.
//!
//! The writer tells after COMMIT; nobody is told of what another process writes, so whoever listens
//! also looks from time to time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::MarketId;

/// One bell for each market that somebody listens to.
#[derive(Debug, Default)]
pub(crate) struct Commits(Mutex<HashMap<MarketId, Arc<Notify>>>);

impl Commits {
    /// Returns a market's bell. A ring while nobody waits is kept for the next who does, and any
    /// number of rings are one: what was written is read at once.
    pub(crate) fn bell(&self, market: MarketId) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(market).or_default())
    }

    /// Rings a market's bell, if it has one.
    pub(crate) fn ring(&self, market: MarketId) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(&market) {
            bell.notify_one();
        }
    }
}
