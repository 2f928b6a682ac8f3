//! One call of another program's server: resolved, checked and connected by us, step by step, each
//! within its time.
//!
//! The name is looked up once, every address it has is checked, and the connection is made to one of
//! the very addresses that were checked: an answer that changes in between leads nowhere. Redirects are
//! answers like any other and never followed. Of the body a few KiB are read, and nothing is kept.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::domain::networks::Reach;
use crate::domain::webhook::{Tried, WebhookUrl};

/// How long a name may take to be looked up.
const RESOLVE: Duration = Duration::from_secs(5);
/// How long a connection may take, and TLS on it.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the rest of an answer's body may take.
const BODY: Duration = Duration::from_secs(2);
/// Bytes of an answer's body that are read; a longer one costs its connection.
const BODY_MAX: usize = 4 << 10;
/// Bytes of an answer's head.
const HEAD_MAX: usize = 16 << 10;
/// Addresses of one name that are tried one after another.
const ADDRESSES_MAX: usize = 4;
/// The media type of one event (CloudEvents 1.0, structured mode).
const EVENT: &str = "application/cloudevents+json";

/// The addresses of a name.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Who knows the addresses of names.
pub trait Names: Send + Sync {
    /// Returns a name's addresses.
    fn addresses<'a>(&'a self, host: &'a str) -> Addresses<'a>;
}

/// The machine's own knowledge of names.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn addresses<'a>(&'a self, host: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why a call did not deliver.
#[derive(Debug, Clone)]
pub(super) struct CallFailed {
    pub(super) outcome: Tried,
    pub(super) status: Option<u16>,
    /// What was seen, in a few words.
    pub(super) detail: String,
}

fn failed(outcome: Tried, detail: impl Into<String>) -> CallFailed {
    CallFailed { outcome, status: None, detail: detail.into() }
}

/// Whoever calls: where it may, whom it asks for addresses, whom it trusts.
pub(super) struct Caller {
    pub(super) reach: Reach,
    pub(super) names: Arc<dyn Names>,
    /// How long an answer may take.
    pub(super) answer: Duration,
    tls: OnceCell<TlsConnector>,
}

/// What is sent.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) signature: String,
    pub(super) body: Bytes,
}

/// A line to one address, kept open while there is more to say.
pub(super) struct Line<'a> {
    caller: &'a Caller,
    url: &'a WebhookUrl,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Caller {
    pub(super) fn new(reach: Reach, names: Arc<dyn Names>, answer: Duration) -> Self {
        Self { reach, names, answer, tls: OnceCell::new() }
    }

    pub(super) fn line<'a>(&'a self, url: &'a WebhookUrl) -> Line<'a> {
        Line { caller: self, url, open: None }
    }

    /// Returns the addresses of a host, all of which may be called.
    pub(super) async fn checked(&self, url: &WebhookUrl) -> Result<Vec<SocketAddr>, CallFailed> {
        let host = url.host();
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => match timeout(RESOLVE, self.names.addresses(host)).await {
                Err(_) => return Err(failed(Tried::TimedOut, format!("{host} was not looked up in time"))),
                Ok(Err(error)) => return Err(failed(Tried::NameUnknown, format!("{host}: {error}"))),
                Ok(Ok(addresses)) => addresses,
            },
        };
        if addresses.is_empty() {
            return Err(failed(Tried::NameUnknown, format!("{host} has no address")));
        }
        for address in &addresses {
            if let Err(what) = self.reach.check(*address) {
                return Err(failed(Tried::AddressRefused, format!("{host} is {address}: {what}")));
            }
            if !url.is_tls() && !address.to_canonical().is_loopback() {
                return Err(failed(Tried::AddressRefused, format!("{host} is {address}: https alone is sent there")));
            }
        }
        Ok(addresses.into_iter().take(ADDRESSES_MAX).map(|address| SocketAddr::new(address, url.port())).collect())
    }

    async fn tls(&self) -> &TlsConnector {
        self.tls
            .get_or_init(|| async {
                // Reading the machine's certificates is work of the disk.
                let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
                let mut roots = RootCertStore::empty();
                for certificate in found.map(|found| found.certs).unwrap_or_default() {
                    // One that cannot be read is one fewer to trust.
                    let _ = roots.add(certificate);
                }
                let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                TlsConnector::from(Arc::new(config))
            })
            .await
    }

    async fn connect(&self, url: &WebhookUrl) -> Result<Open, CallFailed> {
        let mut last = failed(Tried::Unreachable, "no address");
        for address in self.checked(url).await? {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return self.begin(url, stream).await;
                }
                Ok(Err(error)) => last = failed(Tried::Unreachable, format!("{address}: {error}")),
                Err(_) => last = failed(Tried::TimedOut, format!("{address}: no connection in time")),
            }
        }
        Err(last)
    }

    async fn begin(&self, url: &WebhookUrl, stream: TcpStream) -> Result<Open, CallFailed> {
        if !url.is_tls() {
            return handshake(stream).await;
        }
        let name = ServerName::try_from(url.host().to_owned())
            .map_err(|_| failed(Tried::TlsFailed, "the host's name is none that TLS knows"))?;
        match timeout(CONNECT, self.tls().await.connect(name, stream)).await {
            Ok(Ok(stream)) => handshake(stream).await,
            Ok(Err(error)) => Err(failed(Tried::TlsFailed, error.to_string())),
            Err(_) => Err(failed(Tried::TimedOut, "no TLS in time")),
        }
    }
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Open, CallFailed> {
    let begun = http1::Builder::new().max_buf_size(HEAD_MAX).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = begun.map_err(|error| failed(Tried::Broken, error.to_string()))?;
    let connection = tokio::spawn(async move {
        // What ends it is told to whoever waits for the answer.
        let _ = connection.await;
    });
    Ok(Open { sender, connection })
}

