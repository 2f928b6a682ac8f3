//! Her settings: how this phone looks and speaks, and which phones hear the stall.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::her::Her;
use super::look::Look;
use super::texts;
use super::{Around, html};
use crate::app::pair_device::CodeFor;
use crate::app::qr_codes::{self, Correction};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::registration::OfficePhone;
use crate::web::Shared;
use crate::web::markets::field;
use crate::web::problem::{Answer, told};
use crate::web::visitor::own_address;

/// A phone of the stall.
struct Phone {
    id: String,
    name: String,
    own: bool,
    hides_totals: bool,
    seen: String,
}

#[derive(Template)]
#[template(path = "stall/settings.html")]
struct Settings {
    around: Around,
    stall: String,
    market: String,
    saved: bool,
    office: Option<OfficePhone>,
    token: String,
    phones: Vec<Phone>,
    /// Whether this phone may add and remove others: a helper's may not.
    manages: bool,
}

#[derive(Deserialize)]
pub(in crate::web) struct SettingsQuery {
    saved: Option<String>,
}

/// `GET /stall/settings`.
pub(in crate::web) async fn settings(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Query(query): Query<SettingsQuery>,
) -> Answer {
    let page = async {
        let look = Look::of(&headers);
        let stand = web.app.stand(&her.market, &her.stall).await?;
        let phones = web.app.devices(&her.actor, &her.market, &her.stall).await?;
        let phones = phones.into_iter().map(|phone| Phone {
            id: phone.id.to_string(),
            name: phone.name,
            own: phone.own,
            hides_totals: phone.hides_totals,
            seen: format!(
                "{} {}",
                BusinessDate::of_calendar(phone.last_seen_at).vietnamese(),
                vietnam_time(phone.last_seen_at)
            ),
        });
        html(
            &headers,
            &Settings {
                around: Around::of(&web, look, "settings"),
                stall: stand.code.to_string(),
                market: stand.market.name.to_string(),
                office: stand.market.office_phone,
                saved: query.saved.is_some(),
                token: her.token(),
                phones: phones.collect(),
                manages: !her.hides_totals,
            },
        )
    };
    page.await.map_err(told(&headers, "/stall/settings"))
}

#[derive(Deserialize)]
pub(in crate::web) struct NewSettings {
    voice: String,
    volume: String,
    big: Option<String>,
    lang: String,
}

/// `POST /stall/settings`: kept on the phone itself.
pub(in crate::web) async fn keep_settings(_: Her, Form(new): Form<NewSettings>) -> Response {
    let texts = if new.lang == "en" { &texts::EN } else { &texts::VI };
    let look = Look::chosen(&new.voice, &new.volume, new.big.as_deref().unwrap_or_default(), texts);
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/stall/settings?saved=1")]).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&look.cookie()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Template)]
#[template(path = "stall/add_phone.html")]
struct AddPhone {
    around: Around,
    svg: String,
    link: String,
    code: String,
    until: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct NewPhone {
    hides_totals: Option<String>,
}

/// `POST /stall/phones`: shows a code that pairs one more phone, once.
pub(in crate::web) async fn add_phone(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Form(new): Form<NewPhone>,
) -> Answer {
    let page = async {
        let look = Look::of(&headers);
        let purpose = CodeFor::Helper { hides_totals: new.hides_totals.is_some() };
        let issued = web.app.issue_pairing_code(&her.actor, &her.market, &her.stall, purpose).await?;
        let link = format!("{}{}", own_address(&web, &headers), issued.path());
        html(
            &headers,
            &AddPhone {
                around: Around::of(&web, look, "settings"),
                svg: qr_codes::svg(&link, Correction::Screen, look.texts.add_phone)?,
                code: issued.code.to_string(),
                until: format!(
                    "{} {}",
                    vietnam_time(issued.expires_at),
                    BusinessDate::of_calendar(issued.expires_at).vietnamese()
                ),
                link,
            },
        )
    };
    page.await.map_err(told(&headers, "/stall/phones"))
}

#[derive(Deserialize)]
pub(in crate::web) struct OldPhone {
    device: String,
}

/// `POST /stall/phones/remove`: takes a phone off the stall at once.
pub(in crate::web) async fn remove_phone(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Form(old): Form<OldPhone>,
) -> Answer {
    let done = async {
        let device = field("device", &old.device)?;
        web.app.end_device(&her.actor, &her.market, &her.stall, device).await?;
        Ok((StatusCode::SEE_OTHER, [(header::LOCATION, "/stall/settings?saved=1")]).into_response())
    };
    done.await.map_err(told(&headers, "/stall/phones/remove"))
}
