//! The webhook clinic for people: the sources, what each sent lately, and why it was refused.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;

use super::Shared;
use super::account::moment;
use super::deliveries::status;
use super::login::private;
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use super::visitor::own_address;
use crate::app::access::{Actor, Right};
use crate::app::deliveries::{Passed, steps};
use crate::app::delivery_log::Heard;
use crate::app::error::AppError;
use crate::app::manage_sources::SourceShown;
use crate::domain::ids::SourceName;
use crate::domain::inbox::reason;

/// Requests that a page shows; the API lists all that are kept.
const SHOWN: usize = 60;

/// A source in the list.
struct Line {
    name: String,
    dialect: &'static str,
    market: String,
    last: String,
    taken: usize,
    refused: usize,
    alarm: Option<i64>,
    silent_minutes: Option<i64>,
}

#[derive(Template)]
#[template(path = "sources.html")]
struct ListPage {
    frame: Frame,
    sources: Vec<Line>,
}

/// Lists the sources.
pub(super) async fn list(State(web): State<Shared>, actor: Actor, frame: Frame, headers: HeaderMap) -> Answer {
    let page = async {
        let mut sources = Vec::new();
        let silent = web.app.silent_now(actor.market()).await?;
        for source in web.app.sources_for(&actor).await? {
            let heard = web.app.deliveries(&actor, &source.name, None).await?;
            let taken = heard.iter().filter(|one| one.is_taken()).count();
            let silence = silent.iter().find(|one| one.source == source.name);
            sources.push(Line {
                last: last_heard(&source).map(moment).unwrap_or_default(),
                dialect: source.dialect.as_str(),
                market: source.market.as_ref().map(ToString::to_string).unwrap_or_default(),
                taken,
                refused: heard.len().saturating_sub(taken),
                alarm: source.clock_alarm_s,
                silent_minutes: silence.map(|silence| silence.minutes),
                name: source.name.to_string(),
            });
        }
        let mut response = html(&ListPage { frame, sources })?;
        private(&mut response);
        Ok(response)
    };
    page.await.map_err(told(&headers, "/sources"))
}

fn last_heard(source: &SourceShown) -> Option<jiff::Timestamp> {
    source.secret_used_at.max(source.previous_secret_used_at)
}

/// A request in a source's list.
struct Request {
    id: String,
    at: String,
    address: String,
    outcome: String,
    good: bool,
    status: u16,
    bytes: String,
    took: String,
    posting: String,
    why: String,
}

fn request(frame: &Frame, heard: &Heard) -> Request {
    let cause = heard.evidence.as_ref().and_then(|evidence| evidence.cause.as_ref());
    let replayed =
        heard.replays.as_ref().map(|(_, by)| format!("{} {by}", frame.say("xét lại bởi", "judged again by")));
    let first = heard.items.first();
    let judged = first.and_then(|item| item.reason.as_deref()).map(|why| why_said(frame, why)).unwrap_or_default();
    Request {
        id: heard.id.to_string(),
        at: moment(heard.at),
        address: heard.address.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
        outcome: said(frame, heard.outcome()).to_owned(),
        good: heard.is_taken(),
        status: status(heard).as_u16(),
        bytes: size(heard.bytes),
        took: format!("{} ms", heard.took.as_millis()),
        posting: first.and_then(|item| item.posting.clone()).unwrap_or_default(),
        why: replayed
            .or_else(|| cause.map(|cause| frame.say(&cause.message.vi, &cause.message.en).to_owned()))
            .unwrap_or_else(|| judged.to_owned()),
    }
}

fn size(bytes: usize) -> String {
    if bytes < 1_024 { format!("{bytes} B") } else { format!("{} KiB", bytes.div_ceil(1_024)) }
}

/// Says what became of a request.
fn said<'t>(frame: &Frame, outcome: &'t str) -> &'t str {
    let (vi, en) = match outcome {
        "recorded" => ("đã ghi sổ", "recorded"),
        "duplicate" => ("trùng", "duplicate"),
        "ignored" => ("bỏ qua", "ignored"),
        "suspense" => ("chưa rõ sạp", "suspense"),
        "quarantined" => ("chờ người xem", "quarantined"),
        "answered" => ("đã trả lời", "answered"),
        "unauthenticated" => ("sai xác thực", "not authenticated"),
        "elsewhere" => ("sai địa chỉ gửi", "address not allowed"),
        "stale" => ("lệch giờ", "stale"),
        "rejected" => ("không đọc được", "unreadable"),
        "no_such_path" => ("sai đường dẫn", "no such path"),
        "unavailable" => ("chưa ghi được, bên gửi sẽ gửi lại", "not taken, will be sent again"),
        other => (other, other),
    };
    frame.say(vi, en)
}

