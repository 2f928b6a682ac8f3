//! The feature `otlp`: spans of [`TRACES`] in a bounded queue, sent in batches by a thread of their own.
//!
//! Whoever is traced never waits: a span that finds the queue full is dropped. The collector is called by
//! this program's own client (hyper, rustls), a connection a batch; that it is away is told to the log once.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::super::output::{Exit, Failure};
use super::Settings;
use crate::app::TRACES;

/// Spans that wait to be sent; more are dropped.
const QUEUE: usize = 4_096;
/// Spans that are sent at once.
const BATCH: usize = 512;
/// How long spans are gathered.
const GATHERED: Duration = Duration::from_secs(2);
/// How long the collector may take over a batch, from the connection to the end of its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a program that ends waits for what is queued.
const FAREWELL: Duration = Duration::from_secs(5);
/// Bytes of the collector's answer.
const ANSWER_MAX: usize = 64 << 10;

/// What sends, until the program ends.
pub(in crate::cli) struct Exporting(SdkTracerProvider);

impl Exporting {
    /// Sends what is queued, for a moment, and ends.
    pub(in crate::cli) async fn finish(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FAREWELL)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("cli.traces.not_all_sent");
        }
    }
}

/// Returns what takes spans, and what has to be finished at the end.
pub(in crate::cli) fn layer<S>(settings: &Settings) -> Result<(impl Layer<S> + use<S>, Exporting), Failure>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let refuse = |error: &dyn fmt::Display| {
        let vi = format!("Không gửi được vết tới otlp_endpoint: {error}.");
        Failure::new(Exit::Configuration, vi, format!("Traces cannot be sent to otlp_endpoint: {error}."))
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(settings.endpoint.as_str())
        .with_timeout(PATIENCE)
        .with_headers(settings.headers.iter().cloned().collect())
        .with_http_client(Client::new().map_err(|error| refuse(&error))?)
        .build()
        .map_err(|error| refuse(&error))?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(GATHERED)
        .build();
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(env!("CARGO_PKG_NAME")).with_attribute(version).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share(settings.per_mille)))))
        .with_resource(resource)
        .build();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(TRACES, LevelFilter::DEBUG));
    Ok((spans, Exporting(provider)))
}

#[expect(clippy::float_arithmetic, reason = "the library takes a ratio; no money is near")]
fn share(per_mille: u32) -> f64 {
    f64::from(per_mille) / 1_000.0
}

/// Calls the collector.
struct Client {
    /// The library calls from a thread of its own; connections live with everybody else's.
    runtime: Handle,
    tls: TlsConnector,
    away: AtomicBool,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    fn new() -> Result<Self, tokio_rustls::rustls::Error> {
        let mut roots = RootCertStore::empty();
        for certificate in rustls_native_certs::load_native_certs().certs {
            // One that cannot be read is one fewer to trust.
            let _ = roots.add(certificate);
        }
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let (runtime, tls) = (Handle::current(), TlsConnector::from(Arc::new(config)));
        Ok(Self { runtime, tls, away: AtomicBool::new(false) })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let tls = self.tls.clone();
        // Begun over there: this thread has no clock of the runtime's.
        let calling = self.runtime.spawn(async move { tokio::time::timeout(PATIENCE, call(tls, request)).await });
        let answered = match calling.await? {
            Ok(answered) => answered,
            Err(late) => Err(late.into()),
        };
        let refused = answered.as_ref().ok().map(Response::status).filter(|status| !status.is_success());
        match (&answered, refused) {
            (Ok(_), None) if self.away.swap(false, Ordering::AcqRel) => tracing::info!("cli.traces.sent_again"),
            (Err(error), _) if !self.away.swap(true, Ordering::AcqRel) => tracing::warn!(%error, "cli.traces.not_sent"),
            (Ok(_), Some(status)) if !self.away.swap(true, Ordering::AcqRel) => {
                tracing::warn!(status = status.as_u16(), "cli.traces.not_sent");
            }
            _ => {}
        }
        answered
    }
}

async fn call(tls: TlsConnector, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let wrong = |what: &str| Error::new(ErrorKind::InvalidInput, what.to_owned());
    let host = request.uri().host().ok_or_else(|| wrong("no host"))?.to_owned();
    let secure = request.uri().scheme_str() == Some("https");
    let port = request.uri().port_u16().unwrap_or(if secure { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream = TcpStream::connect((bare.as_str(), port)).await?;
    if !secure {
        return ask(stream, request).await;
    }
    let name = ServerName::try_from(bare).map_err(|_| wrong("a host's name that TLS does not know"))?;
    ask(tls.connect(name, stream).await?, request).await
}

async fn ask<S>(stream: S, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // What ends it is told to whoever waits for the answer.
    let connection = tokio::spawn(async move { drop(connection.await) });
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
    parts.headers.insert(hyper::header::HOST, authority.parse()?);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    parts.uri = path.parse::<Uri>()?;
    let response = sender.send_request(Request::from_parts(parts, Full::new(body))).await?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(parts, body))
}
