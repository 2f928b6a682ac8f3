//! Sources that should have been heard of and are not, each by its own usual rate for that hour of
//! the week: for the manager's page, the list of sources, the figures and the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::App;
use super::error::AppError;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::{MarketCode, MarketId, SourceId, SourceName};
use crate::ledger::silence::{self, WEEKS};
use crate::store::source_hours::{self, SourceHours};

/// A silent source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// The source.
    pub source: SourceName,
    /// The last that was heard of it.
    pub since: Timestamp,
    /// For how many minutes.
    pub minutes: i64,
    /// Reports that it would usually have sent since, rounded down.
    pub missed: i64,
}

impl Silent {
    /// Returns it as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"since": rfc3339(self.since), "minutes": self.minutes, "missed": self.missed})
    }
}

/// How old the look at all sources may be that the figures are taken from.
const LOOK: SignedDuration = SignedDuration::from_mins(1);
/// How often the serving program looks by itself.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// The silences that this process knows of.
#[derive(Debug, Default)]
pub(crate) struct Silences {
    /// Those that the log was told of, by market (none: all together) and source, with their beginning.
    told: Mutex<HashMap<(Option<MarketId>, SourceId), Timestamp>>,
    /// The last look at all markets together.
    looked: tokio::sync::Mutex<Option<(Timestamp, Arc<Vec<Silent>>)>>,
}

impl Silences {
    /// Notes who is silent in a market now, or in all together; those that the log was not told of.
    fn begun(&self, market: Option<MarketId>, silent: &[(SourceId, Timestamp)]) -> Vec<SourceId> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(of, source), since| *of != market || silent.contains(&(*source, *since)));
        let new = silent.iter().filter(|(source, since)| told.insert((market, *source), *since) != Some(*since));
        new.map(|(source, _)| *source).collect()
    }
}

impl App {
    /// Returns the silent sources of a market, or of all markets together. The log hears of each silence
    /// once.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn silent_now(&self, market: Option<&MarketCode>) -> Result<Vec<Silent>, AppError> {
        let market = match market {
            Some(code) => Some(self.market(code).await?.id),
            None => None,
        };
        let (now, directory) = (self.now(), self.directory.refresh(&self.store).await?);
        // Nine weeks: the eight before the hours of a silence that began up to two days ago.
        let from = BusinessDate::of_calendar(now).plus_days(-7_i64.saturating_mul(WEEKS.saturating_add(1)));
        let mut transaction = self.store.begin_read().await?;
        let all: BTreeMap<SourceId, SourceHours> = match market {
            Some(market) => source_hours::since(&mut transaction, market, from).await?,
            None => source_hours::everywhere(&mut transaction, from).await?,
        };
        transaction.rollback().await?;
        let mut silent = Vec::new();
        for (source, hours) in all {
            let sender = directory.senders.values().find(|sender| sender.allowance.source == source);
            let judged = silence::judge(&hours.heard, hours.first, hours.last_at, now);
            if let (Some(sender), Some(judged)) = (sender, judged) {
                let minutes = now.duration_since(judged.since).as_mins();
                let missed = judged.missed_milli / 1_000;
                silent.push((source, Silent { source: sender.name.clone(), since: judged.since, minutes, missed }));
            }
        }
        let begun: Vec<_> = silent.iter().map(|(source, one)| (*source, one.since)).collect();
        let begun = self.silences.begun(market, &begun);
        for (_, one) in silent.iter().filter(|(source, _)| begun.contains(source)) {
            let (market, minutes, missed) = (market.map(MarketId::get), one.minutes, one.missed);
            tracing::warn!(source = %one.source, market, minutes, missed, "app.silent_source");
        }
        let mut silent: Vec<Silent> = silent.into_iter().map(|(_, one)| one).collect();
        silent.sort_by(|one, other| one.source.cmp(&other.source));
        Ok(silent)
    }

    /// Returns the silent sources of all markets together as they were a minute ago at most, so that
    /// nobody who asks for the figures often makes the book work.
    pub(crate) async fn silent_lately(&self) -> Result<Arc<Vec<Silent>>, AppError> {
        let mut looked = self.silences.looked.lock().await;
        let now = self.now();
        let fresh = |at: &Timestamp| *at <= now && now.duration_since(*at) < LOOK;
        if let Some((_, silent)) = looked.as_ref().filter(|(at, _)| fresh(at)) {
            return Ok(Arc::clone(silent));
        }
        let silent = Arc::new(self.silent_now(None).await?);
        *looked = Some((now, Arc::clone(&silent)));
        Ok(silent)
    }

    /// Looks for silent sources every minute, so that the log hears of them while nobody looks at a page.
    /// Ends when `stopped` says so.
    pub async fn watch_sources(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        loop {
            if let Err(error) = self.silent_lately().await {
                tracing::warn!(%error, "app.silent_sources");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_hears_of_a_silence_once_and_of_the_next_one_again() {
        let at = |second| Timestamp::from_second(second).expect("an instant");
        let (silences, source) = (Silences::default(), SourceId::new(7));
        let market = MarketId::new(1).ok();
        assert_eq!(silences.begun(market, &[(source, at(10))]), [source]);
        assert_eq!(silences.begun(market, &[(source, at(10))]), []);
        assert_eq!(silences.begun(None, &[(source, at(10))]), [source], "all markets together are told apart");
        assert_eq!(silences.begun(market, &[]), []);
        assert_eq!(silences.begun(None, &[(source, at(10))]), []);
        assert_eq!(silences.begun(market, &[(source, at(20))]), [source]);
    }
}
