//! A stall's phones as its manager sees them: who hears the money, and the card that pairs one more.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::Shared;
use super::account::moment;
use super::login::private;
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use super::visitor::own_address;
use crate::app::access::Actor;
use crate::app::error::AppError;
use crate::app::pair_device::{CodeFor, DEVICES_MAX, DeviceShown};
use crate::app::qr_codes::{self, Correction};
use crate::domain::calendar::BusinessDate;

struct Phone {
    id: String,
    name: String,
    hides_totals: bool,
    since: String,
    seen: String,
}

#[derive(Template)]
#[template(path = "stall_phones.html")]
struct PhonesPage {
    frame: Frame,
    market: String,
    code: String,
    stall: String,
    phones: Vec<Phone>,
    most: usize,
}

fn phone(device: DeviceShown) -> Phone {
    Phone {
        id: device.id.to_string(),
        name: device.name,
        hides_totals: device.hides_totals,
        since: moment(device.created_at),
        seen: moment(device.last_seen_at),
    }
}

pub(super) async fn page(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
) -> Answer {
    let page = async {
        let market = web.app.market(&field("code", &code)?).await?;
        let phones = web.app.devices(&actor, &market.code, &stall).await?;
        let mut response = html(&PhonesPage {
            frame,
            market: market.name.to_string(),
            code: market.code.to_string(),
            stall,
            phones: phones.into_iter().map(phone).collect(),
            most: DEVICES_MAX,
        })?;
        private(&mut response);
        Ok(response)
    };
    page.await.map_err(told(&headers, "/markets"))
}

#[derive(Deserialize)]
pub(super) struct CardForm {
    ends_devices: Option<String>,
}

#[derive(Template)]
#[template(path = "pairing_card.html")]
struct CardPage {
    frame: Frame,
    market: String,
    code: String,
    stall: String,
    svg: String,
    link: String,
    pairing: String,
    until: String,
    ended: u64,
}

/// Makes a new pairing card; the one before it is worth nothing any more.
pub(super) async fn card(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
    Form(form): Form<CardForm>,
) -> Answer {
    let page = async {
        let market = web.app.market(&field("code", &code)?).await?;
        let card = CodeFor::Card { ends_devices: form.ends_devices.is_some() };
        let issued = web.app.issue_pairing_code(&actor, &market.code, &stall, card).await?;
        let link = format!("{}{}", own_address(&web, &headers), issued.path());
        let mut response: Response = html(&CardPage {
            frame,
            market: market.name.to_string(),
            code: market.code.to_string(),
            stall: issued.stall.to_string(),
            svg: qr_codes::svg(&link, Correction::Print, "Ghép máy")?,
            pairing: issued.code.to_string(),
            until: BusinessDate::of_calendar(issued.expires_at).vietnamese(),
            ended: issued.ended_devices,
            link,
        })?;
        private(&mut response);
        Ok::<_, AppError>(response)
    };
    page.await.map_err(told(&headers, "/markets"))
}

#[derive(Deserialize)]
pub(super) struct RemoveForm {
    device: String,
}

/// Ends a phone.
pub(super) async fn remove(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
    Form(form): Form<RemoveForm>,
) -> Answer {
    let ended = async {
        let market = field("code", &code)?;
        web.app.end_device(&actor, &market, &stall, field("device", &form.device)?).await?;
        let stall: String = form_urlencoded::byte_serialize(stall.as_bytes()).collect();
        Ok(Redirect::to(&format!("/markets/{market}/stalls/{}/phones", stall.replace('+', "%20"))).into_response())
    };
    ended.await.map_err(told(&headers, "/markets"))
}
