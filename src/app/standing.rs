//! By what somebody listens that can end in any process: a login or a machine's key. Phones are ended by
//! their stall (`listen`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::access::Via;
use crate::domain::identity::{KeyId, SessionId};
use crate::store::Store;
use crate::store::error::StoreError;

/// What somebody listens by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Standing {
    /// A login.
    Session(SessionId),
    /// A machine's key.
    Key(KeyId),
}

impl Standing {
    /// Returns what an actor listens by, if that can end otherwise than by the stall.
    pub(super) fn of(via: Via) -> Option<Self> {
        match via {
            Via::Session { session, .. } => Some(Self::Session(session)),
            Via::Key(key) => Some(Self::Key(key)),
            Via::Device(_) | Via::Database => None,
        }
    }

    fn session(&self) -> Option<SessionId> {
        if let Self::Session(id) = self { Some(*id) } else { None }
    }

    fn key(&self) -> Option<KeyId> {
        if let Self::Key(id) = self { Some(*id) } else { None }
    }
}

/// The logins and keys by which somebody listens to one market in this process, as many as people and
/// programs there: each turns true once it does not hold any more.
#[derive(Debug, Default)]
pub(super) struct Standings(Mutex<HashMap<Standing, watch::Sender<bool>>>);

impl Standings {
    fn held(&self) -> MutexGuard<'_, HashMap<Standing, watch::Sender<bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens by a login or a key from now on.
    pub(super) fn join(&self, standing: Standing) -> Stay {
        let ended = self.held().entry(standing).or_insert_with(|| watch::Sender::new(false)).subscribe();
        Stay { standing, ended }
    }

    /// Somebody listens no more.
    pub(super) fn leave(&self, stay: &Stay) {
        let mut all = self.held();
        // This place itself is still counted.
        if all.get(&stay.standing).is_some_and(|ended| ended.receiver_count() <= 1) {
            all.remove(&stay.standing);
        }
    }

    /// Ends the stay of those whose login or key does not hold any more: one question for all of them,
    /// none where only phones listen.
    pub(super) async fn end_fallen(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let here: Vec<Standing> = self.held().keys().copied().collect();
        if here.is_empty() {
            return Ok(());
        }
        let sessions: Vec<SessionId> = here.iter().filter_map(Standing::session).collect();
        let keys: Vec<KeyId> = here.iter().filter_map(Standing::key).collect();
        let (sessions, keys) = store.still_hold(&sessions, &keys, now).await?;
        let holds = |one: &Standing| match one {
            Standing::Session(id) => sessions.contains(id),
            Standing::Key(id) => keys.contains(id),
        };
        let mut all = self.held();
        for fallen in here.iter().filter(|one| !holds(one)) {
            if let Some(ended) = all.remove(fallen) {
                ended.send_replace(true);
            }
        }
        Ok(())
    }
}

/// One who listens by a login or a key.
#[derive(Debug)]
pub(super) struct Stay {
    standing: Standing,
    ended: watch::Receiver<bool>,
}

impl Stay {
    /// Tells whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }
}

/// Waits until a stay has ended; for ever where there is none.
pub(super) async fn ended(stay: &mut Option<Stay>) {
    if let Some(stay) = stay
        && stay.ended.wait_for(|ended| *ended).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
