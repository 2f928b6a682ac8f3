//! Telling a security operations centre what happens: a bounded queue and one task that empties it.
//!
//! Whoever tells never waits: when the queue is full the event is counted as dropped, and the log says so
//! once a minute. A collector that is away is called again after 1, 2, 4 … 60 seconds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::App;
use super::acting::acting;
use super::error::{AppError, ErrorKind, Message};
use crate::domain::audit::{ActorKind, AuditEntry, AuditPoint};
use crate::domain::hash::Hash;
use crate::domain::ids::MarketId;
use crate::domain::security_event::{Ending, SecurityEvent, Severity, Subject, watched};
use crate::report::soc::{Origin, record};

pub use crate::report::soc::Form;

/// Events that wait for the collector: minutes of a city's ordinary day.
const QUEUE: usize = 4_096;
/// How long a connection or a write may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first wait before a collector is called again.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How often the log tells of dropped events.
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// How long a program that ends waits for what is queued.
const FAREWELL: Duration = Duration::from_secs(2);
/// Bytes of a datagram that every collector takes (RFC 5426 §3.2).
const DATAGRAM_MAX: usize = 2_048;

/// How the collector is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram an event (RFC 5426).
    Udp,
    /// A stream with each event's length before it (RFC 6587 §3.4.1).
    Tcp,
    /// The same over TLS (RFC 5425).
    Tls,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocSettings {
    /// How the collector is reached.
    pub transport: Transport,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The form it reads.
    pub form: Form,
    /// Certificates (PEM) that are trusted; the system's when not given.
    pub ca_file: Option<PathBuf>,
}

impl SocSettings {
    /// Reads an address: `udp://host:514`, `tcp://host:601`, `tls://host:6514`.
    ///
    /// # Errors
    /// `soc_address` when it is none.
    pub fn read(address: &str, form: Form, ca_file: Option<PathBuf>) -> Result<Self, AppError> {
        let bad = || {
            let message = Message::new(
                format!(
                    "Địa chỉ SOC {address:?} không đúng; ví dụ udp://10.0.0.5:514, tcp://soc:601, tls://soc.example.vn:6514."
                ),
                format!(
                    "The collector's address {address:?} is not valid; for example udp://10.0.0.5:514, tcp://soc:601, tls://soc.example.vn:6514."
                ),
            );
            AppError::new(ErrorKind::Configuration, "soc_address", message)
        };
        let (scheme, rest) = address.split_once("://").ok_or_else(bad)?;
        let transport = match scheme {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            _ => return Err(bad()),
        };
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or_else(bad)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':')) {
            return Err(bad());
        }
        Ok(Self { transport, host: host.to_owned(), port, form, ca_file })
    }
}

/// The collector as this process knows it; none when nobody wants to be told.
#[derive(Debug, Default)]
pub(crate) struct Soc {
    queue: Option<mpsc::Sender<String>>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
    told: Option<(Form, Origin)>,
    counts: Arc<Counts>,
}

/// What became of events.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    queued: AtomicU64,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// Returns how many were sent and how many dropped.
    pub(crate) fn now(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }
}

