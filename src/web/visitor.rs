//! Who a request comes from: a machine's key, a login, a paired phone, or whoever sits at this machine
//! while nobody can log in yet. And whether a form was sent by our own page.
//!
//! # Where the operator needs no login
//! On a loopback address, in test mode or before the first user or key is made, a request without
//! credentials is the operator's, if it was made on this machine by this machine's own pages or
//! programs: not through a proxy, to a host name that cannot be rebound, from no other origin.

use std::net::{IpAddr, SocketAddr};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq as _;

use super::Shared;
use crate::app::access::{Actor, Role, role_name};
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::login::{Known, form_token};

/// The cookie of a login.
pub(super) const SESSION: &str = "__Host-socho-session";
/// What a browser keeps of an earlier login.
pub(super) const BROWSER: &str = "__Host-socho-browser";
/// The cookie of a paired phone.
pub(super) const PHONE: &str = "__Host-socho-phone";
/// What protects the forms of somebody who is not known yet.
pub(super) const FORM: &str = "__Host-socho-form";
/// Headers that only a proxy adds.
const PROXY: [&str; 2] = ["forwarded", "via"];
/// Largest form that is looked into for its token, in bytes.
const FORM_MAX: usize = 256 * 1024;

/// How requests reach this server, and what follows for those without credentials.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Whether it listens on a loopback address.
    pub loopback: bool,
    /// The address under which people reach it, with its scheme: behind a proxy it is another.
    pub public_url: Option<String>,
}

/// Why the operator needs no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unasked {
    /// The server is in test mode.
    TestMode,
    /// Nobody can log in yet.
    NobodyYet,
}

/// Who a request comes from.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// Who it is, if anybody is known.
    pub(super) known: Option<Known>,
    /// Why nobody was asked, when nobody was.
    pub(super) unasked: Option<Unasked>,
    /// What our forms carry.
    pub(super) csrf: String,
    /// The client's address.
    pub(super) address: String,
    /// Whether a browser will keep our cookies: over TLS, or on this machine.
    pub(super) keeps_cookies: bool,
    /// Whether it was a key in a header that no page elsewhere can make a browser send.
    by_key: bool,
    /// Whether somebody is known by a cookie.
    by_cookie: bool,
}

impl Visitor {
    /// Returns the actor, once the request was admitted.
    pub(super) fn actor(&self) -> Option<&Actor> {
        self.known.as_ref().map(|known| &known.actor)
    }
}

/// Which of two cookies counts when a browser holds both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefer {
    /// The login.
    Session,
    /// The phone: its own pages.
    Phone,
}

/// Finds out who a request comes from.
pub(super) async fn identify(
    web: &Shared,
    headers: &HeaderMap,
    uri: &Uri,
    peer: Option<SocketAddr>,
    prefer: Prefer,
) -> Result<Visitor, AppError> {
    let nobody = Visitor {
        known: None,
        unasked: None,
        csrf: cookie(headers, FORM).map(form_token).unwrap_or_default(),
        address: client_address(headers, peer).map(|address| address.to_string()).unwrap_or_default(),
        keeps_cookies: keeps_cookies(web, headers),
        by_key: false,
        by_cookie: false,
    };
    if headers.contains_key(header::AUTHORIZATION) {
        // Whoever shows a key is that key's or nobody: never somebody by a cookie beside it.
        let known = match bearer(headers) {
            Some(key) => web.app.who_has_key(key).await?,
            None => None,
        };
        return Ok(Visitor { known, by_key: true, ..nobody });
    }
    let session = cookie(headers, SESSION);
    let phone = cookie(headers, PHONE);
    let known_by_session = async {
        let Some(token) = session else { return Ok(None) };
        Ok::<_, AppError>(web.app.who_has_session(token).await?.map(|known| (known, token)))
    };
    let known_by_phone = async {
        let Some(token) = phone else { return Ok(None) };
        Ok::<_, AppError>(web.app.who_has_device(token).await?.map(|known| (known, token)))
    };
    let found = match prefer {
        Prefer::Session => match known_by_session.await? {
            Some(found) => Some(found),
            None => known_by_phone.await?,
        },
        Prefer::Phone => match known_by_phone.await? {
            Some(found) => Some(found),
            None => known_by_session.await?,
        },
    };
    if let Some((known, token)) = found {
        return Ok(Visitor { known: Some(known), csrf: form_token(token), by_cookie: true, ..nobody });
    }
    let Some(unasked) = unasked(web).await? else { return Ok(nobody) };
    match not_at_this_machine(headers, uri, peer) {
        None => {
            let known = Known { actor: Actor::operator(), full_name: String::new(), must_change: false };
            Ok(Visitor { known: Some(known), unasked: Some(unasked), csrf: web.form_token.clone(), ..nobody })
        }
        Some(_) if unasked == Unasked::TestMode => Ok(nobody),
        Some(why) => Err(closed(&why)),
    }
}

