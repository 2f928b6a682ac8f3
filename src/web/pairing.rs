//! Pairing a phone with a stall, and the phones of a stall for programs.
//!
//! Opening a code's page uses nothing up: what previews links opens it too. A person presses the
//! button.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Shared;
use super::login::{form_of_nobody, private};
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use super::visitor::{FORM, PHONE, Visitor, keep};
use crate::app::access::Actor;
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::pair_device::{CodeFor, Offer, device_json};
use crate::domain::calendar::rfc3339;
use crate::domain::identity::PairingCode;

/// How long a phone keeps its key, in seconds: browsers allow four hundred days, and each visit
/// begins them anew.
pub(super) const PHONE_KEEPS_S: i64 = 400 * 24 * 3_600;

#[derive(Template)]
#[template(path = "pair.html")]
struct PairPage {
    frame: Frame,
    keeps_cookies: bool,
    code: String,
    offer: Option<Offer>,
    message: Option<String>,
    /// The stall that this phone is paired with already.
    paired: Option<String>,
}

fn page(
    web: &Shared,
    visitor: &Visitor,
    frame: Frame,
    headers: &HeaderMap,
    shown: PairPageParts,
) -> Result<Response, AppError> {
    let form = form_of_nobody(web, visitor, &frame, headers)?;
    let page = PairPage {
        frame: Frame { csrf: form.csrf.clone(), ..frame },
        keeps_cookies: visitor.keeps_cookies,
        code: shown.code,
        offer: shown.offer,
        message: shown.message,
        paired: visitor.actor().and_then(|actor| actor.stall()).map(|own| format!("{} · {}", own.code, own.market)),
    };
    let mut response = html(&page)?;
    *response.status_mut() = shown.status;
    private(&mut response);
    form.keep(&mut response);
    Ok(response)
}

/// What the page shows beside its form.
#[derive(Default)]
struct PairPageParts {
    code: String,
    offer: Option<Offer>,
    message: Option<String>,
    status: StatusCode,
}

/// Says how a phone is paired, and takes a code that somebody types.
pub(super) async fn ask(State(web): State<Shared>, visitor: Visitor, frame: Frame, headers: HeaderMap) -> Answer {
    page(&web, &visitor, frame, &headers, PairPageParts::default()).map_err(told(&headers, "/pair"))
}

#[derive(Deserialize)]
pub(super) struct TypedCode {
    code: String,
}

/// Goes on to the page of a code that somebody typed.
pub(super) async fn typed(
    State(web): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    headers: HeaderMap,
    Form(form): Form<TypedCode>,
) -> Answer {
    if let Ok(code) = form.code.parse::<PairingCode>() {
        return Ok(Redirect::to(&format!("/pair/{code}")).into_response());
    }
    let code = form.code.chars().take(60).collect();
    refused(&web, &visitor, frame, &headers, code, &wrong_code()).map_err(told(&headers, "/pair"))
}

fn wrong_code() -> AppError {
    let message = Message::new(
        "Mã ghép máy gồm mã chợ và 20 chữ, số in trên thẻ; hãy xem lại.",
        "A pairing code is the market's code and the 20 letters and digits of the card; look again.",
    );
    AppError::new(ErrorKind::NotFound, "pairing_code_unknown", message)
}

fn refused(
    web: &Shared,
    visitor: &Visitor,
    frame: Frame,
    headers: &HeaderMap,
    code: String,
    error: &AppError,
) -> Result<Response, AppError> {
    let status = if error.kind == ErrorKind::NotFound {
        StatusCode::NOT_FOUND
    } else if error.kind == ErrorKind::Invalid {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::CONFLICT
    };
    let message = Some(frame.say(&error.message.vi, &error.message.en).to_owned());
    let parts = PairPageParts { code, message, status, offer: None };
    page(web, visitor, frame, headers, parts)
}

/// Tells whether an error belongs on the page, not in its place.
fn is_for_the_page(error: &AppError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Invalid)
}

