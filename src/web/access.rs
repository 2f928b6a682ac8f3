//! What each route asks for: one row for each method and route, and the door before all handlers.
//!
//! A route without a row is refused when it is called, and `tests/it/access.rs` finds it before. The
//! rule itself, role by place, is `app::access`.

use axum::extract::{FromRequestParts as _, MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::Shared;
use super::problem::{RequestId, told, wants_page};
use super::visitor::{Prefer, Visitor, identify, of_our_own, peer};
use crate::app::App;
use crate::app::access::{Place, Right};
use crate::app::acting::{Acting, acting_as};
use crate::app::error::{AppError, ErrorKind, Message};
use crate::domain::ids::{ItemName, MarketCode, PostingName};
use crate::domain::reconciliation::StatementId;

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nobody is asked: health, files of the pages, and webhooks, whose senders sign their bodies.
    Open,
    /// Anybody may come, known or not: the login.
    Anybody,
    /// Whoever has a right at a place.
    With(Right, At),
}

/// Where a route's place stands in its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The installation as a whole.
    Installation,
    /// The handler narrows what it shows to the actor's scope.
    Own,
    /// The market `{code}` as a whole.
    Market,
    /// The market `{code}`, narrowed for a phone by the handler.
    Within,
    /// The stall `{stall}` of the market `{code}`.
    Stall,
    /// The market of the posting `{id}` as a whole.
    Posting,
    /// The market of the posting `{id}`, narrowed for a phone by the handler.
    PostingWithin,
    /// The market of the inbox item `{id}`.
    Item,
    /// The market of the statement `{id}`.
    Statement,
}

/// One row: method, route, what it asks for.
pub type Row = (&'static str, &'static str, Entry);

use At::{Installation, Item, Market, Own, Posting, PostingWithin, Stall, Statement, Within};
use Entry::{Anybody, Open, With};

