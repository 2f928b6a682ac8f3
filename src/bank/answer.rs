//! What a sender hears, in its own words (API.md §2). No status codes here: `web` knows those.

use serde_json::json;

use crate::domain::inbox::Outcome;
use crate::domain::settlement::Dialect;

/// The answer to a delivery that was taken, whatever became of its items.
///
/// `outcome` and `posting` are those of the delivery's first item; `receipt` is our own name for
/// it. Only the plain dialects show them.
#[must_use]
pub fn success(dialect: Dialect, outcome: Outcome, posting: Option<&str>, receipt: &str) -> String {
    match dialect {
        Dialect::SepayApikey | Dialect::SepayHmac | Dialect::Payos | Dialect::Pay2s => json!({"success": true}),
        Dialect::CassoV1 | Dialect::CassoV2 => json!({"success": true, "error": 0}),
        Dialect::VietqrVn => json!({
            "error": false, "errorReason": null, "toastMessage": "ok", "object": {"reftransactionid": receipt},
        }),
        Dialect::StandardWebhooks | Dialect::GenericHmac => json!({"status": outcome.as_str(), "posting": posting}),
    }
    .to_string()
}

/// The answer to VietQR.vn's token call.
#[must_use]
pub fn token(token: &str, expires_in_s: i64) -> String {
    json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in_s}).to_string()
}

/// The dialect's own words for an authentication that failed; `None` where it has none.
#[must_use]
pub fn unauthenticated(dialect: Dialect) -> Option<String> {
    (dialect == Dialect::VietqrVn).then(|| json!({"status": "FAILED", "message": "E74"}).to_string())
}

/// The dialect's own words for a body that cannot be read; `None` where it has none.
#[must_use]
pub fn unreadable(dialect: Dialect, why: &str) -> Option<String> {
    (dialect == Dialect::VietqrVn).then(|| {
        json!({"error": true, "errorReason": "invalid_request", "toastMessage": why, "object": null}).to_string()
    })
}
