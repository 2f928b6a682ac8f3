//! The server from outside: its process, when it is ours, and its HTTP.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::app::error::AppError;
use crate::app::simulate::SignedRequest;
use crate::cli::output::{Exit, Failure};
use crate::domain::calendar::{BusinessDate, rfc3339};

/// How long a provider waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the same is asked of a server that is restarted meanwhile.
const ASKED_AGAIN: u32 = 5;
/// How often a starting server is asked whether it is ready, and the pause between.
const READY_ATTEMPTS: u32 = 200;
const READY_PAUSE: Duration = Duration::from_millis(50);

/// The server that is played against.
pub(super) struct Server {
    address: SocketAddr,
    child: Option<Child>,
    db: String,
    date: BusinessDate,
    folder: Option<PathBuf>,
}

impl Server {
    /// A server that runs already.
    pub(super) fn elsewhere(url: &str) -> Result<Self, Failure> {
        let host = url.trim_end_matches('/').strip_prefix("http://").unwrap_or(url).replace("localhost", "127.0.0.1");
        let address = host.parse().map_err(|_| {
            let vi = format!("{url} không phải địa chỉ dạng http://127.0.0.1:8080.");
            Failure::new(Exit::Usage, vi, format!("{url} is no address like http://127.0.0.1:8080."))
        })?;
        let date = BusinessDate::BEGINNING;
        Ok(Self { address, child: None, db: String::new(), date, folder: None })
    }

    /// Starts one on a book that is thrown away, or on `db`.
    pub(super) fn start(db: Option<&str>, date: BusinessDate) -> Result<Self, Failure> {
        let (db, folder) = if let Some(db) = db {
            (db.to_owned(), None)
        } else {
            let folder = std::env::temp_dir().join(format!("socho-simulate-{}", std::process::id()));
            std::fs::create_dir_all(&folder).map_err(AppError::internal)?;
            (format!("sqlite:{}", folder.join("book.db").display()), Some(folder))
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { address, child: None, db, date, folder };
        server.up()?;
        Ok(server)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells whether its process is ours to stop.
    pub(super) fn is_ours(&self) -> bool {
        self.child.is_some() || !self.db.is_empty()
    }

    /// Kills it, as a power cut does.
    pub(super) fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it, on the address it had before.
    pub(super) fn up(&mut self) -> Result<(), Failure> {
        let program = std::env::current_exe().map_err(AppError::internal)?;
        let mut child = Command::new(program)
            .args(["serve", "--db", &self.db, "--bind", &self.address.to_string(), "--test-mode", "--clock"])
            .arg(rfc3339(self.date.starts_at()))
            .env("SOCHO_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(AppError::internal)?;
        let first = child.stdout.take().and_then(|out| BufReader::new(out).lines().next()?.ok());
        self.child = Some(child);
        let address = first.as_deref().and_then(|line| line.rsplit_once("http://")?.1.parse().ok());
        self.address = address.ok_or_else(|| {
            Failure::new(Exit::Unreachable, "Máy chủ không khởi động được.", "The server did not start.")
        })?;
        Ok(())
    }

    /// Stops it and throws its book away.
    pub(super) fn stop(&mut self) {
        self.down();
        if let Some(folder) = self.folder.take() {
            // What cannot be removed is left to the system's own clean-up of temporary files.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A request, if it could be written.
type Asked = Result<Request<Full<Bytes>>, hyper::http::Error>;

/// Its HTTP.
pub(super) struct Door {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Door {
    pub(super) fn of(server: &Server) -> Self {
        Self { address: server.address(), client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Waits until the server answers.
    pub(super) async fn ready(&self) -> Result<(), Failure> {
        for _ in 0..READY_ATTEMPTS {
            if self.get_status("/readyz").await == Some(200) {
                return Ok(());
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        let address = self.address;
        let vi = format!("Máy chủ {address} không trả lời.");
        Err(Failure::new(Exit::Unreachable, vi, format!("The server at {address} does not answer.")))
    }

    /// Asks again while the server is restarted: all that is asked here may be asked twice.
    async fn ask(&self, path: &str, fine: &[u16], request: impl Fn() -> Asked) -> Result<Value, Failure> {
        for _ in 0..ASKED_AGAIN {
            if let Some(answered) = self.send(request().map_err(AppError::internal)?).await {
                return Self::json(path, answered, fine);
            }
            self.ready().await?;
        }
        let address = self.address;
        let vi = format!("Máy chủ {address} không trả lời {path}.");
        Err(Failure::new(Exit::Unreachable, vi, format!("The server at {address} does not answer {path}.")))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Option<(u16, Bytes)> {
        let answered = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status().as_u16();
            Some((status, response.into_body().collect().await.ok()?.to_bytes()))
        };
        tokio::time::timeout(PATIENCE, answered).await.ok().flatten()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get_status(&self, path: &str) -> Option<u16> {
        let request = Request::get(self.url(path)).body(Full::default()).ok()?;
        self.send(request).await.map(|(status, _)| status)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(path, &[200], || Request::get(self.url(path)).body(Full::default())).await
    }

    pub(super) async fn post_json(&self, path: &str, body: &Value, fine: &[u16]) -> Result<Value, Failure> {
        let body = Bytes::from(body.to_string());
        let post = || Request::post(self.url(path)).header("content-type", "application/json");
        self.ask(path, fine, || post().body(Full::new(body.clone()))).await
    }

    pub(super) async fn post_bytes(&self, path: &str, body: Vec<u8>) -> Result<Value, Failure> {
        let body = Bytes::from(body);
        let post = || Request::post(self.url(path)).header("content-type", "application/octet-stream");
        self.ask(path, &[200, 201], || post().body(Full::new(body.clone()))).await
    }

    /// Sets the server's clock.
    pub(super) async fn set_clock(&self, now: Timestamp) -> Result<(), Failure> {
        self.post_json("/test/clock", &json!({"now": rfc3339(now)}), &[200]).await.map(|_| ())
    }

    /// Sets the server's clock before a webhook; `false` when it is away, as a webhook would find it.
    pub(super) async fn try_clock(&self, now: Timestamp) -> Result<bool, Failure> {
        let body = Full::new(Bytes::from(json!({"now": rfc3339(now)}).to_string()));
        let request = Request::post(self.url("/test/clock")).header("content-type", "application/json").body(body);
        match self.send(request.map_err(AppError::internal)?).await {
            Some(answered) => Self::json("/test/clock", answered, &[200]).map(|_| true),
            None => Ok(false),
        }
    }

    /// Posts a webhook; tells whether it was acknowledged.
    pub(super) async fn webhook(&self, source: &str, signed: SignedRequest) -> bool {
        let mut request = Request::post(self.url(&format!("/v1/ingest/{source}{}", signed.sub_path)));
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Full::new(Bytes::from(signed.body))) else { return false };
        self.send(request).await.is_some_and(|(status, _)| (200..300).contains(&status))
    }

    fn json(path: &str, (status, body): (u16, Bytes), fine: &[u16]) -> Result<Value, Failure> {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if fine.contains(&status) {
            return Ok(body);
        }
        let told = body.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned();
        let vi = format!("Máy chủ từ chối {path} ({status}): {told}");
        Err(Failure::new(Exit::Refused, vi, format!("The server refuses {path} ({status}): {told}")))
    }
}
