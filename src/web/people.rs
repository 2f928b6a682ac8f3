//! Users and keys of machines: pages for whoever manages them, and the same for programs.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Shared;
use super::account::moment;
use super::login::private;
use super::markets::{PageQuery, field};
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use crate::app::access::{Actor, Role, role_name};
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::journal::Page;
use crate::app::machine_keys::{NewKey, key_json};
use crate::app::manage_users::{NewUser, UserShown, user_json};
use crate::domain::identity::UserName;

/// A user on the page.
struct Line {
    name: String,
    full_name: String,
    role: String,
    market: String,
    last: String,
    second_factor: bool,
    /// That the first password is still to be changed.
    note: String,
    disabled: bool,
    own: bool,
}

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    frame: Frame,
    users: Vec<Line>,
    /// The one market that a manager adds people for; none for whoever chooses.
    market: Option<String>,
    markets: Vec<(String, String)>,
    message: Option<String>,
    /// A password that was made: for whom, and what.
    made: Option<(String, String)>,
}

fn line(frame: &Frame, actor: &Actor, user: UserShown) -> Line {
    let role = role_name(user.role);
    Line {
        own: actor.name() == user.name.as_str(),
        name: user.name.to_string(),
        full_name: user.full_name,
        role: frame.say(&role.vi, &role.en).to_owned(),
        market: user.market.map(|code| code.to_string()).unwrap_or_default(),
        last: user.last_login_at.map(moment).unwrap_or_default(),
        second_factor: user.second_factor,
        note: if user.must_change {
            frame.say("chưa đổi mật khẩu đầu", "first password").to_owned()
        } else {
            String::new()
        },
        disabled: user.disabled_at.is_some(),
    }
}

/// What the page says beside its list.
#[derive(Default)]
struct Told {
    message: Option<String>,
    made: Option<(String, String)>,
}

async fn shown(web: &Shared, actor: &Actor, frame: Frame, said: Told) -> Result<Response, AppError> {
    let users = web.app.users(actor).await?;
    let markets = web.app.markets_for(actor).await?;
    let page = UsersPage {
        users: users.into_iter().map(|user| line(&frame, actor, user)).collect(),
        market: actor.market().map(ToString::to_string),
        markets: markets.into_iter().map(|market| (market.code.to_string(), market.name.to_string())).collect(),
        message: said.message,
        made: said.made,
        frame,
    };
    let mut response = html(&page)?;
    private(&mut response);
    Ok(response)
}

/// Lists the users whom one manages.
pub(super) async fn page(State(web): State<Shared>, actor: Actor, frame: Frame, headers: HeaderMap) -> Answer {
    shown(&web, &actor, frame, Told::default()).await.map_err(told(&headers, "/users"))
}

#[derive(Deserialize)]
pub(super) struct UserForm {
    name: String,
    full_name: String,
    role: Option<String>,
    market: Option<String>,
}

/// Adds a user and shows their first password.
pub(super) async fn add(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Form(form): Form<UserForm>,
) -> Answer {
    let page = async {
        let added = async {
            let market = form.market.as_deref().filter(|market| !market.is_empty());
            // Whom a manager adds is of the own board.
            let (role, market) = match actor.market() {
                Some(own) => (Role::Manager, Some(own.clone())),
                None => (
                    field("role", form.role.as_deref().unwrap_or_default())?,
                    market.map(|code| field("market", code)).transpose()?,
                ),
            };
            let new = NewUser {
                name: field("user", &form.name)?,
                full_name: field("full_name", &form.full_name)?,
                role,
                market,
                password: None,
                must_change: true,
            };
            web.app.add_user(&actor, new).await
        };
        let said = match added.await {
            Ok((user, made)) => Told { made: made.map(|made| (user.name.to_string(), made)), message: None },
            Err(error) => refused(&frame, error)?,
        };
        shown(&web, &actor, frame, said).await
    };
    page.await.map_err(told(&headers, "/users"))
}

/// Puts what the person can mend on the page; the rest takes its place.
fn refused(frame: &Frame, error: AppError) -> Result<Told, AppError> {
    if !matches!(error.kind, ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::NotFound) {
        return Err(error);
    }
    Ok(Told { message: Some(frame.say(&error.message.vi, &error.message.en).to_owned()), made: None })
}

