//! Whose phone asks: the stall it was paired with, and nothing else.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::app::access::Actor;
use crate::app::error::{AppError, ErrorKind, Message};
use crate::domain::ids::MarketCode;
use crate::web::Shared;
use crate::web::problem::{told, wants_page};
use crate::web::visitor::Visitor;

/// The phone that asks, and its stall.
#[derive(Debug, Clone)]
pub(in crate::web) struct Her {
    pub(super) actor: Actor,
    pub(super) market: MarketCode,
    pub(super) stall: String,
    /// Under which name she is recorded.
    pub(super) by: String,
    /// A helper's phone, which shows no totals.
    pub(super) hides_totals: bool,
    csrf: String,
}

impl Her {
    /// Returns what every form of her pages carries.
    pub(super) fn token(&self) -> String {
        let plain = self.csrf.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let csrf = if plain { self.csrf.as_str() } else { "" };
        format!("<input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">")
    }
}

impl FromRequestParts<Shared> for Her {
    type Rejection = Response;

    /// The door let somebody in who may use a stall: a phone, or this machine's operator, who has none.
    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Response> {
        let visitor =
            Visitor::from_request_parts(parts, web).await.map_err(axum::response::IntoResponse::into_response)?;
        if let Some(actor) = visitor.actor()
            && let Some(own) = actor.stall()
        {
            return Ok(Self {
                market: own.market.clone(),
                stall: own.code.to_string(),
                by: actor.name().to_owned(),
                hides_totals: own.hides_totals,
                actor: actor.clone(),
                csrf: visitor.csrf.clone(),
            });
        }
        if wants_page(&parts.headers) {
            return Err(Redirect::to("/pair").into_response());
        }
        let message = Message::new("Máy này chưa ghép với sạp nào.", "This phone is paired with no stall.");
        let error = AppError::new(ErrorKind::Forbidden, "not_a_phone", message);
        Err(told(&parts.headers, parts.uri.path())(error).into_response())
    }
}
