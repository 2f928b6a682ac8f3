//! When each source's two live secrets signed last: for whoever waits to drop the old one.
//!
//! Kept in memory and written down for all sources at once, at most once a minute: a webhook costs no
//! write of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::App;
use super::error::AppError;
use crate::bank::{self, Refusal, Request};
use crate::domain::ids::SourceId;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::routing::Sender;
use crate::store::sources::{self, Use};

/// How long uses are gathered before they are written down.
const WRITTEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What was seen since it was written down.
#[derive(Debug, Default)]
pub(crate) struct SecretUses(Mutex<Gathered>);

#[derive(Debug, Default)]
struct Gathered {
    written_at: Option<Timestamp>,
    /// With whether it is still to be written down. What was written stays: the write may be under way.
    by_source: HashMap<SourceId, (Use, bool)>,
}

impl SecretUses {
    /// Notes which of a source's secrets signed; returns what is to be written down now, if anything is.
    fn note(&self, sender: &Sender, previous: bool, now: Timestamp) -> Vec<Use> {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = sender.allowance.source;
        let fresh = (Use::of(source, sender.secret_since), true);
        let (seen, is_new) = gathered.by_source.entry(source).or_insert(fresh);
        *is_new = true;
        if seen.secret_since != sender.secret_since {
            *seen = Use::of(source, sender.secret_since);
        }
        if previous {
            seen.previous_at = Some(now);
        } else {
            seen.secret_at = Some(now);
        }
        let fresh = gathered.written_at.is_some_and(|at| now.duration_since(at).abs() < WRITTEN_EVERY);
        if fresh { Vec::new() } else { gathered.take(now) }
    }

    /// Returns what was seen since it was written down.
    fn seen(&self, source: SourceId) -> Option<Use> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_source.get(&source).map(|(seen, _)| *seen)
    }

    fn take_all(&self, now: Timestamp) -> Vec<Use> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }
}

impl Gathered {
    fn take(&mut self, now: Timestamp) -> Vec<Use> {
        self.written_at = Some(now);
        let new = self.by_source.values_mut().filter(|(_, is_new)| *is_new);
        new.map(|(seen, is_new)| {
            *is_new = false;
            *seen
        })
        .collect()
    }
}

impl App {
    /// Notes that a request of a source was authenticated, and by which of its live secrets.
    pub(crate) fn secret_signed(&self, sender: &Sender, secrets: &[String], request: &Request<'_>, now: Timestamp) {
        let uses = self.secret_uses.note(sender, by_previous(sender, secrets, request, now), now);
        if !uses.is_empty() {
            let store = std::sync::Arc::clone(&self.store);
            tokio::spawn(async move {
                if let Err(error) = write(&store, &uses).await {
                    tracing::warn!(cause = %error, "app.secret_uses_not_written");
                }
            });
        }
    }

    /// Writes down what was gathered: before a secret is changed, and at the end.
    pub(crate) async fn write_secret_uses(&self) -> Result<(), AppError> {
        let uses = self.secret_uses.take_all(self.clock.now());
        Ok(write(&self.store, &uses).await?)
    }

    /// Returns when each source's secrets signed last, with what is not written down yet.
    pub(crate) async fn secret_uses(&self) -> Result<HashMap<SourceId, Use>, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let mut uses = sources::uses(&mut transaction).await?;
        transaction.rollback().await?;
        for known in uses.values_mut() {
            if let Some(seen) = self.secret_uses.seen(known.source).filter(|s| s.secret_since == known.secret_since) {
                known.secret_at = known.secret_at.max(seen.secret_at);
                known.previous_at = known.previous_at.max(seen.previous_at);
            }
        }
        Ok(uses)
    }
}

/// Tells whether it was the previous secret that signed. Only while two are live is it looked into.
fn by_previous(sender: &Sender, secrets: &[String], request: &Request<'_>, now: Timestamp) -> bool {
    let Some((newest, [_, ..])) = secrets.split_first() else { return false };
    let credentials = super::manage_sources::credentials(sender, now, std::slice::from_ref(newest));
    matches!(bank::receive(sender.dialect, &credentials, request), Err(Refusal::Unauthenticated(_)))
}

async fn write(store: &Store, uses: &[Use]) -> Result<(), StoreError> {
    if uses.is_empty() {
        return Ok(());
    }
    let mut transaction = store.begin_write().await?;
    for one in uses {
        sources::used(&mut transaction, one).await?;
    }
    transaction.commit().await
}