/// Does something with one user.
pub(super) async fn act(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path((user, action)): Path<(String, String)>,
) -> Answer {
    let page = async {
        match done(&web, &actor, &user, &action).await {
            Ok(None) => Ok(Redirect::to("/users").into_response()),
            Ok(Some(made)) => shown(&web, &actor, frame, Told { made: Some((user, made)), message: None }).await,
            Err(error) => {
                let said = refused(&frame, error)?;
                shown(&web, &actor, frame, said).await
            }
        }
    };
    page.await.map_err(told(&headers, "/users"))
}

/// Does what is asked with a user; returns the password that was made, if one was.
async fn done(web: &Shared, actor: &Actor, user: &str, action: &str) -> Result<Option<String>, AppError> {
    let name: UserName = field("user", user)?;
    match action {
        "disable" => web.app.set_user_disabled(actor, &name, true).await.map(|()| None),
        "enable" => web.app.set_user_disabled(actor, &name, false).await.map(|()| None),
        "password" => web.app.reset_password(actor, &name, None).await,
        "second-factor" => web.app.reset_second_factor(actor, &name).await.map(|()| None),
        "sessions" => web.app.end_sessions(actor, Some(&name), None).await.map(|_| None),
        _ => Err(AppError::not_found(Message::new(
            "Chỉ có disable, enable, password, second-factor, sessions.",
            "There are disable, enable, password, second-factor and sessions.",
        ))),
    }
}

/// `GET /v1/users`.
pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer {
    let listed = async {
        let users = web.app.users(&actor).await?;
        Page::of_list(&users, |user| user.name.as_str(), user_json, query.after.as_deref(), query.limit)
    };
    Ok(Json(listed.await.map_err(told(&headers, "/v1/users"))?.to_json()).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserBody {
    name: String,
    full_name: String,
    role: String,
    market: Option<String>,
}

/// `POST /v1/users`.
pub(super) async fn create(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Json(body): Json<NewUserBody>,
) -> Answer {
    let added = async {
        let new = NewUser {
            name: field("user", &body.name)?,
            full_name: field("full_name", &body.full_name)?,
            role: field("role", &body.role)?,
            market: body.market.as_deref().map(|code| field("market", code)).transpose()?,
            password: None,
            must_change: true,
        };
        web.app.add_user(&actor, new).await
    };
    let (user, made) = added.await.map_err(told(&headers, "/v1/users"))?;
    let body = json!({"user": user_json(&user), "first_password": made});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// `POST /v1/users/{user}/{action}`.
pub(super) async fn change(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((user, action)): Path<(String, String)>,
) -> Answer {
    let done = done(&web, &actor, &user, &action).await;
    let made = done.map_err(told(&headers, &format!("/v1/users/{user}/{action}")))?;
    Ok(Json(json!({"name": user, "first_password": made})).into_response())
}

/// `GET /v1/keys`.
pub(super) async fn keys(State(web): State<Shared>, actor: Actor, headers: HeaderMap) -> Answer {
    let keys = web.app.machine_keys(&actor).await.map_err(told(&headers, "/v1/keys"))?;
    let data: Vec<_> = keys.iter().map(key_json).collect();
    Ok(Json(json!({"data": data, "has_more": false, "next": null})).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKeyBody {
    name: String,
    role: String,
    #[serde(default)]
    rights: Vec<String>,
    market: Option<String>,
    expires_at: Option<String>,
}

/// `POST /v1/keys`.
pub(super) async fn add_key(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Json(body): Json<NewKeyBody>,
) -> Answer {
    let made = async {
        let rights: Result<Vec<_>, AppError> = body.rights.iter().map(|right| field("rights", right)).collect();
        let new = NewKey {
            name: field("name", &body.name)?,
            role: field("role", &body.role)?,
            rights: rights?,
            market: body.market.as_deref().map(|code| field("market", code)).transpose()?,
            expires_at: body.expires_at.as_deref().map(|at| field("expires_at", at)).transpose()?,
        };
        web.app.add_machine_key(&actor, new).await
    };
    let (key, secret) = made.await.map_err(told(&headers, "/v1/keys"))?;
    Ok((StatusCode::CREATED, Json(json!({"key": key_json(&key), "secret": secret}))).into_response())
}

/// `DELETE /v1/keys/{key}`.
pub(super) async fn end_key(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Answer {
    let ended = async { web.app.end_machine_key(&actor, field("key", &key)?).await };
    ended.await.map_err(told(&headers, &format!("/v1/keys/{key}")))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
