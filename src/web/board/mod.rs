//! What a market's board works with all day, on a tablet or a desk: one file a page, one head for all.

pub(super) mod close;
pub(super) mod overview;
pub(super) mod print;
pub(super) mod reports;
pub(super) mod stall;
pub(super) mod stalls;
pub(super) mod texts;
pub(super) mod todo;

use axum::response::{IntoResponse as _, Redirect, Response};

use super::Shared;
use super::markets::field;
use crate::app::access::Actor;
use crate::app::error::AppError;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;
use crate::domain::registration::Market;

/// What stands at the head of every page of a market.
pub(super) struct Board {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) ward: String,
    pub(super) demo: bool,
    /// The market's own "today".
    pub(super) today: String,
    /// Which page it is: a word of the head's list.
    pub(super) tab: &'static str,
}

impl Board {
    fn of(web: &Shared, market: &Market, tab: &'static str) -> Self {
        Self {
            code: market.code.to_string(),
            name: market.name.to_string(),
            ward: market.ward.clone().unwrap_or_default(),
            demo: market.demo,
            today: web.app.book_day(market).to_string(),
            tab,
        }
    }
}

/// Reads the market of a page.
pub(super) async fn open(web: &Shared, code: &str, tab: &'static str) -> Result<(Market, MarketCode, Board), AppError> {
    let code: MarketCode = field("code", code)?;
    let market = web.app.market(&code).await?;
    let board = Board::of(web, &market, tab);
    Ok((market, code, board))
}

/// Goes to another page after something was done, so that reloading does it once.
fn done(to: &str) -> Response {
    Redirect::to(to).into_response()
}

fn day_of(web: &Shared, market: &Market) -> BusinessDate {
    web.app.book_day(market)
}

fn may(actor: &Actor, right: crate::app::access::Right) -> bool {
    actor.has(right)
}