/// Shows whose stall a code opens.
pub(super) async fn offer(
    State(web): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Answer {
    let found = async { web.app.pairing_offer(&code.parse().map_err(|_| wrong_code())?).await };
    match found.await {
        Ok(offer) => {
            let parts = PairPageParts { code, offer: Some(offer), ..PairPageParts::default() };
            page(&web, &visitor, frame, &headers, parts).map_err(told(&headers, "/pair"))
        }
        Err(error) if is_for_the_page(&error) => {
            refused(&web, &visitor, frame, &headers, String::new(), &error).map_err(told(&headers, "/pair"))
        }
        Err(error) => Err(told(&headers, "/pair")(error)),
    }
}

#[derive(Deserialize)]
pub(super) struct Confirmation {
    name: String,
}

/// Pairs this phone.
pub(super) async fn confirm(
    State(web): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Form(form): Form<Confirmation>,
) -> Answer {
    if !visitor.keeps_cookies {
        return Err(told(&headers, "/pair")(super::login::needs_tls()));
    }
    let paired = async { web.app.pair_device(&code.parse().map_err(|_| wrong_code())?, &form.name).await };
    match paired.await {
        Ok(token) => {
            let mut response = Redirect::to("/stall").into_response();
            keep(&mut response, PHONE, &token.to_string(), PHONE_KEEPS_S);
            keep(&mut response, FORM, "", 0);
            Ok(response)
        }
        Err(error) if is_for_the_page(&error) => {
            refused(&web, &visitor, frame, &headers, String::new(), &error).map_err(told(&headers, "/pair"))
        }
        Err(error) => Err(told(&headers, "/pair")(error)),
    }
}

/// Lists a stall's phones.
pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
) -> Answer {
    let listed = async { web.app.devices(&actor, &field("code", &code)?, &stall).await };
    let devices = listed.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls/{stall}/devices")))?;
    let data: Vec<_> = devices.iter().map(device_json).collect();
    Ok(Json(json!({"data": data, "has_more": false, "next": null})).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    name: String,
}

/// Gives a phone another name.
pub(super) async fn rename(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, stall, device)): Path<(String, String, String)>,
    Json(body): Json<Rename>,
) -> Answer {
    let renamed = async {
        let id = field("device", &device)?;
        web.app.rename_device(&actor, &field("code", &code)?, &stall, id, &body.name).await
    };
    renamed.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls/{stall}/devices/{device}")))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends a phone.
pub(super) async fn revoke(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, stall, device)): Path<(String, String, String)>,
) -> Answer {
    let ended = async {
        let id = field("device", &device)?;
        web.app.end_device(&actor, &field("code", &code)?, &stall, id).await
    };
    ended.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls/{stall}/devices/{device}")))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeBody {
    purpose: Option<String>,
    #[serde(default)]
    hides_totals: bool,
    #[serde(default)]
    revoke_devices: bool,
}

/// Makes a one-time code.
pub(super) async fn issue(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
    Json(body): Json<CodeBody>,
) -> Answer {
    let issued = async {
        // What a phone can show is a code for a helper; the manager prints cards.
        let usual = if actor.stall().is_some() { "helper" } else { "card" };
        let code_for = match body.purpose.as_deref().unwrap_or(usual) {
            "card" => CodeFor::Card { ends_devices: body.revoke_devices },
            "helper" => CodeFor::Helper { hides_totals: body.hides_totals },
            _ => {
                let message = Message::new("purpose là card hoặc helper.", "purpose is card or helper.");
                return Err(AppError::field("purpose", "unknown_purpose", message));
            }
        };
        web.app.issue_pairing_code(&actor, &field("code", &code)?, &stall, code_for).await
    };
    let issued = issued.await.map_err(told(&headers, &format!("/v1/markets/{code}/stalls/{stall}/pairing-codes")))?;
    let body = json!({
        "code": issued.code.to_string(), "path": issued.path(), "stall": issued.stall.as_str(),
        "expires_at": rfc3339(issued.expires_at), "revoked_devices": issued.ended_devices,
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}
