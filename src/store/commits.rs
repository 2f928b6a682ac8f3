//! Who waits to hear that a market's book has grown, in this process.
//!
//! The writer tells after COMMIT; nobody is told of what another process writes, so whoever listens
//! also looks from time to time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::domain::ids::MarketId;

/// One bell for each market that somebody listens to, and one for all markets together.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    markets: Mutex<HashMap<MarketId, watch::Sender<()>>>,
    any: Notify,
}

impl Commits {
    /// Returns a market's bell, for as many as listen. A ring is kept for each of them until it is
    /// heard, and any number of rings are one: what was written is read at once.
    pub(crate) fn bell(&self, market: MarketId) -> watch::Receiver<()> {
        let mut markets = self.markets.lock().unwrap_or_else(PoisonError::into_inner);
        markets.entry(market).or_default().subscribe()
    }

    /// Waits until any market's book has grown, for the one who delivers to others.
    pub(crate) async fn any(&self) {
        self.any.notified().await;
    }

    /// Rings a market's bell, if it has one, and that of all markets.
    pub(crate) fn ring(&self, market: MarketId) {
        self.any.notify_one();
        let markets = self.markets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = markets.get(&market) {
            bell.send_replace(());
        }
    }
}

/// Waits for a bell; for ever once nobody can ring it any more.
pub(crate) async fn rung(bell: &mut watch::Receiver<()>) {
    if bell.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