/// Every route. In the order of `web/mod.rs`.
pub const ROUTES: &[Row] = &[
    ("GET", "/v1/markets", With(Right::ReadMarkets, Own)),
    ("POST", "/v1/markets", With(Right::AddMarkets, Installation)),
    ("GET", "/v1/markets/{code}", With(Right::ReadMarkets, Within)),
    ("PATCH", "/v1/markets/{code}", With(Right::ChangeMarkets, Market)),
    ("GET", "/v1/markets/{code}/stalls", With(Right::ReadStalls, Market)),
    ("POST", "/v1/markets/{code}/stalls", With(Right::WriteStalls, Market)),
    ("POST", "/v1/markets/{code}/stalls/import", With(Right::WriteStalls, Market)),
    ("PATCH", "/v1/markets/{code}/stalls/{stall}", With(Right::WriteStalls, Stall)),
    ("GET", "/v1/markets/{code}/stalls/{stall}/{file}", With(Right::ReadCodes, Stall)),
    ("GET", "/v1/markets/{code}/qr-sheet.pdf", With(Right::PrintCards, Market)),
    ("GET", "/v1/markets/{code}/stalls/{stall}/devices", With(Right::ManageDevices, Stall)),
    ("DELETE", "/v1/markets/{code}/stalls/{stall}/devices/{device}", With(Right::ManageDevices, Stall)),
    ("PATCH", "/v1/markets/{code}/stalls/{stall}/devices/{device}", With(Right::ManageDevices, Stall)),
    ("POST", "/v1/markets/{code}/stalls/{stall}/pairing-codes", With(Right::ManageDevices, Stall)),
    ("GET", "/v1/markets/{code}/postings", With(Right::ReadJournal, Within)),
    ("GET", "/v1/markets/{code}/days/{date}", With(Right::ReadDays, Market)),
    ("GET", "/v1/markets/{code}/days/{date}/close", With(Right::ReadCloses, Market)),
    ("POST", "/v1/markets/{code}/days/{date}/close", With(Right::CloseDays, Market)),
    ("GET", "/v1/markets/{code}/days/{date}/{file}", With(Right::ReadDays, Market)),
    ("GET", "/v1/markets/{code}/periods/{file}", With(Right::ReadDays, Market)),
    ("GET", "/v1/markets/{code}/journal/{file}", With(Right::ReadJournal, Market)),
    ("GET", "/v1/markets/{code}/vendors/{file}", With(Right::ReadStalls, Market)),
    ("GET", "/v1/reports/compare", With(Right::CompareMarkets, Installation)),
    ("GET", "/v1/reports/{file}", With(Right::CompareMarkets, Installation)),
    ("GET", "/v1/markets/{code}/balances", With(Right::ReadBalances, Market)),
    ("GET", "/v1/users", With(Right::ManageUsers, Own)),
    ("POST", "/v1/users", With(Right::ManageUsers, Own)),
    ("POST", "/v1/users/{user}/{action}", With(Right::ManageUsers, Own)),
    ("GET", "/v1/keys", With(Right::ManageKeys, Installation)),
    ("POST", "/v1/keys", With(Right::ManageKeys, Installation)),
    ("DELETE", "/v1/keys/{key}", With(Right::ManageKeys, Installation)),
    ("GET", "/v1/markets/{code}/days/{date}/checklist", With(Right::ReadDays, Market)),
    ("GET", "/v1/markets/{code}/statements", With(Right::ReadStatements, Market)),
    ("POST", "/v1/markets/{code}/statements", With(Right::WriteStatements, Market)),
    ("POST", "/v1/markets/{code}/statement-lines/{line}/accept", With(Right::WriteStatements, Market)),
    ("POST", "/v1/markets/{code}/statement-lines/{line}/repeat", With(Right::WriteStatements, Market)),
    ("GET", "/v1/markets/{code}/reconciliation", With(Right::ReadStatements, Market)),
    ("POST", "/v1/markets/{code}/reconciliation/{date}/book", With(Right::WriteStatements, Market)),
    ("POST", "/v1/markets/{code}/reconciliation/{date}/sign", With(Right::WriteStatements, Market)),
    ("GET", "/v1/statements/{id}", With(Right::ReadStatements, Statement)),
    ("GET", "/v1/statements/{id}/reconciliation", With(Right::ReadStatements, Statement)),
    ("POST", "/v1/statements/{id}/book", With(Right::WriteStatements, Statement)),
    ("GET", "/v1/postings/{id}", With(Right::ReadJournal, PostingWithin)),
    ("GET", "/v1/postings/{id}/proof", With(Right::ReadProofs, PostingWithin)),
    ("POST", "/v1/postings/{id}/{action}", With(Right::CorrectJournal, Posting)),
    ("POST", "/v1/postings/{id}/dispute/answer", With(Right::ResolveInbox, Posting)),
    ("GET", "/v1/markets/{code}/disputes", With(Right::ReadInbox, Market)),
    ("GET", "/v1/inbox", With(Right::ReadInbox, Own)),
    ("POST", "/v1/inbox/{id}/resolve", With(Right::ResolveInbox, Item)),
    ("GET", "/v1/stream", With(Right::ListenStream, Own)),
    ("GET", "/v1/audit", With(Right::ReadAudit, Own)),
    ("GET", "/v1/events", With(Right::ReadEvents, Own)),
    ("GET", "/v1/feeds/days", With(Right::ReadFeeds, Installation)),
    // What the feed is and means, without a figure: for catalogues that collect such.
    ("GET", "/v1/feeds/dictionary", Open),
    ("GET", "/v1/feeds/catalog", Open),
    ("GET", "/v1/markets/{code}/webhooks", With(Right::ReadWebhooks, Market)),
    ("POST", "/v1/markets/{code}/webhooks", With(Right::WriteWebhooks, Market)),
    ("GET", "/v1/markets/{code}/webhooks/{webhook}", With(Right::ReadWebhooks, Market)),
    ("DELETE", "/v1/markets/{code}/webhooks/{webhook}", With(Right::WriteWebhooks, Market)),
    ("POST", "/v1/markets/{code}/webhooks/{webhook}/rotate", With(Right::WriteWebhooks, Market)),
    ("POST", "/v1/markets/{code}/webhooks/{webhook}/replay", With(Right::WriteWebhooks, Market)),
    ("POST", "/v1/markets/{code}/webhooks/{webhook}/test", With(Right::WriteWebhooks, Market)),
    ("GET", "/v1/sources", With(Right::ReadSources, Own)),
    ("POST", "/v1/sources", With(Right::WriteSources, Installation)),
    ("POST", "/v1/sources/{name}/rotate", With(Right::WriteSources, Installation)),
    ("POST", "/v1/sources/{name}/addresses", With(Right::WriteSources, Installation)),
    ("GET", "/v1/sources/{name}/deliveries", With(Right::ReadSources, Own)),
    ("GET", "/v1/sources/{name}/deliveries/{delivery}", With(Right::ReadSources, Own)),
    ("POST", "/v1/sources/{name}/deliveries/{delivery}/replay", With(Right::WriteSources, Installation)),
    ("GET", "/", With(Right::ReadHome, Own)),
    ("GET", "/markets/{code}", With(Right::ReadDays, Market)),
    ("GET", "/markets/{code}/stalls", With(Right::ReadStalls, Market)),
    ("GET", "/markets/{code}/stalls/new", With(Right::WriteStalls, Market)),
    ("POST", "/markets/{code}/stalls/new", With(Right::WriteStalls, Market)),
    ("GET", "/markets/{code}/stalls/import", With(Right::WriteStalls, Market)),
    ("POST", "/markets/{code}/stalls/import", With(Right::WriteStalls, Market)),
    ("GET", "/markets/{code}/stalls/{stall}", With(Right::WriteStalls, Stall)),
    ("POST", "/markets/{code}/stalls/{stall}", With(Right::WriteStalls, Stall)),
    ("GET", "/markets/{code}/todo", With(Right::ReadInbox, Market)),
    ("POST", "/markets/{code}/todo", With(Right::ResolveInbox, Market)),
    ("GET", "/markets/{code}/close", With(Right::ReadDays, Market)),
    ("POST", "/markets/{code}/close", With(Right::CloseDays, Market)),
    ("GET", "/markets/{code}/reports", With(Right::ReadDays, Market)),
    ("GET", "/markets/{code}/days/{date}", With(Right::ReadDays, Market)),
    ("GET", "/markets/{code}/days/{date}/close", With(Right::ReadCloses, Market)),
    ("GET", "/markets/{code}/days/{date}/close/{file}", With(Right::ReadCloses, Market)),
    ("GET", "/markets/{code}/statements", With(Right::ReadStatements, Market)),
    ("POST", "/markets/{code}/statements", With(Right::WriteStatements, Market)),
    ("GET", "/markets/{code}/statements/{id}", With(Right::ReadStatements, Market)),
    ("POST", "/markets/{code}/statements/{id}/book", With(Right::WriteStatements, Market)),
    ("POST", "/markets/{code}/statement-lines/{line}", With(Right::WriteStatements, Market)),
    ("GET", "/markets/{code}/reconciliation/{date}", With(Right::ReadStatements, Market)),
    ("POST", "/markets/{code}/reconciliation/{date}/book", With(Right::WriteStatements, Market)),
    ("POST", "/markets/{code}/reconciliation/{date}/sign", With(Right::WriteStatements, Market)),
    ("GET", "/markets/{code}/print", With(Right::PrintCards, Market)),
    ("POST", "/markets/{code}/print", With(Right::PrintCards, Market)),
    ("GET", "/markets/{code}/print/{job}", With(Right::PrintCards, Market)),
    ("GET", "/markets/{code}/print/{job}/cards.pdf", With(Right::PrintCards, Market)),
    ("POST", "/markets/{code}/office-phone", With(Right::ChangeMarkets, Market)),
    ("GET", "/markets/{code}/stalls/{stall}/phones", With(Right::ManageDevices, Stall)),
    ("POST", "/markets/{code}/stalls/{stall}/phones", With(Right::PrintCards, Stall)),
    ("POST", "/markets/{code}/stalls/{stall}/phones/remove", With(Right::ManageDevices, Stall)),
    ("GET", "/sources", With(Right::ReadSources, Own)),
    ("GET", "/sources/{name}", With(Right::ReadSources, Own)),
    ("GET", "/sources/{name}/conformance", With(Right::ReadSources, Own)),
    ("GET", "/sources/{name}/deliveries/{delivery}", With(Right::ReadSources, Own)),
    ("POST", "/sources/{name}/deliveries/{delivery}/replay", With(Right::WriteSources, Installation)),
    ("GET", "/audit", With(Right::ReadAudit, Own)),
    ("GET", "/users", With(Right::ManageUsers, Own)),
    ("POST", "/users", With(Right::ManageUsers, Own)),
    ("POST", "/users/{user}/{action}", With(Right::ManageUsers, Own)),
    ("GET", "/markets/{code}/disputes", With(Right::ReadInbox, Market)),
    ("POST", "/markets/{code}/disputes", With(Right::ResolveInbox, Market)),
    ("GET", "/city", With(Right::CompareMarkets, Installation)),
    ("GET", "/city/compare", With(Right::CompareMarkets, Installation)),
    ("GET", "/city/funnel", With(Right::CompareMarkets, Installation)),
    ("GET", "/city/hours", With(Right::CompareMarkets, Installation)),
    ("GET", "/city/closes", With(Right::CompareMarkets, Installation)),
    ("GET", "/login", Anybody),
    ("POST", "/login", Anybody),
    ("GET", "/login/code", Anybody),
    ("POST", "/login/code", Anybody),
    ("POST", "/logout", Anybody),
    ("POST", "/language", Anybody),
    ("GET", "/account", With(Right::UseAccount, Own)),
    ("POST", "/account/sessions/end", With(Right::UseAccount, Own)),
    ("POST", "/account/second-factor", With(Right::UseAccount, Own)),
    ("POST", "/account/second-factor/confirm", With(Right::UseAccount, Own)),
    ("POST", "/account/second-factor/drop", With(Right::UseAccount, Own)),
    ("GET", "/pair", Anybody),
    ("POST", "/pair", Anybody),
    ("GET", "/pair/{pairing}", Anybody),
    ("POST", "/pair/{pairing}", Anybody),
    ("GET", "/account/password", With(Right::UseAccount, Own)),
    ("POST", "/account/password", With(Right::UseAccount, Own)),
    ("GET", "/static/socho.css", Open),
    ("GET", "/static/report.css", Open),
    ("GET", "/stall", With(Right::UseStall, Own)),
    ("GET", "/stall/book", With(Right::UseStall, Own)),
    ("GET", "/stall/{file}", With(Right::UseStall, Own)),
    ("POST", "/stall/cash", With(Right::UseStall, Own)),
    ("POST", "/stall/cash/withdraw", With(Right::UseStall, Own)),
    ("GET", "/stall/dispute", With(Right::UseStall, Own)),
    ("POST", "/stall/dispute", With(Right::UseStall, Own)),
    ("GET", "/stall/settings", With(Right::UseStall, Own)),
    ("POST", "/stall/settings", With(Right::UseStall, Own)),
    ("POST", "/stall/phones", With(Right::UseStall, Own)),
    ("POST", "/stall/phones/remove", With(Right::UseStall, Own)),
    ("GET", "/stall/opened", With(Right::UseStall, Own)),
    ("GET", "/stall/privacy", With(Right::UseStall, Own)),
    ("GET", "/stall/manifest.json", Open),
    ("GET", "/stall/worker.js", Open),
    ("GET", "/static/phone/{hash}/{file}", Open),
    ("GET", "/version", Open),
    ("GET", "/openapi.json", Open),
    ("GET", "/docs", Open),
    ("GET", "/docs/{file}", Open),
    ("GET", "/problems", Open),
    ("GET", "/problems/{code}", Open),
    ("GET", "/.well-known/socho-keys.json", Open),
    // Its handler answers this machine alone.
    ("GET", "/metrics", Open),
    ("POST", "/test/clock", With(Right::SetClock, Installation)),
    ("POST", "/v1/ingest/{source}", Open),
    ("POST", "/v1/ingest/{source}/", Open),
    ("POST", "/v1/ingest/{source}/{*rest}", Open),
    ("GET", "/livez", Open),
    ("GET", "/readyz", Open),
];

