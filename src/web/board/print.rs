//! M4: cards are printed: chosen, drawn while the page tells how far they are, and taken as a file.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
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
use crate::app::print_jobs::{KEPT_MIN, PrintState};
use crate::app::print_sheet::{Layout, PrintOrder, layout};
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
        let chosen = stalls.join(",");
        let order = PrintOrder { market: market.clone(), stalls, layout, actor: actor.name().to_owned() };
        let job = web.app.begin_print(order).await?;
        Ok(done(&format!("/markets/{market}/print/{}", Asked::of(job.id, layout, chosen).word())))
    };
    begun.await.map_err(told(&headers, "/markets"))
}

/// What an address says of a print: which one it is and what was asked for, so that whichever server
/// answers can draw it anew.
struct Asked {
    id: Uuid,
    /// The layout and the stalls, with commas between; none where the address had no room for them.
    order: Option<(Layout, String)>,
}

impl Asked {
    /// The longest list of stalls that an address carries, in bytes as it is written there: proxies take
    /// addresses of 8 KiB.
    const STALLS_MAX: usize = 4_000;

    fn of(id: Uuid, layout: Layout, stalls: String) -> Self {
        let order = (Self::written(&stalls).len() <= Self::STALLS_MAX).then_some((layout, stalls));
        Self { id, order }
    }

    fn written(stalls: &str) -> String {
        form_urlencoded::byte_serialize(stalls.as_bytes()).collect::<String>().replace('+', "%20")
    }

    /// Returns the part of an address.
    fn word(&self) -> String {
        match &self.order {
            Some((layout, stalls)) => format!("{}.{}.{}", self.id, layout.as_str(), Self::written(stalls)),
            None => self.id.to_string(),
        }
    }

    /// Reads the part of an address.
    fn read(word: &str) -> Result<Self, AppError> {
        let mut parts = word.splitn(3, '.');
        let id = parts.next().unwrap_or_default().parse();
        let id =
            id.map_err(|_| AppError::not_found(Message::new("Không có lần in này.", "There is no such print.")))?;
        let order = match (parts.next(), parts.next()) {
            (Some(word), Some(stalls)) => Some((layout(word)?, stalls.to_owned())),
            _ => None,
        };
        Ok(Self { id, order })
    }
}

#[derive(Template)]
#[template(path = "board_print_gone.html")]
struct GonePage {
    frame: Frame,
    board: Board,
    /// This page's own address.
    here: String,
    /// What was asked for: the layout's word and the stalls.
    order: Option<(&'static str, String)>,
    kept_min: i64,
}

#[derive(Template)]
#[template(path = "board_print_job.html")]
struct JobPage {
    frame: Frame,
    board: Board,
    /// The print's part of addresses.
    word: String,
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
    Path((code, word)): Path<(String, String)>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "print").await?;
        let asked = Asked::read(&word)?;
        let Ok(job) = web.app.print_job(&code, asked.id) else { return gone(frame, board, &asked) };
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
            word: asked.word(),
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
    Path((code, word)): Path<(String, String)>,
) -> Answer {
    let file = async {
        let market: MarketCode = field("code", &code)?;
        let asked = Asked::read(&word)?;
        // The print's own page says what can be done about one that is not here.
        let Ok(job) = web.app.print_job(&market, asked.id) else {
            return Ok(done(&format!("/markets/{market}/print/{}", asked.word())));
        };
        let pdf = web.app.take_print(&job).await?;
        Ok(download("application/pdf", &format!("{market}-qr-{}.pdf", job.layout), pdf))
    };
    file.await.map_err(told(&headers, "/markets"))
}

/// Says that this server does not have a print, and how to get it.
fn gone(frame: Frame, board: Board, asked: &Asked) -> Result<Response, AppError> {
    let here = format!("/markets/{}/print/{}", board.code, asked.word());
    let order = asked.order.as_ref().map(|(layout, stalls)| (layout.as_str(), stalls.clone()));
    let page = html(&GonePage { frame, board, here, order, kept_min: KEPT_MIN })?;
    Ok((StatusCode::NOT_FOUND, page).into_response())
}