impl Line<'_> {
    /// Sends one message; returns the status when it is 2xx.
    pub(super) async fn send(&mut self, message: &Message) -> Result<u16, CallFailed> {
        if let Some(mut open) = self.open.take().filter(|open| !open.sender.is_closed()) {
            match self.ask(&mut open, message).await {
                // A server may close a quiet line at any time: that says nothing about the message.
                Err(failure) if failure.outcome == Tried::Broken => {}
                answered => return self.keep(open, answered),
            }
        }
        let mut open = self.caller.connect(self.url).await?;
        let answered = self.ask(&mut open, message).await;
        self.keep(open, answered)
    }

    fn keep(&mut self, open: Open, answered: Result<(u16, bool), CallFailed>) -> Result<u16, CallFailed> {
        let (status, whole) = answered?;
        if whole {
            self.open = Some(open);
        }
        Ok(status)
    }

    /// Asks on an open line; returns the status and whether the answer was read to its end.
    async fn ask(&self, open: &mut Open, message: &Message) -> Result<(u16, bool), CallFailed> {
        let request = Request::post(self.url.path())
            .header("host", self.url.authority())
            .header("user-agent", concat!("socho/", env!("CARGO_PKG_VERSION")))
            .header("content-type", EVENT)
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", message.timestamp)
            .header("webhook-signature", &message.signature)
            .body(Full::new(message.body.clone()))
            .map_err(|error| failed(Tried::Broken, error.to_string()))?;
        let answer = async {
            open.sender.ready().await?;
            open.sender.send_request(request).await
        };
        let response = match timeout(self.caller.answer, answer).await {
            Err(_) => {
                let seconds = self.caller.answer.as_secs();
                return Err(failed(Tried::TimedOut, format!("no answer within {seconds} s")));
            }
            Ok(Err(error)) => return Err(failed(Tried::Broken, error.to_string())),
            Ok(Ok(response)) => response,
        };
        judged(response).await
    }
}

async fn judged(response: Response<Incoming>) -> Result<(u16, bool), CallFailed> {
    let status = response.status();
    let refused = |outcome, detail: String| CallFailed { outcome, status: Some(status.as_u16()), detail };
    if status.is_success() {
        let whole = timeout(BODY, drained(response.into_body())).await.unwrap_or(false);
        return Ok((status.as_u16(), whole));
    }
    Err(match status.as_u16() {
        410 => refused(Tried::Gone, "410 Gone: the subscription is over".to_owned()),
        300..400 => refused(Tried::Redirected, format!("{status}: redirects are not followed; change the address")),
        _ => refused(Tried::Refused, status.to_string()),
    })
}

/// Reads a short body to its end; tells whether it came to one.
async fn drained(mut body: Incoming) -> bool {
    let mut read = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read = read.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if read > BODY_MAX {
            return false;
        }
    }
    true
}
