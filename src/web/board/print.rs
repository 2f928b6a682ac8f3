//! M4: cards are printed: chosen, drawn while the page tells how far they are, and taken as a file.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use uuid::Uuid;

use super::super::Shared;
use super::super::markets::field;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::problem::{Answer, told};
use super::super::reports::download;
use super::super::sheets::stalls_in;
use super::{Board, done, open};
use crate::app::access::Actor;
use crate::app::error::{AppError, Message};
use crate::app::print_jobs::{KEPT_MIN, PrintJob, PrintState};
use crate::app::print_sheet::{PrintOrder, layout};
use crate::domain::ids::MarketCode;
use crate::domain::registration::RegisteredStall;

#[derive(Template)]
#[template(path = "board_print.html")]
struct PrintPage {
    frame: Frame,
    board: Board,
    stalls: Vec<(String, String, bool)>,
    ready: usize,
}

pub(in crate::web) async fn page(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "print").await?;
        let stalls = web.app.stalls(&code, None).await?;
        let line = |stall: &RegisteredStall| {
            let name = stall.vendor.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default();
            (stall.code.to_string(), name, stall.account.is_some())
        };
        let ready = stalls.iter().filter(|stall| stall.account.is_some()).count();
        html(&PrintPage { frame, board, stalls: stalls.iter().map(line).collect(), ready })
    };
    page.await.map_err(told(&headers, "/markets"))
}

#[derive(Deserialize)]
pub(in crate::web) struct PrintForm {
    layout: String,
    #[serde(default)]
    stalls: String,
}

/// `POST /markets/{code}/print`: begins, and shows how far it is.
pub(in crate::web) async fn begin(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Form(form): Form<PrintForm>,
) -> Answer {
    let begun = async {
        let market: MarketCode = field("code", &code)?;
        let (layout, stalls) = (layout(&form.layout)?, stalls_in(&form.stalls));
        let order = PrintOrder { market: market.clone(), stalls, layout, actor: actor.name().to_owned() };
        let job = web.app.begin_print(order).await?;
        Ok(done(&format!("/markets/{market}/print/{}", job.id)))
    };
    begun.await.map_err(told(&headers, "/markets"))
}

#[derive(Template)]
#[template(path = "board_print_job.html")]
struct JobPage {
    frame: Frame,
    board: Board,
    id: Uuid,
    layout: String,
    total: usize,
    done: usize,
    /// Whether the page asks again by itself.
    at_work: bool,
    waiting: bool,
    refused: Option<String>,
    without_account: Vec<String>,
    kept_min: i64,
}

/// `GET /markets/{code}/print/{job}`: how far it is; asks again by itself until it is done.
pub(in crate::web) async fn job(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path((code, id)): Path<(String, String)>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "print").await?;
        let job = find(&web, &code, &id)?;
        let language = frame.language();
        let (finished, waiting, refused) = match job.state() {
            PrintState::Waiting => (0, true, None),
            PrintState::Drawing(done) => (done, false, None),
            PrintState::Done(drawn) => (drawn.cards, false, None),
            PrintState::Refused(error) => {
                (0, false, Some(language.of(&error.message.vi, &error.message.en).to_owned()))
            }
        };
        let at_work = matches!(job.state(), PrintState::Waiting | PrintState::Drawing(_));
        html(&JobPage {
            frame,
            board,
            id: job.id,
            layout: job.layout.to_uppercase(),
            total: job.total,
            done: finished,
            at_work,
            waiting,
            refused,
            without_account: job.without_account.clone(),
            kept_min: KEPT_MIN,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

/// `GET /markets/{code}/print/{job}/cards.pdf`: the file; the print is kept in the list of prints.
pub(in crate::web) async fn file(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, id)): Path<(String, String)>,
) -> Answer {
    let file = async {
        let market: MarketCode = field("code", &code)?;
        let job = find(&web, &market, &id)?;
        let pdf = web.app.take_print(&job).await?;
        Ok(download("application/pdf", &format!("{market}-qr-{}.pdf", job.layout), pdf))
    };
    file.await.map_err(told(&headers, "/markets"))
}

fn find(web: &Shared, market: &MarketCode, id: &str) -> Result<std::sync::Arc<PrintJob>, AppError> {
    let id: Uuid =
        id.parse().map_err(|_| AppError::not_found(Message::new("Không có lần in này.", "There is no such print.")))?;
    web.app.print_job(market, id)
}
