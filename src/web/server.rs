//! Listening and serving: slow clients are cut, a stop finishes what is in flight.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::impatient::Impatient;

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
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

/// A router that will be served on an address.
pub struct Server {
    listener: TcpListener,
    router: Router,
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
        Ok((Self { listener, router }, listening))
    }

    /// Serves until `stop` turns true, then finishes what is in flight.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.wait_for(|stopped| *stopped) => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file handles, most likely: let some close.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // An answer is one small packet: waiting to fill it only adds delay.
            let _ = stream.set_nodelay(true);
            let router = self.router.clone().layer(axum::Extension(ConnectInfo(peer)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(Impatient::new(stream)), TowerToHyperService::new(router));
            let watched = graceful.watch(connection);
            tokio::spawn(async move {
                // A client that goes away mid-request is its own affair.
                let _ = watched.await;
            });
        }
        drop(self.listener);
        let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    }
}
