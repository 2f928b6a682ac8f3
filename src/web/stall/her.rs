//! Whose phone asks.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::domain::ids::MarketCode;
use crate::web::Shared;
use crate::web::markets::field;
use crate::web::problem::{Problem, told};

/// The phone that asks, and its stall.
#[derive(Debug, Clone)]
pub(in crate::web) struct Her {
    pub(super) market: MarketCode,
    pub(super) stall: String,
    /// Under which name she is recorded.
    pub(super) by: String,
    /// A helper's phone, which shows no totals.
    pub(super) hides_totals: bool,
}

impl FromRequestParts<Shared> for Her {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let cookie = parts.headers.get("cookie").and_then(|c| c.to_str().ok()).unwrap_or_default();
        let seam = cookie.split(';').find_map(|c| c.trim().strip_prefix("seam=")).unwrap_or_default();
        let (market, stall) = seam.split_once('.').unwrap_or_default();
        let market = field("market", market).map_err(told(&parts.headers, "/stall"))?;
        Ok(Self { market, stall: stall.to_owned(), by: "phone".to_owned(), hides_totals: false })
    }
}
