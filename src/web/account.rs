//! One's own account: sessions, and the second factor.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::Shared;
use super::login::{begin, form_of_nobody, from, private};
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, Problem, told};
use super::visitor::{SESSION, Visitor, cookie};
use crate::app::access::Actor;
use crate::app::error::{AppError, ErrorKind};
use crate::app::manage_users::SessionShown;
use crate::app::qr_codes::{self, Correction};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::identity::Password;

/// A session on the page.
struct Line {
    id: String,
    own: bool,
    browser: String,
    address: String,
    since: String,
    seen: String,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    name: String,
    sessions: Vec<Line>,
    second_factor: bool,
    message: Option<String>,
}

/// Returns an instant as pages show it.
pub(super) fn moment(at: jiff::Timestamp) -> String {
    format!("{} {}", vietnam_time(at), BusinessDate::of_calendar(at).vietnamese())
}

fn line(session: SessionShown) -> Line {
    Line {
        id: session.id.to_string(),
        own: session.own,
        browser: browser(&session.agent).to_owned(),
        address: session.address,
        since: moment(session.created_at),
        seen: moment(session.last_seen_at),
    }
}

/// Returns what a person calls a browser; what it calls itself is of no use to them.
fn browser(agent: &str) -> &str {
    let known = [
        ("Edg/", "Edge"),
        ("CocCoc", "Cốc Cốc"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    known.iter().find(|(mark, _)| agent.contains(mark)).map_or("?", |(_, name)| name)
}

pub(super) async fn page(State(web): State<Shared>, actor: Actor, frame: Frame, headers: HeaderMap) -> Answer {
    shown(&web, &actor, frame, None).await.map_err(told(&headers, "/account"))
}

async fn shown(web: &Shared, actor: &Actor, frame: Frame, message: Option<String>) -> Result<Response, AppError> {
    let sessions = web.app.sessions(actor, None).await?;
    let second_factor = web.app.has_second_factor(actor).await?;
    let sessions = sessions.into_iter().map(line).collect();
    let name = actor.name().to_owned();
    let mut response = html(&AccountPage { frame, name, sessions, second_factor, message })?;
    private(&mut response);
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct EndSession {
    session: String,
}

/// Ends one session, or all of them, this one too.
pub(super) async fn end_session(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Form(form): Form<EndSession>,
) -> Answer {
    let ended = async {
        let one = if form.session == "all" { None } else { Some(field("session", &form.session)?) };
        web.app.end_sessions(&actor, None, one).await
    };
    ended.await.map_err(told(&headers, "/account"))?;
    Ok(Redirect::to("/account").into_response())
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage {
    frame: Frame,
    svg: String,
    typed: String,
    message: Option<String>,
}

/// Makes a secret and shows it.
pub(super) async fn begin_second_factor(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
) -> Answer {
    let made = async { offer(&web, &actor, frame, None).await };
    made.await.map_err(told(&headers, "/account/second-factor"))
}

async fn offer(web: &Shared, actor: &Actor, frame: Frame, message: Option<String>) -> Result<Response, AppError> {
    let offer = web.app.begin_second_factor(actor).await?;
    let svg = qr_codes::svg(&offer.uri, Correction::Screen, "TOTP")?;
    let mut response = html(&SecondFactorPage { frame, svg, typed: offer.typed, message })?;
    private(&mut response);
    Ok(response)
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct RecoveryPage {
    frame: Frame,
    codes: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: String,
}

/// Turns the second factor on.
pub(super) async fn confirm_second_factor(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Answer {
    let page = async {
        match web.app.confirm_second_factor(&actor, &form.code).await {
            Ok(codes) => {
                let mut response = html(&RecoveryPage { frame, codes })?;
                private(&mut response);
                Ok(response)
            }
            // Another secret: the page that showed this one is gone.
            Err(error) if error.kind == ErrorKind::Invalid => {
                let message = Some(frame.say(&error.message.vi, &error.message.en).to_owned());
                offer(&web, &actor, frame, message).await
            }
            Err(error) => Err(error),
        }
    };
    page.await.map_err(told(&headers, "/account/second-factor"))
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: String,
}

/// Takes the second factor away.
pub(super) async fn drop_second_factor(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Answer {
    let page = async {
        match web.app.drop_second_factor(&actor, Password::typed(&form.password)).await {
            Ok(()) => Ok(Redirect::to("/account").into_response()),
            Err(error) if error.kind == ErrorKind::Invalid => {
                let message = Some(frame.say(&error.message.vi, &error.message.en).to_owned());
                shown(&web, &actor, frame, message).await
            }
            Err(error) => Err(error),
        }
    };
    page.await.map_err(told(&headers, "/account"))
}

#[derive(Template)]
#[template(path = "login_code.html")]
struct CodePage {
    frame: Frame,
    message: Option<String>,
}

/// Asks for the second factor of a login.
pub(super) async fn code_page(State(web): State<Shared>, visitor: Visitor, frame: Frame, headers: HeaderMap) -> Answer {
    if cookie(&headers, SESSION).is_none() {
        return Ok(Redirect::to("/login").into_response());
    }
    code_form(&web, &visitor, frame, &headers, None).map_err(told(&headers, "/login/code"))
}

fn code_form(
    web: &Shared,
    visitor: &Visitor,
    frame: Frame,
    headers: &HeaderMap,
    message: Option<String>,
) -> Result<Response, AppError> {
    let form = form_of_nobody(web, visitor, &frame, headers)?;
    let mut response = html(&CodePage { frame: Frame { csrf: form.csrf.clone(), ..frame }, message })?;
    private(&mut response);
    form.keep(&mut response);
    Ok(response)
}

/// Finishes a login.
pub(super) async fn finish(
    State(web): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    headers: HeaderMap,
    Form(form): Form<CodeForm>,
) -> Answer {
    let token = cookie(&headers, SESSION).unwrap_or_default();
    match web.app.finish_login(token, &form.code, &from(&visitor, &headers)).await {
        Ok(made) => Ok(begin(&made, "/")),
        Err(error) if error.kind == ErrorKind::Unauthenticated => Ok(Redirect::to("/login").into_response()),
        Err(error) if error.kind == ErrorKind::Invalid => {
            let message = Some(frame.say(&error.message.vi, &error.message.en).to_owned());
            let page = code_form(&web, &visitor, frame, &headers, message).map_err(told(&headers, "/login/code"))?;
            Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err::<_, Problem>(told(&headers, "/login/code")(error)),
    }
}
