//! Closed by default: until people can log in, pages and API answer this machine alone.
//!
//! Binding to loopback is not enough: a proxy would open it to the world, and a page elsewhere
//! could have a browser here send requests. So a request that came through a proxy, names another
//! host or comes from another origin is refused.

use axum::extract::Request;
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::told;
use crate::app::error::{AppError, ErrorKind, Message};

/// Headers that only a proxy adds.
const PROXY: [&str; 2] = ["forwarded", "via"];

/// Lets a request through that was made on this machine, by this machine's own pages or programs.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let refusal = proxied(headers).or_else(|| foreign_host(headers, request.uri())).or_else(|| foreign_origin(headers));
    match refusal {
        None => next.run(request).await,
        Some(Why { vi, en }) => {
            let message = Message::new(
                format!("Địa chỉ này chỉ phục vụ trên chính máy này ({vi}). Chỉ được đặt proxy trước --ingest-bind."),
                format!("This address serves this machine alone ({en}). Only --ingest-bind may stand behind a proxy."),
            );
            let error = AppError::new(ErrorKind::Forbidden, "closed_by_default", message);
            told(request.headers(), request.uri().path())(error).into_response()
        }
    }
}

/// Why a request is refused, in both languages.
struct Why {
    vi: &'static str,
    en: &'static str,
}

/// Tells whether a proxy added a header of its own.
pub(super) fn came_through_proxy(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| PROXY.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-"))
}

fn proxied(headers: &HeaderMap) -> Option<Why> {
    came_through_proxy(headers)
        .then_some(Why { vi: "yêu cầu đi qua proxy", en: "the request came through a proxy" })
}

/// The host stands in its header, once, and in the target too when that names one (RFC 9112 §3.2.2).
fn foreign_host(headers: &HeaderMap, target: &Uri) -> Option<Why> {
    let mut hosts = headers.get_all("host").iter();
    let only = hosts.next().filter(|_| hosts.next().is_none());
    let host = only.and_then(|host| host.to_str().ok());
    let here = host.is_some_and(is_here) && target.authority().is_none_or(|named| is_here(named.as_str()));
    (!here).then_some(Why { vi: "tên máy khác", en: "another host is named" })
}

fn foreign_origin(headers: &HeaderMap) -> Option<Why> {
    // The same port too: another program's page on this machine is another origin.
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let here = |origin: &axum::http::HeaderValue| {
        origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")).is_some_and(|origin| origin == host)
    };
    headers
        .get_all("origin")
        .iter()
        .any(|origin| !here(origin))
        .then_some(Why { vi: "trang khác gửi tới", en: "another origin asks" })
}

/// Tells whether a host, with or without a port, is this machine by a name that cannot be rebound.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split_once(']').is_some_and(|(name, port)| name == "::1" && is_port(port)),
        None => host,
    };
    let (name, port) = name.split_once(':').map_or((name, ""), |(name, port)| (name, port));
    let port_good =
        port.is_empty() && !host.contains(':') || port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty();
    port_good && (name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1")
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn only_this_machines_own_names_are_here() {
        for here in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in [
            "",
            "example.com",
            "localhost.evil.com",
            "127.0.0.1.nip.io",
            "127.0.0.1:x",
            "localhost:",
            "[::2]",
            "[::1]x",
            "10.0.0.1:8080",
        ] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }
}
