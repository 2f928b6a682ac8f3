//! Errors as senders and people read them: RFC 9457 problems for programs, pages for browsers. The
//! one place that knows status codes.

use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::Shared;
use super::pages::frame::Frame;
use crate::app::error::{AppError, ErrorKind, Message};

/// The media type of a problem (RFC 9457).
const PROBLEM: &str = "application/problem+json";
/// Largest problem, in bytes: one that names every row of a list.
const PROBLEM_MAX: usize = 16 << 20;

/// The language of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    Vi,
    En,
}

impl Tongue {
    /// Follows what the person chose, else `Accept-Language` and its weights (RFC 9110 §12.5.4). Where it
    /// names neither language a browser gets Vietnamese, a program English.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self::asked(headers, if wants_page(headers) { Self::Vi } else { Self::En })
    }

    /// As [`Self::of`] for what is a page, whoever asks for it.
    pub(super) fn of_page(headers: &HeaderMap) -> Self {
        Self::asked(headers, Self::Vi)
    }

    fn asked(headers: &HeaderMap, usual: Self) -> Self {
        match super::language::chosen(headers) {
            Some("vi") => return Self::Vi,
            Some(_) => return Self::En,
            None => {}
        }
        let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best = (0, usual);
        for range in asked.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let tongue = match tag.split('-').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
                "vi" => Self::Vi,
                "en" => Self::En,
                _ => continue,
            };
            let weight = weight(parameters);
            if weight > best.0 {
                best = (weight, tongue);
            }
        }
        best.1
    }

    pub(super) fn choose(self, message: &Message) -> &str {
        match self {
            Self::Vi => &message.vi,
            Self::En => &message.en,
        }
    }
}

/// Reads `q=0.8` as thousandths; a language without a weight is wanted wholly.
fn weight(parameters: &str) -> u16 {
    let Some(written) = parameters.trim().strip_prefix("q=") else { return 1_000 };
    let (whole, fraction) = written.trim().split_once('.').unwrap_or((written.trim(), ""));
    let thousandths = format!("{fraction:0<3}");
    match (whole, thousandths.get(..3).and_then(|digits| digits.parse().ok())) {
        ("0", Some(thousandths)) => thousandths,
        ("1", _) => 1_000,
        _ => 0,
    }
}

pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// After how many seconds to try again when nothing else is known.
const RETRY_AFTER_S: u32 = 5;

/// An error on its way out.
pub(super) struct Problem {
    error: AppError,
    tongue: Tongue,
    instance: String,
    status: Option<StatusCode>,
    page: bool,
}

impl Problem {
    pub(super) fn new(error: AppError, tongue: Tongue, instance: &str) -> Self {
        Self { error, tongue, instance: instance.to_owned(), status: None, page: false }
    }

