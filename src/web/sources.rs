//! Sources: the configured senders of settlements.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use jiff::SignedDuration;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shared;
use super::markets::{PageQuery, field};
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::error::{AppError, Message};
use crate::app::journal::Page;
use crate::app::manage_sources::{AddSource, SourceShown, TOLERANCE_DEFAULT_S, source_json};
use crate::app::silent_sources::Silent;
use crate::domain::source_network::Network;

pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer {
    let listed = async {
        let sources = web.app.sources_for(&actor).await?;
        let silent = web.app.silent_now(actor.market()).await?;
        let shown = |source: &SourceShown| {
            let mut shown = source_json(source);
            let silence = silent.iter().find(|one| one.source == source.name);
            if let Some(fields) = shown.as_object_mut() {
                fields.insert("silent".to_owned(), silence.map_or(serde_json::Value::Null, Silent::to_json));
            }
            shown
        };
        Page::of_list(&sources, |source| source.name.as_str(), shown, query.after.as_deref(), query.limit)
    };
    Ok(Json(listed.await.map_err(told(&headers, "/v1/sources"))?.to_json()).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSource {
    name: String,
    dialect: String,
    secret: String,
    #[serde(default)]
    accounts: Vec<String>,
    market: Option<String>,
    time: Option<String>,
    tolerance: Option<i64>,
    /// Networks it may send from; anywhere when there are none.
    #[serde(default)]
    from: Vec<String>,
}

pub(super) async fn add(State(web): State<Shared>, headers: HeaderMap, Json(new): Json<NewSource>) -> Answer {
    let added = async {
        let accounts: Result<Vec<_>, AppError> = new.accounts.iter().map(|number| field("accounts", number)).collect();
        let source = AddSource {
            name: field("name", &new.name)?,
            dialect: field("dialect", &new.dialect)?,
            secret: new.secret,
            accounts: accounts?,
            market: new.market.as_deref().map(|code| field("market", code)).transpose()?,
            local_as_utc: local_as_utc(new.time.as_deref())?,
            tolerance_s: new.tolerance.unwrap_or(TOLERANCE_DEFAULT_S),
            networks: networks("from", &new.from)?,
        };
        web.app.add_source(source).await
    };
    let source = added.await.map_err(told(&headers, "/v1/sources"))?;
    Ok((StatusCode::CREATED, Json(source_json(&source))).into_response())
}

fn local_as_utc(time: Option<&str>) -> Result<bool, AppError> {
    match time {
        None | Some("utc") => Ok(false),
        Some("local-as-utc") => Ok(true),
        Some(_) => {
            let message = Message::new("time là utc hoặc local-as-utc.", "time is utc or local-as-utc.");
            Err(AppError::field("time", "unknown_time", message))
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    secret: String,
    overlap_hours: Option<u32>,
}

pub(super) async fn rotate(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Json(body): Json<Rotation>,
) -> Answer {
    let rotated = async {
        let overlap = SignedDuration::from_hours(i64::from(body.overlap_hours.unwrap_or(24).min(720)));
        web.app.rotate_source(&field("name", &name)?, &body.secret, overlap).await
    };
    let source = rotated.await.map_err(told(&headers, &format!("/v1/sources/{name}/rotate")))?;
    Ok(Json(source_json(&source)).into_response())
}

/// Networks to put on a source's list and to take off it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedAddresses {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// `POST /v1/sources/{name}/addresses`.
pub(super) async fn addresses(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Json(body): Json<ChangedAddresses>,
) -> Answer {
    let changed = async {
        let (add, remove) = (networks("add", &body.add)?, networks("remove", &body.remove)?);
        web.app.change_source_addresses(&field("name", &name)?, &add, &remove).await
    };
    let source = changed.await.map_err(told(&headers, &format!("/v1/sources/{name}/addresses")))?;
    Ok(Json(source_json(&source)).into_response())
}

fn networks(name: &str, texts: &[String]) -> Result<Vec<Network>, AppError> {
    texts.iter().map(|text| field(name, text)).collect()
}
