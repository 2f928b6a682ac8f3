//! The load: so many connections, each with one request under way at a time, until a portion is
//! sent. In this process on threads of its own, or in a process of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::app::bench::figures::Measured;
use crate::app::bench::load::{self, Portion, Target};
use crate::app::clock::SystemClock;
use crate::app::error::AppError;
use crate::domain::calendar::Clock as _;

/// One slice of load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Slice {
    /// The server.
    pub(super) address: SocketAddr,
    /// Whom it pays.
    pub(super) target: Target,
    /// What it sends.
    pub(super) portion: Portion,
    /// Connections, each with one request under way.
    pub(super) connections: usize,
}

/// What a load process tells of its slice.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    acked: u64,
    refused: u64,
    elapsed_micros: u64,
    micros: Vec<u64>,
}

/// Where the load comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Place {
    /// Threads of this process, apart from the server's
    Inside,
    /// A process of its own
    Process,
}

/// Sends a slice from where it shall come and waits for its end.
pub(super) async fn send(slice: Slice, place: Place) -> Result<Measured, AppError> {
    let sent = tokio::task::spawn_blocking(move || match place {
        Place::Inside => send_here(slice),
        Place::Process => send_from_a_process(&slice),
    });
    sent.await.map_err(AppError::internal)?
}

/// The load process: reads its slice from standard input and writes what came of it.
pub(super) fn serve_a_process() -> Result<String, AppError> {
    let slice: Slice = serde_json::from_reader(std::io::stdin().lock()).map_err(AppError::internal)?;
    let measured = send_here(slice)?;
    let told = Told {
        acked: measured.acked,
        refused: measured.refused,
        elapsed_micros: u64::try_from(measured.elapsed.as_micros()).unwrap_or(u64::MAX),
        micros: measured.micros,
    };
    serde_json::to_string(&told).map_err(AppError::internal)
}

fn send_from_a_process(slice: &Slice) -> Result<Measured, AppError> {
    use std::process::{Command, Stdio};
    let program = std::env::current_exe().map_err(AppError::internal)?;
    let mut child = Command::new(program)
        .args(["bench", "--as-client"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(AppError::internal)?;
    if let Some(stdin) = child.stdin.take() {
        serde_json::to_writer(stdin, slice).map_err(AppError::internal)?;
    }
    let output = child.wait_with_output().map_err(AppError::internal)?;
    let told: Told = serde_json::from_slice(&output.stdout).map_err(AppError::internal)?;
    Ok(Measured {
        acked: told.acked,
        refused: told.refused,
        elapsed: Duration::from_micros(told.elapsed_micros),
        micros: told.micros,
        ..Measured::default()
    })
}

fn send_here(slice: Slice) -> Result<Measured, AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(AppError::internal)?;
    runtime.block_on(all(slice))
}

type Outgoing = Request<Full<Bytes>>;

async fn all(slice: Slice) -> Result<Measured, AppError> {
    let Slice { address, target, portion, connections } = slice;
    let path = format!("/v1/ingest/{}", target.source);
    let mut requests: Vec<Outgoing> = Vec::new();
    for signed in load::requests(&target, portion, SystemClock.now()) {
        let mut request = Request::post(&path).header("Host", "bench");
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        requests.push(request.body(Full::new(Bytes::from(signed.body))).map_err(AppError::internal)?);
    }
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(connect(address).await.map_err(AppError::internal)?);
    }
    let waiting = Arc::new(Mutex::new(requests.into_iter()));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for sender in open {
        tasks.spawn(one_after_the_other(sender, Arc::clone(&waiting)));
    }
    let mut measured = Measured::default();
    while let Some(done) = tasks.join_next().await {
        measured.add(done.map_err(AppError::internal)?.map_err(AppError::internal)?);
    }
    measured.elapsed = began.elapsed();
    Ok(measured)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // It ends with the slice; a request that it could not carry is reported by the request.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn one_after_the_other(
    mut sender: SendRequest<Full<Bytes>>,
    waiting: Arc<Mutex<std::vec::IntoIter<Outgoing>>>,
) -> Result<Measured, hyper::Error> {
    let mut measured = Measured::default();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(request) = next else { return Ok(measured) };
        let began = Instant::now();
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let acked = response.status().is_success();
        response.into_body().collect().await?;
        if acked {
            measured.acked += 1;
            measured.micros.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        } else {
            measured.refused += 1;
        }
    }
}
