//! Sources: the configured senders of settlements.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::error::AppError;
use crate::app::manage_sources::{AddSource, TOLERANCE_DEFAULT_S, source_json};

pub(super) async fn list(State(web): State<Shared>, headers: HeaderMap) -> Answer {
    let sources = web.app.sources().await.map_err(told(&headers, "/v1/sources"))?;
    let data: Vec<Value> = sources.iter().map(source_json).collect();
    Ok(Json(json!({"data": data, "has_more": false, "next": null})).into_response())
}

#[derive(Deserialize)]
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
            local_as_utc: new.time.as_deref() == Some("local-as-utc"),
            tolerance_s: new.tolerance.unwrap_or(TOLERANCE_DEFAULT_S),
        };
        web.app.add_source(source).await
    };
    let source = added.await.map_err(told(&headers, "/v1/sources"))?;
    Ok((StatusCode::CREATED, Json(source_json(&source))).into_response())
}

#[derive(Deserialize)]
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
