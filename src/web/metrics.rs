//! Figures for Prometheus. They tell how busy a city's markets are, so that they are served where the
//! operator says (`--metrics-bind`) and, on `--bind`, to this machine alone: never to the public, and
//! never where webhooks are taken.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse as _;

use super::Shared;
use super::problem::{Answer, told};
use crate::app::error::{AppError, Message};

/// The media type of the text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers whoever reaches the address that is for figures alone.
pub(super) async fn figures(State(web): State<Shared>, headers: HeaderMap) -> Answer {
    let text = web.app.metrics().await.map_err(told(&headers, "/metrics"))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// Answers this machine alone, and nobody behind a proxy; to others there is no such address.
pub(super) async fn here_alone(
    State(web): State<Shared>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Answer {
    let here = peer.is_some_and(|Extension(ConnectInfo(peer))| peer.ip().to_canonical().is_loopback());
    if here && !super::visitor::came_through_proxy(&headers) {
        return figures(State(web), headers).await;
    }
    let message = Message::new("Địa chỉ này không có.", "There is no such address.");
    Err(told(&headers, "/metrics")(AppError::not_found(message)))
}
