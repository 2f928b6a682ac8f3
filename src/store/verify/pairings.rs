//! Which reports of a credit were recognised as the same money, derived again from the inbox.
//!
//! There may be one for every posting, so none is remembered: each report is looked up in the kept
//! table when it is met, and each kept row is looked up in the inbox. Only what does not look the same
//! at once stays in memory and is followed exactly: reports that a person released later, a second
//! report of one credit by one source, and differences.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Findings;
use crate::domain::ids::MarketId;
use crate::domain::inbox::{Outcome, reason};
use crate::store::Store;
use crate::store::engine::{Column, Row, Rows, Transaction, binds};
use crate::store::error::Result;

/// Rows looked at by one statement.
const CHUNK: i64 = 1_000;
/// Credits followed exactly; a book with more of them cannot be right.
const FOLLOWED_MAX: usize = 1_000_000;

/// A credit's item and the source that reported it again.
type Key = (i64, i64);

/// A report that points at an earlier item.
#[derive(Debug, Clone)]
pub(super) struct Report {
    item: i64,
    source: i64,
    outcome: String,
    reason: Option<String>,
    earlier: i64,
    resolves: Option<i64>,
}

/// The item that a report points at.
#[derive(Debug, Clone)]
struct Earlier {
    source: i64,
    outcome: String,
    reason: Option<String>,
    points_at: Option<i64>,
}

/// What a report does to the pairings.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// It is recognised as the money of a credit; `agree` when by its reference.
    Pair { key: Key, earlier_source: i64, agree: bool },
    /// A person booked it as money of its own.
    Release { key: Key },
}

impl Report {
    /// Reads a row of the inbox; `None` when it points at nothing.
    pub(super) fn of(row: &Row) -> Result<Option<Self>> {
        let Some(earlier) = row.optional_int("earlier_item")? else { return Ok(None) };
        Ok(Some(Self {
            item: row.int("item")?,
            source: row.int("source_id")?,
            outcome: row.text("outcome")?,
            reason: row.optional_text("reason")?,
            earlier,
            resolves: row.optional_int("resolves")?,
        }))
    }

    /// Returns what it does, given the item it points at.
    fn event(&self, earlier: &Earlier) -> Option<Event> {
        let is = |outcome: Outcome| self.outcome == outcome.as_str();
        let why = self.reason.as_deref().unwrap_or_default();
        let paired = (is(Outcome::Duplicate) && (why == reason::PAIRED || why == reason::SAME_REFERENCE))
            || (is(Outcome::Quarantined) && why == reason::POSSIBLE_DUPLICATE);
        if paired && earlier.source != self.source {
            let of_report = earlier.points_at.filter(|_| earlier.outcome == Outcome::Duplicate.as_str());
            let key = (of_report.unwrap_or(self.earlier), self.source);
            return Some(Event::Pair { key, earlier_source: earlier.source, agree: why == reason::SAME_REFERENCE });
        }
        let booked = self.resolves == Some(self.earlier) && (is(Outcome::Recorded) || is(Outcome::Suspense));
        let released = booked && earlier.reason.as_deref() == Some(reason::POSSIBLE_DUPLICATE);
        let credit = earlier.points_at.filter(|_| released)?;
        Some(Event::Release { key: (credit, earlier.source) })
    }
}

/// What the inbox gave so far.
pub(super) struct Pairings {
    market: MarketId,
    followed: BTreeMap<Key, Option<i64>>,
    agreeing: BTreeSet<i64>,
}

impl Pairings {
    pub(super) fn new(market: MarketId) -> Self {
        Self { market, followed: BTreeMap::new(), agreeing: BTreeSet::new() }
    }

    /// Returns the sources whose references were confirmed by one another.
    pub(super) fn agreeing(&self) -> &BTreeSet<i64> {
        &self.agreeing
    }