/// Tells why requests without credentials are the operator's, when they are.
async fn unasked(web: &Shared) -> Result<Option<Unasked>, AppError> {
    if !web.door.loopback {
        return Ok(None);
    }
    if web.test_clock.is_some() {
        return Ok(Some(Unasked::TestMode));
    }
    Ok(web.app.is_unattended().await?.then_some(Unasked::NobodyYet))
}

/// Returns a cookie's value.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// Has the browser keep a cookie. The prefix makes browsers insist on all of it: this host alone,
/// every path, only over TLS or on this machine (RFC 6265bis §4.1.3.2).
pub(super) fn keep(response: &mut Response, name: &str, value: &str, seconds: i64) {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let only = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, key) = only.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Returns the client's address, which logins are counted by and sources are held to: behind a proxy on
/// this machine, what the proxy itself wrote down last.
pub(super) fn client_address(headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
    let peer = peer?.ip();
    let last = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    let named = last.and_then(|list| list.rsplit(',').next()).and_then(|ip| ip.trim().parse().ok());
    Some(named.filter(|_| peer.is_loopback()).unwrap_or(peer))
}

fn keeps_cookies(web: &Shared, headers: &HeaderMap) -> bool {
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let public = web.door.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    public || forwarded.is_some_and(|proto| proto.eq_ignore_ascii_case("https")) || host(headers).is_some_and(is_here)
}

/// Returns the address under which a visitor reached us, for links that leave the browser.
pub(super) fn own_address(web: &Shared, headers: &HeaderMap) -> String {
    match &web.door.public_url {
        Some(public) => public.clone(),
        None => format!("http://{}", host(headers).unwrap_or_default()),
    }
}

/// Returns the one host that a request names.
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok())
}

/// Tells whether a proxy added a header of its own.
pub(super) fn came_through_proxy(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| PROXY.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-"))
}

/// Why a request is not one of this machine's own, in both languages.
struct Why {
    vi: &'static str,
    en: &'static str,
}

fn not_at_this_machine(headers: &HeaderMap, target: &Uri, peer: Option<SocketAddr>) -> Option<Why> {
    // The host stands in its header, once, and in the target too when that names one (RFC 9112 §3.2.2).
    let named = target.authority().is_none_or(|named| is_here(named.as_str()));
    if came_through_proxy(headers) {
        Some(Why { vi: "yêu cầu đi qua proxy", en: "the request came through a proxy" })
    } else if !peer.is_some_and(|peer| peer.ip().is_loopback()) {
        Some(Why { vi: "yêu cầu từ máy khác", en: "the request came from another machine" })
    } else if !named || !host(headers).is_some_and(is_here) {
        Some(Why { vi: "tên máy khác", en: "another host is named" })
    } else if foreign_origin(headers, None) {
        Some(Why { vi: "trang khác gửi tới", en: "another origin asks" })
    } else {
        None
    }
}

fn closed(why: &Why) -> AppError {
    let message = Message::new(
        format!(
            "Chưa có người dùng nào nên địa chỉ này chỉ phục vụ trên chính máy này ({}). Tạo người dùng đầu tiên: socho user add --role admin --name … --full-name …",
            why.vi
        ),
        format!(
            "There is no user yet, so this address serves this machine alone ({}). Make the first one: socho user add --role admin --name … --full-name …",
            why.en
        ),
    );
    AppError::new(ErrorKind::Forbidden, "closed_by_default", message)
}

/// Tells whether a page of another origin asks. The same port too: another program's page on this
/// machine is another origin.
fn foreign_origin(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let own = host(headers).unwrap_or_default();
    let ours = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        named.is_some_and(|named| named == own) || public_url.is_some_and(|url| url.trim_end_matches('/') == origin)
    };
    headers.get_all(header::ORIGIN).iter().any(|origin| !ours(origin))
}