/// Says why an item was judged so.
fn why_said<'t>(frame: &Frame, why: &'t str) -> &'t str {
    let (vi, en) = match why {
        reason::UNLISTED_ACCOUNT => ("tài khoản chưa khai cho nguồn này", "the account is not listed for this source"),
        reason::AMBIGUOUS_BANK => ("nhiều ngân hàng có số tài khoản này", "several banks have this number"),
        reason::CONFLICT => {
            ("trùng mã nhưng khác số tiền hoặc tài khoản", "known by name, with other money or account")
        }
        reason::REUSED_REFERENCE => {
            ("trùng mã giao dịch dưới thông báo khác", "a reference used before under another event")
        }
        reason::POSSIBLE_DUPLICATE => ("có thể là khoản đã ghi rồi", "possibly booked already"),
        reason::SAME_EVENT => ("cùng thông báo đã nhận trước", "the same event came before"),
        reason::SAME_REFERENCE => ("cùng mã giao dịch đã nhận trước", "the same reference came before"),
        reason::PAIRED => ("nguồn khác đã báo khoản này", "another source reported it"),
        reason::NO_STALL => ("tài khoản chưa gắn sạp nào", "the account has no stall"),
        reason::NO_CODE => ("nội dung không nêu sạp nào", "the memo names no stall"),
        reason::AMBIGUOUS_CODE => ("nội dung nêu nhiều sạp", "the memo names several stalls"),
        other => (other, other),
    };
    frame.say(vi, en)
}

#[derive(Template)]
#[template(path = "source.html")]
struct SourcePage {
    frame: Frame,
    name: String,
    dialect: &'static str,
    market: String,
    accounts: String,
    addresses: String,
    ingest: String,
    secret_since: String,
    secret_used: String,
    previous: Option<(String, String)>,
    last: String,
    alarm: Option<i64>,
    filter: String,
    requests: Vec<Request>,
    said: Option<String>,
    detail: Option<Detail>,
}

/// One request, opened.
struct Detail {
    request: Request,
    steps: Vec<(&'static str, String, &'static str)>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    complete: bool,
    command: Option<String>,
    may_replay: bool,
}

#[derive(Deserialize)]
pub(super) struct PageQuery {
    outcome: Option<String>,
    replayed: Option<String>,
}

/// One source and what it sent lately.
pub(super) async fn one(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let page = async { shown(&web, &actor, frame, &headers, &field("name", &name)?, query, None).await };
    page.await.map_err(told(&headers, "/sources"))
}

/// One request of a source, opened.
pub(super) async fn delivery(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path((name, delivery)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let page = async { shown(&web, &actor, frame, &headers, &field("name", &name)?, query, Some(&delivery)).await };
    page.await.map_err(told(&headers, "/sources"))
}

/// Has a request judged again, and opens the new entry.
pub(super) async fn replay(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((name, delivery)): Path<(String, String)>,
) -> Answer {
    let judged = async { web.app.replay_delivery(&actor, &field("name", &name)?, field("delivery", &delivery)?).await };
    let (id, _) = judged.await.map_err(told(&headers, "/sources"))?;
    Ok(Redirect::to(&format!("/sources/{name}/deliveries/{id}?replayed=1")).into_response())
}

async fn shown(
    web: &Shared,
    actor: &Actor,
    frame: Frame,
    headers: &HeaderMap,
    name: &SourceName,
    query: PageQuery,
    opened: Option<&str>,
) -> Result<axum::response::Response, AppError> {
    let source = web.app.source_for(actor, name).await?;
    let base = own_address(web, headers);
    let detail = match opened {
        None => None,
        Some(id) => Some(detail(&frame, actor, web.app.delivery(actor, name, field("delivery", id)?, &base).await?)),
    };
    let filter = query.outcome.unwrap_or_default();
    let heard = web.app.deliveries(actor, name, Some(filter.as_str()).filter(|text| !text.is_empty())).await?;
    let used = |at: Option<jiff::Timestamp>| at.map(moment).unwrap_or_default();
    let page = SourcePage {
        name: source.name.to_string(),
        dialect: source.dialect.as_str(),
        market: source.market.as_ref().map(ToString::to_string).unwrap_or_default(),
        accounts: if source.every_account {
            frame.say("mọi tài khoản của chợ", "every account of the market").to_owned()
        } else {
            source.accounts.len().to_string()
        },
        addresses: source.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ingest: format!("{base}/v1/ingest/{}", source.name),
        secret_since: used(source.secret_since),
        secret_used: used(source.secret_used_at),
        previous: source
            .previous_secret_until
            .filter(|until| *until > web.app.now())
            .map(|until| (moment(until), used(source.previous_secret_used_at))),
        last: used(last_heard(&source)),
        alarm: source.clock_alarm_s,
        requests: heard.iter().take(SHOWN).map(|one| request(&frame, one)).collect(),
        said: query.replayed.map(|_| frame.say("Đã xét lại.", "It was judged again.").to_owned()),
        filter,
        detail,
        frame,
    };
    let mut response = html(&page)?;
    private(&mut response);
    Ok(response)
}

fn detail(frame: &Frame, actor: &Actor, shown: crate::app::deliveries::DeliveryShown) -> Detail {
    let step = |step: &crate::app::deliveries::Step| {
        let (mark, class) = match step.passed {
            Passed::Yes => ("✓", "good"),
            Passed::No => ("✗", "bad"),
            Passed::NotReached => ("·", "quiet"),
        };
        (mark, frame.say(&step.says.vi, &step.says.en).to_owned(), class)
    };
    Detail {
        request: request(frame, &shown.heard),
        steps: steps(&shown.heard).iter().map(step).collect(),
        headers: shown.heard.evidence.as_ref().map(|evidence| evidence.headers.clone()).unwrap_or_default(),
        body: shown.body.map(|body| String::from_utf8_lossy(&body).into_owned()),
        complete: shown.complete,
        command: shown.command,
        may_replay: actor.has(Right::WriteSources) && shown.heard.is_taken() && !shown.heard.items.is_empty(),
    }
}
