//! The feature `otlp`: a request as a span of a trace, the caller's (`traceparent`, W3C Trace Context) or
//! one of its own. Attributes are named as OpenTelemetry names those of HTTP servers; a path, a query and
//! a client's address are none of them.

use axum::http::StatusCode;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::watch::Caller;
use crate::app::TRACES;

/// Begins the span of a request and returns it with its trace; the span is none, and the trace the
/// caller's, where nothing is traced.
pub(super) fn begin(method: &'static str, route: &str, id: &str, caller: Option<&Caller<'_>>) -> (Span, String) {
    let name = if route.starts_with('/') { format!("{method} {route}") } else { method.to_owned() };
    let span = tracing::debug_span!(target: TRACES, "http", otel.name = name, otel.kind = "server");
    let given = caller.map(|caller| caller.trace.to_owned()).unwrap_or_default();
    if span.is_disabled() {
        return (span, given);
    }
    if let Some(parent) = caller.and_then(parent) {
        // It fails only for a span that nobody takes.
        let _ = span.set_parent(parent);
    }
    for (name, value) in [("http.request.method", method), ("http.route", route), ("socho.request_id", id)] {
        span.set_attribute(name, value.to_owned());
    }
    // Whoever writes the log may want the span that nobody takes as a trace.
    let context = span.context().span().span_context().clone();
    let trace = if context.is_valid() { context.trace_id().to_string() } else { given };
    (span, trace)
}

/// Says how the request was answered.
pub(super) fn end(span: &Span, status: StatusCode) {
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_attribute("error.type", status.as_str().to_owned());
        span.set_status(Status::error(""));
    }
}

fn parent(caller: &Caller<'_>) -> Option<Context> {
    let trace = TraceId::from_hex(caller.trace).ok()?;
    let span = SpanId::from_hex(caller.span).ok()?;
    // Of the flags, the first bit alone has a meaning: whether the caller keeps the trace.
    let flags = u8::from_str_radix(caller.flags, 16).ok().map(TraceFlags::new)? & TraceFlags::SAMPLED;
    Some(Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::default())))
}
