//! Secrets that the database keeps, sealed: those of sources and of second factors. Read and written all
//! together here, when plain ones of an older program are sealed and when the key is replaced.

use super::engine::{Transaction, binds};
use super::error::Result;
use super::users::uuid;
use crate::domain::identity::UserId;
use crate::domain::ids::SourceId;
use crate::domain::sealed::sealed_with;

/// Sources and users whose secrets are read at once: more than any installation has.
const LIMIT: i64 = 200_000;

/// What one row keeps.
#[derive(Clone)]
pub(crate) enum Kept {
    /// A source's secrets: in force, and before it.
    Source {
        /// The source.
        id: SourceId,
        /// The secret in force.
        secret: String,
        /// The one before it.
        previous: Option<String>,
    },
    /// The secret of a user's second factor.
    User {
        /// The user.
        id: UserId,
        /// The secret, as it lies there.
        secret: Vec<u8>,
    },
}

/// Returns the place that a source's secrets are sealed for.
pub(crate) fn source_place(id: SourceId) -> String {
    format!("sources:{}", id.get())
}

/// Returns the place that a user's secret is sealed for.
pub(crate) fn user_place(id: UserId) -> String {
    format!("users:{}", id.0.simple())
}

/// Reads every row that keeps a secret.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<Kept>> {
    const SOURCES: &str = "SELECT source_id, secret, secret_previous FROM sources WHERE source_id > 0 \
        ORDER BY source_id LIMIT $1";
    const USERS: &str =
        "SELECT user_id, totp_secret FROM users WHERE totp_secret IS NOT NULL ORDER BY user_id LIMIT $1";
    let mut kept = Vec::new();
    for row in transaction.rows(SOURCES, binds![LIMIT]).await? {
        let (secret, previous) = (row.text("secret")?, row.optional_text("secret_previous")?);
        kept.push(Kept::Source { id: SourceId::new(row.int("source_id")?), secret, previous });
    }
    for row in transaction.rows(USERS, binds![LIMIT]).await? {
        kept.push(Kept::User { id: UserId(uuid(&row.bytes("user_id")?)?), secret: row.bytes("totp_secret")? });
    }
    Ok(kept)
}

/// Puts a row's secrets in the place of what it keeps.
pub(crate) async fn put(transaction: &mut Transaction, kept: &Kept) -> Result<()> {
    const SOURCE: &str = "UPDATE sources SET secret = $2, secret_previous = $3 WHERE source_id = $1";
    const USER: &str = "UPDATE users SET totp_secret = $2 WHERE user_id = $1";
    match kept {
        Kept::Source { id, secret, previous } => {
            transaction.execute_exactly(1, SOURCE, binds![id.get(), secret.as_str(), previous.as_deref()]).await
        }
        Kept::User { id, secret } => {
            transaction.execute_exactly(1, USER, binds![id.0.as_bytes().to_vec(), secret.as_slice()]).await
        }
    }
}

impl Kept {
    /// Returns what the row keeps, as texts; what is no text was never sealed.
    pub(crate) fn texts(&self) -> Vec<Option<&str>> {
        match self {
            Self::Source { secret, previous, .. } => {
                std::iter::once(secret.as_str()).chain(previous.as_deref()).map(Some).collect()
            }
            Self::User { secret, .. } => vec![std::str::from_utf8(secret).ok()],
        }
    }

    /// Tells whether something in the row is not sealed.
    pub(crate) fn is_plain(&self) -> bool {
        self.texts().into_iter().any(|text| text.and_then(sealed_with).is_none())
    }
}
