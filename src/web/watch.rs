//! One request as logs and figures see it: its id, the caller's trace, the route's pattern, the status
//! and the time. Never its path, its query, its headers or its body: a path carries names of stalls, and
//! a body carries people.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode};
use tracing::Instrument as _;

use super::Shared;
use crate::app::meters::Answered;

/// What a request that matched no route is counted as.
const NO_ROUTE: &str = "-";

/// A request on its way.
pub(super) struct Watch {
    began: Instant,
    method: &'static str,
    route: String,
    part: &'static str,
    span: tracing::Span,
    /// The same as a span of a trace, where traces are kept.
    #[cfg(feature = "otlp")]
    traced: tracing::Span,
}

/// Who asks, by its own trace (W3C Trace Context); in hexadecimal digits.
pub(super) struct Caller<'a> {
    pub(super) trace: &'a str,
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "a trace is gone on with where one is kept"))]
    pub(super) span: &'a str,
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "a trace is gone on with where one is kept"))]
    pub(super) flags: &'a str,
}

impl Watch {
    pub(super) fn begin(request: &Request, id: &str) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
        let (method, caller) = (method_name(request.method()), caller(request.headers()));
        #[cfg(feature = "otlp")]
        let (traced, trace) = super::traces::begin(method, &route, id, caller.as_ref());
        #[cfg(feature = "otlp")]
        let span = tracing::info_span!(parent: &traced, "request", id, trace);
        #[cfg(not(feature = "otlp"))]
        let span = tracing::info_span!("request", id, trace = caller.map(|caller| caller.trace).unwrap_or_default());
        let part = match route.as_str() {
            path if path.starts_with("/v1/ingest/") => "ingest",
            path if path.starts_with("/v1/") => "api",
            _ => "page",
        };
        Self {
            began: Instant::now(),
            method,
            route,
            part,
            span,
            #[cfg(feature = "otlp")]
            traced,
        }
    }

    /// Has what happens within a future belong to the request: the lines of the log, and spans where traces are
    /// kept. Both spans are entered, for a trace knows its own kind alone.
    pub(super) fn over<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let future = future.instrument(self.span.clone());
        #[cfg(feature = "otlp")]
        let future = future.instrument(self.traced.clone());
        future
    }

    /// Counts and logs the answer. A webhook that was taken is logged at `debug` alone: at thousands a
    /// second the figures tell more than lines do.
    pub(super) fn end(self, web: &Shared, status: StatusCode) {
        let took = self.began.elapsed();
        #[cfg(feature = "otlp")]
        super::traces::end(&self.traced, status);
        let Self { method, route, part, span, .. } = self;
        let (code, micros) = (status.as_u16(), took.as_micros());
        span.in_scope(|| {
            if part == "ingest" && status.is_success() {
                tracing::debug!(method, route, status = code, micros, "web.request");
            } else {
                tracing::info!(method, route, status = code, micros, "web.request");
            }
        });
        web.app.answered(&Answered { route: &route, method, status: code, part, took });
    }
}

/// Names a method; whatever a client makes up is one series.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Reads the caller's trace from `traceparent` (W3C Trace Context); nothing when it is not one.
fn caller(headers: &HeaderMap) -> Option<Caller<'_>> {
    let mut given = headers.get_all("traceparent").iter();
    let only = given.next().filter(|_| given.next().is_none())?.to_str().ok()?;
    let mut parts = only.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let set = |text: &str| text.bytes().any(|byte| byte != b'0');
    let whole = version != "00" || parts.next().is_none();
    let good = whole && hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    (good && set(trace) && set(parent)).then_some(Caller { trace, span: parent, flags })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::caller;

    #[test]
    fn a_trace_is_taken_when_it_is_one_and_nothing_else_reaches_the_log() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        let asked = |value: &str| {
            let headers: HeaderMap = [("traceparent".parse().unwrap(), value.parse().unwrap())].into_iter().collect();
            caller(&headers).map(|caller| caller.trace.to_owned())
        };
        assert_eq!(asked(&format!("00-{TRACE}-b7ad6b7169203331-01")).as_deref(), Some(TRACE));
        assert_eq!(asked(&format!("01-{TRACE}-b7ad6b7169203331-01-more")).as_deref(), Some(TRACE));
        for refused in [
            String::new(),
            "\" injected=1".to_owned(),
            format!("00-{TRACE}-b7ad6b7169203331"),
            format!("00-{TRACE}-b7ad6b7169203331-01-more"),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
        ] {
            assert_eq!(asked(&refused), None, "{refused}");
        }
    }
}
