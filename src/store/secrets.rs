//! Secrets that the database keeps, sealed: those of sources, of second factors and of webhooks. Read and
//! written all together here, when plain ones of an older program are sealed and when the key is replaced:
//! the one time that a transaction writes rows of several markets, for two keys at once would lose one.

use super::engine::{Transaction, binds};
use super::error::{Result, StoreError};
use super::users::uuid;
use crate::domain::identity::{UserId, WebhookId};
use crate::domain::ids::{MarketId, SourceId};
use crate::domain::sealed::sealed_with;

/// Sources, users and webhooks whose secrets are read at once: more of each than any installation has.
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
    /// A webhook's secrets: in force, and before it.
    Webhook {
        /// The market whose events it hears.
        market: MarketId,
        /// The webhook.
        id: WebhookId,
        /// The secret in force.
        secret: String,
        /// The one before it.
        previous: Option<String>,
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

/// Returns the place that a webhook's secrets are sealed for.
pub(crate) fn webhook_place(market: MarketId, id: WebhookId) -> String {
    format!("webhooks:{}:{}", market.get(), id.0.simple())
}

/// Reads every row that keeps a secret.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<Kept>> {
    const SOURCES: &str = "SELECT source_id, secret, secret_previous FROM sources WHERE source_id > 0 \
        ORDER BY source_id LIMIT $1";
    const USERS: &str =
        "SELECT user_id, totp_secret FROM users WHERE totp_secret IS NOT NULL ORDER BY user_id LIMIT $1";
    const WEBHOOKS: &str = "SELECT market_id, webhook_id, secret, secret_previous FROM webhooks WHERE market_id > $1 \
        ORDER BY market_id, webhook_id LIMIT $2";
    let mut kept = Vec::new();
    for row in transaction.rows(SOURCES, binds![LIMIT]).await? {
        let (secret, previous) = (row.text("secret")?, row.optional_text("secret_previous")?);
        kept.push(Kept::Source { id: SourceId::new(row.int("source_id")?), secret, previous });
    }
    for row in transaction.rows(USERS, binds![LIMIT]).await? {
        kept.push(Kept::User { id: UserId(uuid(&row.bytes("user_id")?)?), secret: row.bytes("totp_secret")? });
    }
    for row in transaction.rows(WEBHOOKS, binds![0_i64, LIMIT]).await? {
        let market = MarketId::new(row.int("market_id")?);
        kept.push(Kept::Webhook {
            market: market.map_err(|error| StoreError::Inconsistent(format!("webhooks: {error}")))?,
            id: WebhookId(uuid(&row.bytes("webhook_id")?)?),
            secret: row.text("secret")?,
            previous: row.optional_text("secret_previous")?,
        });
    }
    Ok(kept)
}

/// Puts a row's secrets in the place of what it keeps.
pub(crate) async fn put(transaction: &mut Transaction, kept: &Kept) -> Result<()> {
    const SOURCE: &str = "UPDATE sources SET secret = $2, secret_previous = $3 WHERE source_id = $1";
    const USER: &str = "UPDATE users SET totp_secret = $2 WHERE user_id = $1";
    const WEBHOOK: &str =
        "UPDATE webhooks SET secret = $3, secret_previous = $4 WHERE market_id = $1 AND webhook_id = $2";
    match kept {
        Kept::Source { id, secret, previous } => {
            transaction.execute_exactly(1, SOURCE, binds![id.get(), secret.as_str(), previous.as_deref()]).await
        }
        Kept::User { id, secret } => {
            transaction.execute_exactly(1, USER, binds![id.0.as_bytes().to_vec(), secret.as_slice()]).await
        }
        Kept::Webhook { market, id, secret, previous } => {
            let (id, secret) = (id.0.as_bytes().to_vec(), secret.as_str());
            transaction.execute_exactly(1, WEBHOOK, binds![market.get(), id, secret, previous.as_deref()]).await
        }
    }
}

impl Kept {
    /// Returns what the row keeps, as texts; what is no text was never sealed.
    pub(crate) fn texts(&self) -> Vec<Option<&str>> {
        match self {
            Self::Source { secret, previous, .. } | Self::Webhook { secret, previous, .. } => {
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