impl Soc {
    /// Returns what became of events so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    fn tell(&self, event: &SecurityEvent) {
        let (Some(queue), Some((form, origin))) = (&self.queue, &self.told) else { return };
        let count = match queue.try_send(record(event, *form, origin)) {
            Ok(()) => &self.counts.queued,
            Err(_) => &self.counts.dropped,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends what waits, for a moment, and ends.
    pub(crate) async fn close(&self) {
        let task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(task) = task else { return };
        let emptied = async {
            while self.counts.sent.load(Ordering::Relaxed) < self.counts.queued.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // What cannot be sent in time is lost with the process.
        let _ = tokio::time::timeout(FAREWELL, emptied).await;
        task.abort();
    }
}

impl App {
    /// Returns the same program, telling a collector what happens.
    ///
    /// # Errors
    /// `soc_certificates` when the certificates to trust cannot be read.
    pub fn with_soc(self, settings: &SocSettings) -> Result<Self, AppError> {
        let (queue, events) = mpsc::channel(QUEUE);
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let origin =
            Origin { host: host.trim().to_owned(), process: std::process::id(), version: env!("CARGO_PKG_VERSION") };
        let counts = Arc::new(Counts::default());
        let collector = Collector { settings: settings.clone(), tls: tls(settings)?, counts: Arc::clone(&counts) };
        let task = tokio::spawn(collector.run(events));
        let told = Some((settings.form, origin));
        let soc = Soc { queue: Some(queue), task: std::sync::Mutex::new(Some(task)), told, counts };
        Ok(Self { soc, ..self })
    }

    /// Tells of what the audit log was told, where a collector wants to know of it; with the entry's place
    /// in the log, so that the log's chain is also known where nobody of this machine writes.
    pub(super) fn tell_of(&self, market: MarketId, entry: &AuditEntry, place: Option<(i64, Hash)>) {
        let Some((severity, ending, subject)) = watched(entry.action) else { return };
        let said = entry.after.as_deref().map(serde_json::from_str::<serde_json::Value>);
        let address = match &said {
            Some(Ok(said)) => said.get("address").and_then(serde_json::Value::as_str).unwrap_or_default(),
            _ => "",
        };
        // A phone's own name is a person's choice: which stall's phone it was is enough.
        let actor = match entry.actor_kind {
            ActorKind::Phone => entry.actor.rsplit_once('/').map_or("phone", |(stall, _)| stall),
            ActorKind::User | ActorKind::Key | ActorKind::Operator | ActorKind::Nobody => &entry.actor,
        };
        let code = self.directory.get().markets.get(&market).cloned();
        let of_market = |(seq, hash)| AuditPoint { market: code.clone(), seq, hash }.to_string();
        // A market that was made this moment has no name here yet.
        let named = code.is_some() || market == MarketId::INSTALLATION;
        let audit = place.filter(|_| named).map(of_market).unwrap_or_default();
        self.soc.tell(&SecurityEvent {
            at: entry.recorded_at,
            id: entry.action.as_str(),
            says: entry.action.in_words().1,
            severity,
            ending,
            subject,
            actor_kind: Some(entry.actor_kind),
            actor: actor.to_owned(),
            role: entry.role.clone(),
            object: entry.object.clone(),
            market: code.map(|code| code.to_string()).unwrap_or_default(),
            audit,
            address: address.to_owned(),
            request_id: entry.request_id.clone().unwrap_or_default(),
        });
    }

    /// Tells of a delivery that was not taken as it came.
    pub(super) fn tell_of_delivery(&self, source: &str, id: &'static str, says: &'static str) {
        self.soc.tell(&SecurityEvent {
            at: self.clock.now(),
            id,
            says,
            severity: Severity::Warning,
            ending: Ending::Failure,
            subject: Subject::Entry,
            actor_kind: None,
            actor: source.to_owned(),
            role: "source".to_owned(),
            object: source.to_owned(),
            market: String::new(),
            audit: String::new(),
            address: String::new(),
            request_id: acting().request_id.unwrap_or_default(),
        });
    }
}

fn tls(settings: &SocSettings) -> Result<Option<TlsConnector>, AppError> {
    if settings.transport != Transport::Tls {
        return Ok(None);
    }
    let refused = |why: String| {
        let vi = format!("Không đọc được chứng thư để kiểm tra SOC: {why}.");
        let message = Message::new(vi, format!("The certificates to trust cannot be read: {why}."));
        AppError::new(ErrorKind::Configuration, "soc_certificates", message)
    };
    let mut roots = RootCertStore::empty();
    if let Some(file) = &settings.ca_file {
        let shown = file.display();
        let found = CertificateDer::pem_file_iter(file).map_err(|error| refused(format!("{shown}: {error}")))?;
        for certificate in found {
            let certificate = certificate.map_err(|error| refused(format!("{shown}: {error}")))?;
            roots.add(certificate).map_err(|error| refused(format!("{shown}: {error}")))?;
        }
        if roots.is_empty() {
            return Err(refused(format!("{shown}: no certificate")));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(refused("the system trusts none".to_owned()));
        }
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(TlsConnector::from(Arc::new(config))))
}

/// Where events go, and how.
struct Collector {
    settings: SocSettings,
    tls: Option<TlsConnector>,
    counts: Arc<Counts>,
}

/// What the log was told of dropped events, and when.
#[derive(Default)]
struct Told {
    dropped: u64,
    at: Option<Instant>,
}

impl Told {
    fn say(&mut self, counts: &Counts) {
        let (_, dropped) = counts.now();
        if dropped > self.dropped && self.at.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            tracing::warn!(dropped, "app.soc.dropped");
            (self.dropped, self.at) = (dropped, Some(Instant::now()));
        }
    }
}

/// A way to the collector that is open.
enum Line {
    Datagrams(UdpSocket),
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
}

impl Collector {
    async fn run(self, mut events: mpsc::Receiver<String>) {
        let mut line: Option<Line> = None;
        let mut wait = WAIT_MIN;
        let mut told = Told::default();
        let mut next: Option<String> = None;
        loop {
            let event = match next.take() {
                Some(event) => event,
                None => match tokio::time::timeout(TOLD_EVERY, events.recv()).await {
                    Ok(Some(event)) => event,
                    Ok(None) => return,
                    Err(_) => {
                        told.say(&self.counts);
                        continue;
                    }
                },
            };
            if line.is_none() {
                line = self.connect().await.ok();
            }
            let sent = match &mut line {
                Some(line) => send(line, &event).await,
                None => Err(std::io::ErrorKind::NotConnected.into()),
            };
            if sent.is_ok() {
                self.counts.sent.fetch_add(1, Ordering::Relaxed);
                wait = WAIT_MIN;
                continue;
            }
            line = None;
            next = Some(event);
            told.say(&self.counts);
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(WAIT_MAX);
        }
    }

