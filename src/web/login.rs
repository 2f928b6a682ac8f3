//! Logging in and out, and one's own password.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::Shared;
use super::access::safe_next;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, Tongue, told};
use super::visitor::{BROWSER, FORM, SESSION, Visitor, cookie, keep};
use crate::app::access::Actor;
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::login::{BROWSER_MAX, From, LoggedIn, Login, Next, SESSION_MAX, form_token};
use crate::domain::identity::Password;

/// How long a form that nobody is logged in for stays good, in seconds.
const FORM_LIVES_S: i64 = 12 * 3_600;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    keeps_cookies: bool,
    message: Option<String>,
    name: String,
    next: String,
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    next: Option<String>,
}

pub(super) async fn page(
    State(web): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    headers: HeaderMap,
    Query(query): Query<LoginQuery>,
) -> Answer {
    let next = safe_next(query.next.as_deref().unwrap_or_default()).to_owned();
    if visitor.known.as_ref().is_some_and(|_| visitor.unasked.is_none()) {
        return Ok(Redirect::to(&next).into_response());
    }
    login_page(&web, &visitor, frame, &headers, Shown { next, ..Shown::default() }).map_err(told(&headers, "/login"))
}

/// What the login page shows beside its form.
#[derive(Default)]
struct Shown {
    next: String,
    name: String,
    message: Option<String>,
    status: StatusCode,
}

fn login_page(
    web: &Shared,
    visitor: &Visitor,
    frame: Frame,
    headers: &HeaderMap,
    shown: Shown,
) -> Result<Response, AppError> {
    let form = form_of_nobody(web, visitor, &frame, headers)?;
    let page = LoginPage {
        frame: Frame { csrf: form.csrf.clone(), ..frame },
        keeps_cookies: visitor.keeps_cookies,
        message: shown.message,
        name: shown.name,
        next: shown.next,
    };
    let mut response = html(&page)?;
    *response.status_mut() = shown.status;
    private(&mut response);
    form.keep(&mut response);
    Ok(response)
}

/// What protects a form of somebody who may not be known yet.
pub(super) struct FormOfNobody {
    /// What the form carries.
    pub(super) csrf: String,
    fresh: Option<String>,
}

impl FormOfNobody {
    /// Has the browser keep the secret, when it is a new one.
    pub(super) fn keep(&self, response: &mut Response) {
        if let Some(secret) = &self.fresh {
            keep(response, FORM, secret, FORM_LIVES_S);
        }
    }
}

/// Protects a form by a cookie of its own where nobody is known by another.
pub(super) fn form_of_nobody(
    web: &Shared,
    visitor: &Visitor,
    frame: &Frame,
    headers: &HeaderMap,
) -> Result<FormOfNobody, AppError> {
    if visitor.known.is_some() {
        return Ok(FormOfNobody { csrf: frame.csrf.clone(), fresh: None });
    }
    if let Some(secret) = cookie(headers, FORM) {
        return Ok(FormOfNobody { csrf: form_token(secret), fresh: None });
    }
    let secret = web.app.form_secret()?;
    Ok(FormOfNobody { csrf: form_token(&secret), fresh: Some(secret) })
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn log_in(
    State(web): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Answer {
    if !visitor.keeps_cookies {
        return Err(told(&headers, "/login")(needs_tls()));
    }
    let login =
        Login { name: form.name.clone(), password: Password::typed(&form.password), from: from(&visitor, &headers) };
    match web.app.log_in(login).await {
        Ok(made) => Ok(begin(&made, safe_next(&form.next))),
        Err(error) if matches!(error.kind, ErrorKind::Unauthenticated | ErrorKind::TooOften { .. }) => {
            let retry = error.kind.wait_s();
            let status = if retry.is_some() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNAUTHORIZED };
            let message = Some(Tongue::of_page(&headers).choose(&error.message).to_owned());
            let name = form.name.chars().take(40).collect();
            let shown = Shown { next: safe_next(&form.next).to_owned(), name, message, status };
            let mut page = login_page(&web, &visitor, frame, &headers, shown).map_err(told(&headers, "/login"))?;
            if let Some(seconds) = retry {
                page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Ok(page)
        }
        Err(error) => Err(told(&headers, "/login")(error)),
    }
}

pub(super) fn needs_tls() -> AppError {
    let message = Message::new(
        "Không đăng nhập qua http:// không mã hóa: hãy mở địa chỉ https://.",
        "No login over plain http://: open the https:// address.",
    );
    AppError::new(ErrorKind::Forbidden, "needs_tls", message)
}

pub(super) fn from(visitor: &Visitor, headers: &HeaderMap) -> From {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    From {
        address: visitor.address.clone(),
        agent: agent.to_owned(),
        browser: cookie(headers, BROWSER).map(str::to_owned),
    }
}

/// Hands the browser what it keeps and sends it on.
pub(super) fn begin(made: &LoggedIn, next: &str) -> Response {
    let next = match made.next {
        Next::Work => next,
        Next::ChangePassword => "/account/password",
        Next::SecondFactor => "/login/code",
    };
    let mut response = Redirect::to(next).into_response();
    for (name, value, seconds) in [
        (SESSION, made.token.as_str(), SESSION_MAX.as_secs()),
        (BROWSER, made.browser.as_str(), BROWSER_MAX.as_secs()),
        (FORM, "", 0),
    ] {
        keep(&mut response, name, value, seconds);
    }
    response
}

pub(super) async fn log_out(State(web): State<Shared>, visitor: Visitor, headers: HeaderMap) -> Answer {
    if let Some(actor) = visitor.actor() {
        web.app.log_out(actor).await.map_err(told(&headers, "/logout"))?;
    }
    let mut response = Redirect::to("/login").into_response();
    keep(&mut response, SESSION, "", 0);
    Ok(response)
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    must_change: bool,
    message: Option<String>,
    user: String,
}

pub(super) async fn password_page(visitor: Visitor, frame: Frame, headers: HeaderMap) -> Answer {
    password(&visitor, frame, None).map_err(told(&headers, "/account/password"))
}

fn password(visitor: &Visitor, frame: Frame, message: Option<String>) -> Result<Response, AppError> {
    let must_change = visitor.known.as_ref().is_some_and(|known| known.must_change);
    let user = visitor.actor().map(|actor| actor.name().to_owned()).unwrap_or_default();
    let mut response = html(&PasswordPage { frame, must_change, message, user })?;
    private(&mut response);
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    old: String,
    new: String,
    again: String,
}

pub(super) async fn change_password(
    State(web): State<Shared>,
    actor: Actor,
    visitor: Visitor,
    frame: Frame,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Answer {
    let tongue = Tongue::of_page(&headers);
    let changed = async {
        if form.new != form.again {
            let message = Message::new("Hai lần gõ mật khẩu mới không giống nhau.", "The new passwords differ.");
            return Err(AppError::field("again", "password_differs", message));
        }
        let old = Password::typed(&form.old);
        web.app.change_password(&actor, old, &form.new, &from(&visitor, &headers)).await
    };
    match changed.await {
        Ok(made) => Ok(begin(&made, "/")),
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::TooOften { .. }) => {
            let status = if error.kind == ErrorKind::Invalid {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::TOO_MANY_REQUESTS
            };
            let message = Some(tongue.choose(&error.message).to_owned());
            let mut page = password(&visitor, frame, message).map_err(told(&headers, "/account/password"))?;
            *page.status_mut() = status;
            Ok(page)
        }
        Err(error) => Err(told(&headers, "/account/password")(error)),
    }
}

/// A page with somebody's form on it is kept by nobody.
pub(super) fn private(response: &mut Response) {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