/// Routes that somebody reaches who has to choose another password first.
const BEFORE_CHANGE: [&str; 4] = ["/account/password", "/logout", "/login", "/language"];

/// Lets a request to its handler, or refuses it.
pub(super) async fn door(State(web): State<Shared>, request: Request, next: Next) -> Response {
    let (asked, uri) = (request.headers().clone(), request.uri().clone());
    let shown = uri.path().to_owned();
    match admitted(&web, request).await {
        Ok(request) => {
            let actor = request.extensions().get::<Visitor>().and_then(Visitor::actor).cloned();
            let request_id = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
            acting_as(Acting { actor, request_id }, next.run(request)).await
        }
        Err(Refusal::Told(error)) => told(&asked, &shown)(error).into_response(),
        Err(Refusal::Method(allow)) => {
            // The frame puts it into words.
            let allow = HeaderValue::from_str(&allow).unwrap_or(HeaderValue::from_static("GET"));
            (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allow)]).into_response()
        }
        Err(Refusal::Login) => {
            let target: String = form_urlencoded::byte_serialize(
                uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str).as_bytes(),
            )
            .collect();
            Redirect::to(&format!("/login?next={target}")).into_response()
        }
        Err(Refusal::Pair) => Redirect::to("/pair").into_response(),
        Err(Refusal::ChangePassword) => Redirect::to("/account/password").into_response(),
    }
}