    async fn connect(&self) -> std::io::Result<Line> {
        let SocSettings { transport, host, port, .. } = &self.settings;
        let connecting = async {
            if *transport == Transport::Udp {
                let target = tokio::net::lookup_host((host.as_str(), *port)).await?.next();
                let target: SocketAddr = target.ok_or(std::io::ErrorKind::NotFound)?;
                let from = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(from).await?;
                socket.connect(target).await?;
                return Ok(Line::Datagrams(socket));
            }
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            let Some(tls) = &self.tls else { return Ok(Line::Stream(Box::new(stream))) };
            let name = ServerName::try_from(host.clone()).map_err(std::io::Error::other)?;
            Ok(Line::Stream(Box::new(tls.connect(name, stream).await?)))
        };
        let connected = tokio::time::timeout(PATIENCE, connecting).await.map_err(std::io::Error::other)?;
        connected.inspect_err(|error: &std::io::Error| tracing::warn!(%error, "app.soc.connect"))
    }
}

async fn send(line: &mut Line, event: &str) -> std::io::Result<()> {
    let sending = async {
        match line {
            Line::Datagrams(socket) => {
                let mut end = event.len().min(DATAGRAM_MAX);
                while !event.is_char_boundary(end) {
                    end = end.saturating_sub(1);
                }
                socket.send(event.as_bytes().get(..end).unwrap_or_default()).await.map(drop)
            }
            Line::Stream(stream) => {
                stream.write_all(format!("{} {event}", event.len()).as_bytes()).await?;
                stream.flush().await
            }
        }
    };
    tokio::time::timeout(PATIENCE, sending).await.map_err(std::io::Error::other)?
}
