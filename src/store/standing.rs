//! Which logins and keys still hold: asked for those that listen, all at once.

use std::collections::HashSet;

use jiff::Timestamp;

use super::engine::{Column, Rows, binds};
use super::error::Result;
use super::users::uuid;
use super::{Store, micros};
use crate::domain::identity::{KeyId, SessionId};

impl Store {
    /// Tells which of some sessions and keys still hold.
    pub(crate) async fn still_hold(
        &self,
        sessions: &[SessionId],
        keys: &[KeyId],
        at: Timestamp,
    ) -> Result<(HashSet<SessionId>, HashSet<KeyId>)> {
        const SESSIONS: &str = "SELECT s.session_id FROM {rows} CROSS JOIN sessions s \
            JOIN users p ON p.user_id = s.user_id WHERE s.session_id = u.session_id AND s.ended_at IS NULL \
            AND s.expires_at > $1 AND p.disabled_at IS NULL ORDER BY s.session_id";
        const KEYS: &str = "SELECT k.key_id FROM {rows} CROSS JOIN api_keys k WHERE k.key_id = u.key_id \
            AND k.ended_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1) ORDER BY k.key_id";
        let mut transaction = self.begin_read().await?;
        let (mut live_sessions, mut live_keys) = (HashSet::new(), HashSet::new());
        if !sessions.is_empty() {
            let ids = Column::bytes(sessions.iter().map(|id| id.0.as_bytes().to_vec()));
            let rows = Rows::new().with("session_id", ids);
            for row in transaction.rows(SESSIONS, binds![micros(at), rows]).await? {
                live_sessions.insert(SessionId(uuid(&row.bytes("session_id")?)?));
            }
        }
        if !keys.is_empty() {
            let rows = Rows::new().with("key_id", Column::bytes(keys.iter().map(|id| id.0.as_bytes().to_vec())));
            for row in transaction.rows(KEYS, binds![micros(at), rows]).await? {
                live_keys.insert(KeyId(uuid(&row.bytes("key_id")?)?));
            }
        }
        transaction.rollback().await?;
        Ok((live_sessions, live_keys))
    }
}
