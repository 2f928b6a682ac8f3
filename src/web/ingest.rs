//! Webhooks in: the raw bytes go to `app`, its answer goes out in the dialect's own words.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::problem::{Answer, Problem, Tongue, told};
use super::visitor::client_address;
use super::{INGEST_BODY_MAX, Shared};
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::receive_settlement::{Inbound, Reply, ReplyStatus};

/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Failed authentications that one address may have in a minute before it hears 429 instead of 401.
const FAILURES_MAX: u32 = 60;
/// The window in which they are counted.
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 10_000;

/// Counts failed authentications by address. A request that authenticates is never throttled.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Throttle {
    /// Counts a failure; `true` when the address has had too many within the window. By the
    /// machine's own ticking: a test's clock that stands still must not lock anybody out.
    fn failed(&self, address: IpAddr) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_MAX {
            failures.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        // Were the table full of fresh addresses, a new one is not counted rather than an old one forgotten.
        if failures.len() >= ADDRESSES_MAX && !failures.contains_key(&address) {
            return false;
        }
        let (since, count) = failures.entry(address).or_insert((Instant::now(), 0));
        if since.elapsed() >= WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
        *count > FAILURES_MAX
    }
}

#[derive(serde::Deserialize)]
pub(super) struct Target {
    source: String,
    rest: Option<String>,
}

pub(super) async fn receive(
    State(web): State<Shared>,
    Path(target): Path<Target>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let address = peer.map(|Extension(ConnectInfo(peer))| peer);
    let (inbound, instance) = taken(target, &headers, address, body).await?;
    let reply = web.app.receive_settlement(inbound).await.map_err(told(&headers, &instance))?;
    Ok(answer(&web, reply, address.map(|peer| peer.ip()), &headers, &instance))
}

/// As [`receive`], without the book: the ceiling that the bench compares with.
pub(super) async fn answer_only(
    State(web): State<Shared>,
    Path(target): Path<Target>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let address = peer.map(|Extension(ConnectInfo(peer))| peer);
    let (inbound, instance) = taken(target, &headers, address, body).await?;
    let reply = web.app.answer_without_booking(&inbound).map_err(told(&headers, &instance))?;
    Ok(answer(&web, reply, address.map(|peer| peer.ip()), &headers, &instance))
}

/// Takes a request off the wire; returns it with the path that problems name.
async fn taken(
    target: Target,
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
    body: Body,
) -> Result<(Inbound, String), Problem> {
    let Target { source, rest } = target;
    let instance = format!("/v1/ingest/{source}");
    let body = read(body).await.map_err(|(status, error)| told(headers, &instance)(error).with_status(status))?;
    let inbound = Inbound {
        source,
        sub_path: rest.map(|rest| format!("/{rest}")).unwrap_or_default(),
        address: client_address(headers, peer),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
        body,
    };
    Ok((inbound, instance))
}

/// Reads the body whole, within its limits of size and time.
async fn read(body: Body) -> Result<Vec<u8>, (StatusCode, AppError)> {
    let too_large = || {
        let message = Message::new("Nội dung lớn hơn 256 KiB.", "The body is larger than 256 KiB.");
        (StatusCode::PAYLOAD_TOO_LARGE, AppError::new(ErrorKind::Invalid, "body_too_large", message))
    };
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, INGEST_BODY_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes.to_vec()),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            let message = super::problem::too_slow();
            Err((StatusCode::REQUEST_TIMEOUT, AppError::new(ErrorKind::Invalid, "body_timeout", message)))
        }
    }
}

/// Returns the status of an answer.
pub(super) fn status_of(status: ReplyStatus) -> StatusCode {
    match status {
        ReplyStatus::Accepted => StatusCode::OK,
        ReplyStatus::Unauthenticated | ReplyStatus::Stale => StatusCode::UNAUTHORIZED,
        ReplyStatus::Elsewhere => StatusCode::FORBIDDEN,
        ReplyStatus::Unreadable => StatusCode::BAD_REQUEST,
        ReplyStatus::NoSuchSource => StatusCode::NOT_FOUND,
    }
}

fn answer(web: &Shared, reply: Reply, address: Option<IpAddr>, headers: &HeaderMap, instance: &str) -> Response {
    let failed = reply.status == ReplyStatus::Unauthenticated;
    let throttled = failed && address.is_some_and(|ip| web.throttle.failed(ip));
    let status = if throttled { StatusCode::TOO_MANY_REQUESTS } else { status_of(reply.status) };
    if let Some(body) = reply.body.filter(|_| !throttled) {
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    } else {
        let kind = match reply.status {
            ReplyStatus::Unauthenticated | ReplyStatus::Stale => ErrorKind::Unauthenticated,
            ReplyStatus::Elsewhere => ErrorKind::Forbidden,
            ReplyStatus::NoSuchSource => ErrorKind::NotFound,
            ReplyStatus::Accepted | ReplyStatus::Unreadable => ErrorKind::Invalid,
        };
        let error = if throttled { too_many() } else { AppError::new(kind, reply.code, reply.message) };
        Problem::new(error, Tongue::of(headers), instance).with_status(status).into_response()
    }
}

/// What an address hears that failed to authenticate too often.
fn too_many() -> AppError {
    let message = Message::new(
        "Địa chỉ này xác thực sai quá nhiều lần; hãy chờ rồi gửi lại với khóa đúng.",
        "Too many failed authentications from this address; wait, then send with the right secret.",
    );
    AppError::new(ErrorKind::Unauthenticated, "too_many_failures", message)
}
