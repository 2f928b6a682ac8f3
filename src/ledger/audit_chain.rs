//! The chain of a market's audit log, in the journal's discipline: each row's hash covers the row before
//! and every field of its own, each with its length before it.

use jiff::Timestamp;

use super::chain::Fields;
use crate::domain::audit::AuditEntry;
use crate::domain::ids::StallNumber;

/// The format of the bytes that are hashed; a new one gets a new number.
const FORMAT: &[u8] = b"socho audit v1";

/// The fields of a row that its hash covers, in the store's own words: whoever hashes a row as it lies
/// there misses nothing that reading it into types would smooth over.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "they are the columns of `audit_log`, and `AuditEntry` describes them")]
pub struct AuditFields<'a> {
    pub market: i64,
    pub seq: i64,
    pub recorded_at: i64,
    pub actor_kind: &'a str,
    pub actor: &'a str,
    pub role: &'a str,
    pub action: &'a str,
    pub object_kind: &'a str,
    pub object: &'a str,
    pub stall: Option<i64>,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub request_id: Option<&'a str>,
}

impl<'a> AuditFields<'a> {
    /// Returns the fields of an entry at its place.
    #[must_use]
    pub fn of(market: i64, seq: i64, entry: &'a AuditEntry) -> Self {
        Self {
            market,
            seq,
            recorded_at: Timestamp::as_microsecond(entry.recorded_at),
            actor_kind: entry.actor_kind.as_str(),
            actor: &entry.actor,
            role: &entry.role,
            action: entry.action.as_str(),
            object_kind: entry.action.object().as_str(),
            object: &entry.object,
            stall: entry.stall.map(StallNumber::get),
            before: entry.before.as_deref(),
            after: entry.after.as_deref(),
            reason: entry.reason.as_deref(),
            request_id: entry.request_id.as_deref(),
        }
    }

    /// Returns the row's hash behind the row before it; 32 zero bytes stand before the first.
    #[must_use]
    pub fn hash(&self, previous: &[u8]) -> [u8; 32] {
        let mut fields = Fields::new(FORMAT);
        fields.bytes(previous);
        fields.int(self.market);
        fields.int(self.seq);
        fields.int(self.recorded_at);
        for text in [self.actor_kind, self.actor, self.role, self.action, self.object_kind, self.object] {
            fields.text(text);
        }
        fields.optional(self.stall, Fields::int);
        for text in [self.before, self.after, self.reason, self.request_id] {
            fields.optional(text, Fields::text);
        }
        fields.finish()
    }
}