    /// Returns the same with a status that the kind alone does not give.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status: Some(status), ..self }
    }
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Configuration | ErrorKind::Integrity | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn title(kind: ErrorKind) -> Message {
    match kind {
        ErrorKind::Invalid => Message::new("Dữ liệu chưa đúng", "The input breaks a rule"),
        ErrorKind::NotFound => Message::new("Không tìm thấy", "Not found"),
        ErrorKind::Conflict => Message::new("Trái với dữ liệu đã có", "It contradicts what is there"),
        ErrorKind::Unauthenticated => Message::new("Chưa xác thực được", "Not authenticated"),
        ErrorKind::Forbidden => Message::new("Không được phép", "Not allowed"),
        ErrorKind::TooOften { .. } => Message::new("Thử quá nhiều lần", "Tried too often"),
        ErrorKind::Configuration => Message::new("Cấu hình sai", "The configuration is wrong"),
        ErrorKind::Unavailable => Message::new("Tạm thời không phục vụ được", "Not available at the moment"),
        ErrorKind::Integrity => Message::new("Sổ không khớp", "The books do not agree"),
        ErrorKind::Internal => Message::new("Lỗi bên trong", "A fault of the program"),
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Page<'a> {
    frame: Frame,
    title: &'a str,
    detail: &'a str,
    code: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status.unwrap_or_else(|| status_of(self.error.kind));
        if status.is_server_error() {
            let cause = self.error.cause.as_ref().map(ToString::to_string);
            tracing::error!(code = self.error.code, cause, "web.problem");
        }
        let title = title(self.error.kind);
        let (title, detail) = (self.tongue.choose(&title), self.tongue.choose(&self.error.message));
        let mut response = if self.page {
            let page = Page { frame: Frame::bare(self.tongue), title, detail, code: self.error.code };
            (status, Html(page.render().unwrap_or_else(|_| detail.to_owned()))).into_response()
        } else {
            let errors: Vec<_> = self.error.fields.iter().map(|field| json!({
                "pointer": format!("#/{}", field.field), "code": field.code, "detail": self.tongue.choose(&field.message),
            })).collect();
            let body = json!({
                "type": format!("/problems/{}", self.error.code), "title": title, "status": status.as_u16(),
                "detail": detail, "instance": self.instance, "code": self.error.code, "request_id": null,
                "errors": errors,
            });
            let mut response = (status, Json(body)).into_response();
            let kind = HeaderValue::from_static(PROBLEM);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        };
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            let seconds = HeaderValue::from(self.error.kind.wait_s().unwrap_or(RETRY_AFTER_S));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if status == StatusCode::UNAUTHORIZED && self.instance.starts_with("/v1/") {
            let bearer = HeaderValue::from_static("Bearer realm=\"socho\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

/// The id of the request that is being answered.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// What an API handler returns.
pub(super) type Answer = Result<Response, Problem>;

/// Turns an error into a problem in the caller's language.
pub(super) fn told(headers: &HeaderMap, instance: &str) -> impl FnOnce(AppError) -> Problem + use<> {
    let (tongue, page, instance) = (Tongue::of(headers), wants_page(headers), instance.to_owned());
    let page = page && !instance.starts_with("/v1/");
    move |error| Problem { page, ..Problem::new(error, tongue, &instance) }
}

/// The answer to an address that is not there.
pub(super) async fn no_such_page(request: Request) -> Problem {
    let message = Message::new("Địa chỉ này không có.", "There is no such address.");
    told(request.headers(), request.uri().path())(AppError::not_found(message))
}

/// Puts the same frame around every answer: a request id, headers that protect pages, problems for
/// what the framework itself refuses, a line in the log and a place in the figures.
pub(super) async fn frame(State(web): State<Shared>, request: Request, next: Next) -> Response {
    let id = web.app.request_id();
    let watch = super::watch::Watch::begin(&request, &id);
    let (asked, path) = (request.headers().clone(), request.uri().path().to_owned());
    let mut request = request.map(super::paced::in_time);
    request.extensions_mut().insert(RequestId(id.clone()));
    // A task of its own: a client that hangs up must not stop a booking half-way, and a panic ends
    // as an answer.
    let mut response = match tokio::spawn(watch.over(next.run(request))).await {
        Ok(response) => response,
        Err(error) => told(&asked, &path)(AppError::internal(error)).into_response(),
    };
    let plain =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if plain && response.status().is_client_error() {
        response = refused_by_framework(response, &asked, &path).await;
    }
    if response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM) {
        response = named(response, &id).await;
    }
    protect(response.headers_mut(), path.starts_with("/v1/"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    watch.end(&web, response.status());
    response
}

/// Sets the headers that protect pages, where a handler has not set its own.
fn protect(headers: &mut HeaderMap, is_api: bool) {
    let mut set = |name: &'static str, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set("x-content-type-options", "nosniff");
    // `no-referrer` would make browsers send our own forms with the origin `null`, as foreign ones.
    set("referrer-policy", "same-origin");
    set("x-frame-options", "DENY");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(self), geolocation=(), microphone=(), payment=(), usb=()");
    set(
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    if is_api {
        set("cache-control", "no-store");
    }
}

/// Writes the request's id into a problem: handlers need not carry it along.
async fn named(response: Response, id: &str) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, PROBLEM_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replacen("\"request_id\":null", &format!("\"request_id\":\"{id}\""), 1);
    let mut parts = parts;
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, text.into())
}

/// What a client hears whose body does not come in time.
pub(super) fn too_slow() -> Message {
    Message::new("Gửi nội dung quá chậm.", "The body came too slowly.")
}

/// Longest reason of the framework's that is passed on, in bytes.
const REASON_MAX: usize = 4_096;

/// Says in our form what the framework says as plain text; of a body or query that does not fit it
/// tells field and place.
async fn refused_by_framework(response: Response, asked: &HeaderMap, path: &str) -> Response {
    let (parts, body) = response.into_parts();
    let told_by_framework = axum::body::to_bytes(body, REASON_MAX).await.unwrap_or_default();
    let reason = String::from_utf8_lossy(&told_by_framework);
    let reason = reason.split_once(": ").map(|(_, reason)| reason.trim()).unwrap_or_default();
    let status = parts.status;
    let (code, vi, en) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "Nội dung gửi lên quá lớn.", "The body is too large."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "Phương thức này không dùng ở đây.", "This method is not used here.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("media_type", "Cần Content-Type: application/json.", "Content-Type: application/json is needed.")
        }
        _ if told_by_framework.ends_with(b"the body came too slowly") => {
            let error = AppError::new(ErrorKind::Invalid, "body_timeout", too_slow());
            return told(asked, path)(error).with_status(StatusCode::REQUEST_TIMEOUT).into_response();
        }
        _ if reason.is_empty() => ("validation_failed", "Yêu cầu không đọc được.", "The request cannot be read."),
        _ => {
            let message = Message::new(
                format!("Yêu cầu không đọc được: {reason}."),
                format!("The request cannot be read: {reason}."),
            );
            let error = AppError::new(ErrorKind::Invalid, "validation_failed", message);
            return told(asked, path)(error).with_status(status).into_response();
        }
    };
    let error = AppError::new(ErrorKind::Invalid, code, Message::new(vi, en));
    let mut answer = told(asked, path)(error).with_status(status).into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}
