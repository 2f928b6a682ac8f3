//! Listening and serving: slow clients are cut, no address takes all places, a stop finishes what is in
//! flight.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::paced::Paced;
use super::tls::Tls;

/// Bytes of a request's head, all headers together: a bank's signed request has about one thousand.
const HEAD_BYTES: usize = 64 << 10;
/// Headers of a request.
const HEADERS: usize = 100;
/// How long a stop waits for what is in flight.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the server does not run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// What clients may take of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more wait at the door until one ends.
    pub connections: usize,
    /// Connections of one address at once, so that none takes all places; a proxy is one address.
    pub per_address: usize,
    /// How long a client may take to send its headers, the first time and between requests.
    pub headers: Duration,
    /// How long a client may take nothing of an answer that is ready.
    pub taking: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8_192,
            per_address: 4_096,
            headers: Duration::from_secs(10),
            taking: Duration::from_secs(30),
        }
    }
}

/// A router that will be served on an address.
pub struct Server {
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tls: Option<Arc<Tls>>,
}

/// The places of one server, and who holds how many of them.
struct Places {
    free: Arc<Semaphore>,
    held: Mutex<HashMap<IpAddr, usize>>,
    per_address: usize,
}

/// One connection's place, given back when it ends.
struct Place {
    places: Arc<Places>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// Gives an address a place; `None` when it holds too many already.
    fn take(self: &Arc<Self>, address: IpAddr, permit: OwnedSemaphorePermit) -> Option<Place> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place { places: Arc::clone(self), address, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

/// Serves HTTP on a stream.
fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
    limits: Limits,
) -> http1::Connection<TokioIo<S>, TowerToHyperService<Router>> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Listening(pub SocketAddr);

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub async fn bind(address: SocketAddr, router: Router) -> Result<(Self, Listening), ServeError> {
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let listening = Listening(listener.local_addr().map_err(failed)?);
        Ok((Self { listener, router, limits: Limits::default(), tls: None }, listening))
    }

    /// Returns the same server with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns the same server, over TLS where there is a certificate.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// Serves until `stop` turns true, then finishes what is in flight.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let limits = self.limits;
        let places = Arc::new(Places {
            free: Arc::new(Semaphore::new(limits.connections)),
            held: Mutex::default(),
            per_address: limits.per_address,
        });
        loop {
            let next = async {
                let permit = Arc::clone(&places.free).acquire_owned().await.ok();
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                next = next => next,
                _ = stop.wait_for(|stopped| *stopped) => break,
            };
            let (Some(permit), Ok((stream, peer))) = (permit, accepted) else {
                // Out of file handles, most likely: let some close.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Too many of one address: it is hung up on without a word, which costs least.
            let Some(place) = places.take(peer.ip(), permit) else { continue };
            // An answer is one small packet: waiting to fill it only adds delay.
            let _ = stream.set_nodelay(true);
            let router = self.router.clone().layer(axum::Extension(ConnectInfo(peer)));
            let (watcher, tls) = (graceful.watcher(), self.tls.clone());
            tokio::spawn(async move {
                let stream = Paced::new(stream, limits.taking);
                // A client that goes away mid-request is its own affair.
                match tls {
                    None => drop(watcher.watch(connection(stream, router, limits)).await),
                    Some(tls) => {
                        // A handshake has the time that headers have.
                        if let Some(stream) = tls.accept(stream, limits.headers).await {
                            drop(watcher.watch(connection(stream, router, limits)).await);
                        }
                    }
                }
                drop(place);
            });
        }
        drop(self.listener);
        let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    }
}