/// Why a request goes no further.
enum Refusal {
    /// It is told so.
    Told(AppError),
    /// The method is not one of the route's.
    Method(String),
    /// A browser is sent to the login.
    Login,
    /// A phone is sent to where it is paired.
    Pair,
    /// A browser is sent to the choice of another password.
    ChangePassword,
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        Self::Told(error)
    }
}

async fn admitted(web: &Shared, request: Request) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    // Where no route matches there is nothing to guard.
    let Some(route) = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()) else {
        return Ok(Request::from_parts(parts, body));
    };
    let entry = entry_of(&parts.method, &route)?;
    if entry == Open {
        return Ok(Request::from_parts(parts, body));
    }
    let prefer = if matches!(entry, With(Right::UseStall, _)) { Prefer::Phone } else { Prefer::Session };
    let visitor = identify(web, &parts.headers, &parts.uri, peer(&parts), prefer).await?;
    if let With(right, at) = entry {
        let Some(known) = &visitor.known else { return Err(unknown(right, &parts.method, &parts.headers, &route)) };
        let params = RawPathParams::from_request_parts(&mut parts, web).await.ok();
        let place = place(at, params.as_ref());
        App::admit(&known.actor, right, &place)?;
        parts.extensions.insert(place);
        if known.must_change && !BEFORE_CHANGE.contains(&route.as_str()) {
            return Err(must_change(&parts.method, &parts.headers, &route));
        }
    }
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    parts.extensions.insert(visitor.clone());
    let request = Request::from_parts(parts, body);
    if reads { Ok(request) } else { Ok(of_our_own(web, &visitor, request).await?) }
}

