//! A day's close as a page: what was sealed, by whom, and how to check it without this program; and its
//! files, letter for letter.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Shared;
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use super::reports::download;
use crate::app::access::{Actor, Right};
use crate::app::close_view::{Seen, ShownClose};
use crate::app::error::{AppError, Message};
use crate::app::reconcile_view::bank_at_close;
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::money::Dong;

#[derive(Template)]
#[template(path = "signed_close.html")]
struct Page {
    frame: Frame,
    code: String,
    name: String,
    date: String,
    iso_date: String,
    /// Whether the day's report and its papers may be opened.
    reads_days: bool,
    closed_at: String,
    closed_by: String,
    early: bool,
    /// The day's sums; none while fewer than five stalls are behind them.
    sums: Option<(String, String)>,
    whole: bool,
    bank: String,
    postings: i64,
    root: String,
    hash: String,
    /// The hash of the close before; none at the market's first, which has zeros in its place.
    previous: Option<String>,
    signature: String,
    key: i64,
    fingerprint: String,
    statement: String,
}

/// `GET /markets/{code}/days/{date}/close`.
pub(super) async fn page(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let page = async {
        let shown = shown(&web, &actor, &code, &date).await?;
        let close = &shown.signed.close;
        let closed_on = BusinessDate::of_calendar(close.closed_at).vietnamese();
        let sums =
            (shown.seen != Seen::SealAlone).then(|| (close.amount.with_unit(), Dong::new(close.payments).grouped()));
        let bank = close.bank.as_ref().filter(|_| shown.is_whole());
        html(&Page {
            code: close.market.to_string(),
            name: shown.market_name.clone(),
            date: close.business_date.vietnamese(),
            iso_date: close.business_date.to_string(),
            reads_days: actor.has(Right::ReadDays),
            closed_at: format!("{} {closed_on}", vietnam_time(close.closed_at)),
            closed_by: close.closed_by.clone(),
            early: close.early,
            sums,
            whole: shown.is_whole(),
            bank: bank.map(|bank| bank_at_close(bank, frame.language())).unwrap_or_default(),
            postings: close.postings,
            root: close.merkle_root.to_string(),
            hash: shown.signed.hash.to_string(),
            previous: Some(close.previous.to_string()).filter(|hash| hash.bytes().any(|digit| digit != b'0')),
            signature: STANDARD.encode(&shown.signed.signature),
            key: close.key,
            fingerprint: shown.key.as_ref().map(|key| key.public.fingerprint()).unwrap_or_default(),
            statement: shown.statement().unwrap_or_default().to_owned(),
            frame,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

async fn shown(web: &Shared, actor: &Actor, code: &str, date: &str) -> Result<ShownClose, AppError> {
    web.app.close_for(actor, &field("code", code)?, field("date", date)?).await
}

/// `GET /markets/{code}/days/{date}/close/{file}`: `close.json`, what was signed as `statement.json`, its
/// `statement.sig`, and the key that signed as `key.pem`.
pub(super) async fn file(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, date, file)): Path<(String, String, String)>,
) -> Answer {
    let made = async {
        let shown = shown(&web, &actor, &code, &date).await?;
        let close = &shown.signed.close;
        let missing = || AppError::not_found(Message::new("Không có tệp này.", "There is no such file."));
        let (kind, bytes) = match file.as_str() {
            "close.json" => ("application/json", format!("{:#}\n", shown.to_json()).into_bytes()),
            "statement.json" => ("application/json", shown.statement()?.as_bytes().to_vec()),
            "statement.sig" => ("application/octet-stream", shown.signed.signature.clone()),
            "key.pem" => {
                let key = shown.key.as_ref().ok_or_else(missing)?;
                ("application/x-pem-file", key.public.to_pem().into_bytes())
            }
            _ => return Err(missing()),
        };
        let name = if file == "key.pem" {
            format!("{}-key-{}.pem", close.market, close.key)
        } else {
            format!("{}-{}-{file}", close.market, close.business_date)
        };
        Ok(download(kind, &name, bytes))
    };
    made.await.map_err(told(&headers, "/markets"))
}
