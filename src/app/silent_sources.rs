//! Sources that should have been heard of and are not, each by its own usual rate for that hour of
//! the week: for the manager's page, the list of sources and the log.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::App;
use super::error::AppError;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::{MarketCode, SourceId, SourceName};
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

impl App {
    /// Returns the silent sources of a market, or of all markets together; each is told to the log.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn silent_now(&self, market: Option<&MarketCode>) -> Result<Vec<Silent>, AppError> {
        let markets = match market {
            Some(code) => vec![self.market(code).await?],
            None => self.markets().await?,
        };
        let (now, directory) = (self.now(), self.directory.get());
        // Nine weeks: the eight before the hours of a silence that began up to two days ago.
        let from = BusinessDate::of_calendar(now).plus_days(-7_i64.saturating_mul(WEEKS.saturating_add(1)));
        let mut all: BTreeMap<SourceId, SourceHours> = BTreeMap::new();
        let mut transaction = self.store.begin_read().await?;
        for market in markets {
            for (source, hours) in source_hours::since(&mut transaction, market.id, from).await? {
                match all.get_mut(&source) {
                    None => drop(all.insert(source, hours)),
                    Some(known) => add(known, hours),
                }
            }
        }
        transaction.rollback().await?;
        let mut silent = Vec::new();
        for (source, hours) in all {
            let sender = directory.senders.values().find(|sender| sender.allowance.source == source);
            let judged = silence::judge(&hours.heard, hours.first, hours.last_at, now);
            if let (Some(sender), Some(judged)) = (sender, judged) {
                let minutes = now.duration_since(judged.since).as_mins();
                let missed = judged.missed_milli / 1_000;
                tracing::warn!(source = %sender.name, minutes, missed, "app.silent_source");
                silent.push(Silent { source: sender.name.clone(), since: judged.since, minutes, missed });
            }
        }
        silent.sort_by(|one, other| one.source.cmp(&other.source));
        Ok(silent)
    }
}

fn add(known: &mut SourceHours, more: SourceHours) {
    known.first = known.first.min(more.first);
    known.last_at = known.last_at.max(more.last_at);
    for (hour, count) in more.heard {
        let sum = known.heard.entry(hour).or_default();
        *sum = sum.saturating_add(count);
    }
}