fn fetched_from(headers: &HeaderMap) -> Option<&str> {
    headers.get("sec-fetch-site").and_then(|site| site.to_str().ok())
}

/// Tells whether a host, with or without a port, is this machine by a name that cannot be rebound.
pub(super) fn is_here(host: &str) -> bool {
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

/// Refuses a change that another origin's page had a browser ask for. A key is never sent unasked;
/// everybody else shows that our own page sent the form, and a program of our pages that it runs there.
pub(super) async fn of_our_own(web: &Shared, visitor: &Visitor, request: Request) -> Result<Request, AppError> {
    if visitor.by_key {
        return Ok(request);
    }
    let headers = request.headers();
    let site = fetched_from(headers);
    if foreign_origin(headers, web.door.public_url.as_deref()) || matches!(site, Some("cross-site" | "same-site")) {
        return Err(forged());
    }
    let shown = |token: &str| !visitor.csrf.is_empty() && bool::from(token.as_bytes().ct_eq(visitor.csrf.as_bytes()));
    let in_header = headers.get("x-csrf-token").and_then(|token| token.to_str().ok()).is_some_and(shown);
    let query = request.uri().query().unwrap_or_default();
    if in_header || field_of(query.as_bytes(), "csrf").is_some_and(|token| shown(&token)) {
        return Ok(request);
    }
    if request.uri().path().starts_with("/v1/") {
        let ours = site == Some("same-origin") || headers.contains_key(header::ORIGIN);
        return if ours || !visitor.by_cookie { Ok(request) } else { Err(forged()) };
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        // No form can send it, and a page elsewhere would have to ask first.
        return Ok(request);
    }
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(forged());
    }
    let (parts, body) = request.into_parts();
    let bytes: Bytes = axum::body::to_bytes(body, FORM_MAX).await.map_err(|_| too_large())?;
    if field_of(&bytes, "csrf").is_some_and(|token| shown(&token)) {
        Ok(Request::from_parts(parts, Body::from(bytes)))
    } else {
        Err(forged())
    }
}

fn field_of(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

fn forged() -> AppError {
    let message = Message::new(
        "Biểu mẫu này đã cũ hoặc không phải do trang này gửi. Hãy mở lại trang rồi thử lại.",
        "This form is old or was not sent by our own page. Open the page again, then try again.",
    );
    AppError::new(ErrorKind::Forbidden, "csrf", message)
}

fn too_large() -> AppError {
    AppError::new(ErrorKind::Invalid, "body_too_large", Message::new("Biểu mẫu quá lớn.", "The form is too large."))
}

/// Returns the peer that the server put beside a request.
pub(super) fn peer(parts: &Parts) -> Option<SocketAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer)
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = super::problem::Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Self::Rejection> {
        if let Ok(Extension(visitor)) = Extension::<Self>::from_request_parts(parts, web).await {
            return Ok(visitor);
        }
        let unknown = AppError::internal("a handler asks who asks, behind a row that does not");
        Err(super::problem::told(&parts.headers, parts.uri.path())(unknown))
    }
}

impl FromRequestParts<Shared> for Actor {
    type Rejection = Response;

    /// Takes the actor that was admitted: what handlers record and narrow by.
    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, web).await.map_err(IntoResponse::into_response)?;
        let unknown = || AppError::internal("a handler records an actor, behind a row that admits anybody");
        let refuse = || super::problem::told(&parts.headers, parts.uri.path())(unknown()).into_response();
        visitor.actor().cloned().ok_or_else(refuse)
    }
}

/// Returns what a person or a phone is called in a page's head.
pub(super) fn shown_as(known: &Known) -> (String, Message) {
    let role = role_name(known.actor.role());
    match (known.actor.role(), known.actor.stall()) {
        (Role::Vendor, Some(stall)) => {
            (known.full_name.clone(), Message::new(format!("sạp {}", stall.code), format!("stall {}", stall.code)))
        }
        _ => (known.full_name.clone(), role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("x__Host-socho-form=1; a=b"));
        headers.append(header::COOKIE, HeaderValue::from_static(" __Host-socho-form=ok ; c"));
        assert_eq!(cookie(&headers, FORM), Some("ok"));
        assert_eq!(cookie(&headers, SESSION), None);
    }
}