fn entry_of(method: &Method, route: &str) -> Result<Entry, Refusal> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let rows = || ROUTES.iter().filter(|(_, path, _)| *path == route);
    if let Some((_, _, entry)) = rows().find(|(known, ..)| *known == method) {
        return Ok(*entry);
    }
    if rows().next().is_some() {
        let allowed: Vec<&str> =
            rows().map(|(method, ..)| if *method == "GET" { "GET,HEAD" } else { method }).collect();
        return Err(Refusal::Method(allowed.join(",")));
    }
    tracing::error!(route, "access.route_without_row");
    let message = Message::new("Địa chỉ này chưa được mở cho ai.", "This address is open to nobody yet.");
    Err(Refusal::Told(AppError::new(ErrorKind::Forbidden, "forbidden", message)))
}

/// Returns what a request concerns.
fn place(at: At, params: Option<&RawPathParams>) -> Place {
    let param = |name: &str| {
        let mut all = params.into_iter().flatten();
        all.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let market = || param("code").parse::<MarketCode>().ok();
    let posting = || param("id").parse::<PostingName>().ok().map(|posting| posting.market);
    let found = match at {
        Installation => Some(Place::Installation),
        Own => Some(Place::Own),
        Market => market().map(Place::Market),
        Within => market().map(Place::Within),
        Stall => market().map(|market| Place::Stall { market, stall: param("stall") }),
        Posting => posting().map(Place::Market),
        PostingWithin => posting().map(Place::Within),
        Statement => {
            let market = param("id").parse::<StatementId>().ok().and_then(|statement| statement.market().ok());
            market.map(Place::MarketNumber)
        }
        Item => param("id").parse::<ItemName>().ok().map(|item| Place::MarketNumber(item.market)),
    };
    found.unwrap_or(Place::Unreadable)
}

/// Tells whether a refusal is better a page to go to.
fn is_page(method: &Method, headers: &HeaderMap, route: &str) -> bool {
    (*method == Method::GET || *method == Method::HEAD) && !route.starts_with("/v1/") && wants_page(headers)
}

fn unknown(right: Right, method: &Method, headers: &HeaderMap, route: &str) -> Refusal {
    if is_page(method, headers, route) {
        return if right == Right::UseStall { Refusal::Pair } else { Refusal::Login };
    }
    let message = Message::new(
        "Cần đăng nhập, hoặc khóa máy trong Authorization: Bearer sc_….",
        "Log in, or show a key in Authorization: Bearer sc_….",
    );
    Refusal::Told(AppError::new(ErrorKind::Unauthenticated, "unauthenticated", message))
}

fn must_change(method: &Method, headers: &HeaderMap, route: &str) -> Refusal {
    if is_page(method, headers, route) {
        return Refusal::ChangePassword;
    }
    let message = Message::new("Hãy đổi mật khẩu trước đã.", "Choose another password first.");
    Refusal::Told(AppError::new(ErrorKind::Forbidden, "password_change_required", message))
}

/// Returns where to go after a login: a page of ours, whatever was asked for.
pub(super) fn safe_next(next: &str) -> &str {
    let plain = next.len() <= 500 && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/login");
    if plain && ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_login_no_other_site_is_gone_to() {
        for (asked, gone_to) in [
            ("/markets/TAN?q=a", "/markets/TAN?q=a"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\r\nSet-Cookie: x=y", "/"),
            ("/login?next=/", "/"),
            ("", "/"),
        ] {
            assert_eq!(safe_next(asked), gone_to, "{asked:?}");
        }
    }

    #[test]
    fn no_method_of_a_route_has_two_rows() {
        for (place, (method, route, _)) in ROUTES.iter().enumerate() {
            let twin = ROUTES.iter().skip(place + 1).find(|(m, r, _)| m == method && r == route);
            assert!(twin.is_none(), "{method} {route}");
        }
    }
}