    /// Takes in the next reports of the inbox.
    pub(super) async fn take(&mut self, transaction: &mut Transaction, reports: &[Report]) -> Result<()> {
        if reports.is_empty() {
            return Ok(());
        }
        let earlier = self.earlier(transaction, reports).await?;
        let events: Vec<(i64, Event)> = reports
            .iter()
            .filter_map(|report| Some((report.item, report.event(earlier.get(&report.earlier)?)?)))
            .collect();
        let keys: BTreeSet<Key> = events.iter().map(|(_, event)| event.key()).collect();
        let kept = self.kept(transaction, &keys).await?;
        for (item, event) in events {
            match event {
                Event::Release { key } => self.follow(key, None),
                Event::Pair { key, earlier_source, agree } => {
                    if self.pair(transaction, key, item, kept.get(&key).copied()).await? && agree {
                        self.agreeing.extend([key.1, earlier_source]);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes in one recognition; `false` when its source had one of this credit already.
    async fn pair(&mut self, transaction: &mut Transaction, key: Key, item: i64, kept: Option<i64>) -> Result<bool> {
        if let Some(state) = self.followed.get_mut(&key) {
            let free = state.is_none();
            state.get_or_insert(item);
            return Ok(free);
        }
        match kept {
            Some(kept) if kept == item => Ok(true),
            Some(before) if before < item && self.is_pair(transaction, key, before).await? => {
                self.follow(key, Some(before));
                Ok(false)
            }
            Some(_) | None => {
                self.follow(key, Some(item));
                Ok(true)
            }
        }
    }

    fn follow(&mut self, key: Key, state: Option<i64>) {
        if self.followed.len() < FOLLOWED_MAX {
            self.followed.insert(key, state);
        }
    }

    /// Tells whether an item is a recognition under this key.
    async fn is_pair(&self, transaction: &mut Transaction, key: Key, item: i64) -> Result<bool> {
        const SQL: &str = "SELECT item, source_id, outcome, reason, earlier_item, resolves FROM inbox \
            WHERE market_id = $1 AND item = $2";
        let row = transaction.row(SQL, binds![self.market.get(), item]).await?;
        let Some(report) = row.as_ref().map(Report::of).transpose()?.flatten() else { return Ok(false) };
        let earlier = self.earlier(transaction, std::slice::from_ref(&report)).await?;
        let event = earlier.get(&report.earlier).and_then(|earlier| report.event(earlier));
        Ok(matches!(event, Some(Event::Pair { key: found, .. }) if found == key))
    }

    async fn earlier(&self, transaction: &mut Transaction, reports: &[Report]) -> Result<HashMap<i64, Earlier>> {
        const SQL: &str = "SELECT i.item, i.source_id, i.outcome, i.reason, i.earlier_item FROM {rows} CROSS JOIN inbox i \
            WHERE i.market_id = $1 AND i.item = u.item ORDER BY i.item";
        let items: BTreeSet<i64> = reports.iter().map(|report| report.earlier).collect();
        let rows = Rows::new().with("item", Column::ints(items));
        let rows = transaction.rows_of_each(SQL, binds![self.market.get(), rows]).await?;
        rows.iter()
            .map(|row| {
                let earlier = Earlier {
                    source: row.int("source_id")?,
                    outcome: row.text("outcome")?,
                    reason: row.optional_text("reason")?,
                    points_at: row.optional_int("earlier_item")?,
                };
                Ok((row.int("item")?, earlier))
            })
            .collect()
    }

    async fn kept(&self, transaction: &mut Transaction, keys: &BTreeSet<Key>) -> Result<BTreeMap<Key, i64>> {
        const SQL: &str = "SELECT p.credit_item, p.source_id, p.item FROM {rows} CROSS JOIN pairings p \
            WHERE p.market_id = $1 AND p.credit_item = u.credit_item AND p.source_id = u.source_id \
            ORDER BY p.credit_item, p.source_id";
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = Rows::new()
            .with("credit_item", Column::ints(keys.iter().map(|key| key.0)))
            .with("source_id", Column::ints(keys.iter().map(|key| key.1)));
        let rows = transaction.rows_of_each(SQL, binds![self.market.get(), rows]).await?;
        rows.iter().map(|row| Ok(((row.int("credit_item")?, row.int("source_id")?), row.int("item")?))).collect()
    }

    /// Compares what was followed with what is kept at the end of the journal.
    pub(super) async fn against(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        if self.followed.len() >= FOLLOWED_MAX {
            findings.differ(format!("pairings: more than {FOLLOWED_MAX} cannot be followed"));
        }
        let followed: Vec<(Key, Option<i64>)> = self.followed.iter().map(|(key, state)| (*key, *state)).collect();
        for part in followed.chunks(usize::try_from(CHUNK).unwrap_or(1)) {
            let kept = self.kept(transaction, &part.iter().map(|(key, _)| *key).collect()).await?;
            for ((credit, source), derived) in part {
                match (kept.get(&(*credit, *source)), derived) {
                    (None, Some(item)) => {
                        findings.differ(format!("pairings {credit}/{source}: missing, the journal gives {item}"));
                    }
                    (Some(found), Some(item)) if found != item => {
                        findings.differ(format!("pairings {credit}/{source}: {found}, the journal gives {item}"));
                    }
                    (Some(found), None) => {
                        findings.differ(format!("pairings {credit}/{source}: {found}, the journal gives nothing"));
                    }
                    (Some(_), Some(_)) | (None, None) => {}
                }
            }
        }
        Ok(())
    }

    /// Looks for the report of every kept row, in slices.
    pub(super) async fn every_row(&self, store: &Store, findings: &mut Findings) -> Result<()> {
        let mut last = (i64::MIN, i64::MIN);
        loop {
            let mut transaction = store.begin_read().await?;
            let found = self.slice(&mut transaction, &mut last, findings).await;
            transaction.rollback().await?;
            match found {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return findings.take(Err(error)),
            }
        }
    }

    async fn slice(&self, transaction: &mut Transaction, last: &mut Key, findings: &mut Findings) -> Result<bool> {
        const SQL: &str = "SELECT p.credit_item, p.source_id AS pair_source, p.item AS pair_item, i.item, i.source_id, \
            i.outcome, i.reason, i.earlier_item, i.resolves, e.source_id AS earlier_source, \
            e.outcome AS earlier_outcome, e.reason AS earlier_reason, e.earlier_item AS earlier_earlier \
            FROM pairings p LEFT JOIN inbox i ON i.market_id = p.market_id AND i.item = p.item \
            LEFT JOIN inbox e ON e.market_id = p.market_id AND e.item = i.earlier_item \
            WHERE p.market_id = $1 AND (p.credit_item, p.source_id) > ($2, $3) \
            ORDER BY p.credit_item, p.source_id LIMIT $4";
        let rows = transaction.rows(SQL, binds![self.market.get(), last.0, last.1, CHUNK]).await?;
        for row in &rows {
            let key = (row.int("credit_item")?, row.int("pair_source")?);
            *last = key;
            if self.followed.contains_key(&key) || gives(row, key)? {
                continue;
            }
            let ((credit, source), item) = (key, row.int("pair_item")?);
            findings.differ(format!("pairings {credit}/{source}: {item}, the journal gives nothing"));
        }
        Ok(i64::try_from(rows.len()) == Ok(CHUNK))
    }
}

impl Event {
    fn key(&self) -> Key {
        match self {
            Self::Pair { key, .. } | Self::Release { key } => *key,
        }
    }
}

/// Tells whether the report of a kept row says what the row says.
fn gives(row: &Row, key: Key) -> Result<bool> {
    if row.optional_int("item")?.is_none() || row.optional_int("earlier_source")?.is_none() {
        return Ok(false);
    }
    let Some(report) = Report::of(row)? else { return Ok(false) };
    let earlier = Earlier {
        source: row.int("earlier_source")?,
        outcome: row.text("earlier_outcome")?,
        reason: row.optional_text("earlier_reason")?,
        points_at: row.optional_int("earlier_earlier")?,
    };
    Ok(matches!(report.event(&earlier), Some(Event::Pair { key: found, .. }) if found == key))
}
