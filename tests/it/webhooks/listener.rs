//! A receiver of webhooks on a real socket, written without our own code: it checks signatures by
//! itself and misbehaves on demand.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    /// Takes the request and says nothing more.
    Hang,
    /// Takes so many as it should, then hangs.
    HangAfter(usize),
    /// Takes the request and closes.
    HangUp,
    /// Answers with what is no HTTP.
    Nonsense,
}

/// One request that was read whole.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) kind: String,
    timestamp: String,
    signatures: String,
    pub(super) body: String,
}

impl Taken {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Checks as a receiver does that knows the published rule and this secret.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signatures.split(' ').any(|given| given == expected)
    }
}

#[derive(Debug)]
struct State {
    answer: Answer,
    asked: usize,
    redirected: usize,
    /// Those that were answered with 2xx.
    taken: Vec<Taken>,
}

/// A receiver on an address of this machine.
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { answer: Answer::Status(200), asked: 0, redirected: 0, taken: Vec::new() };
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(state)));
        let serving = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, serving }
    }

    /// Stops, lets something happen meanwhile, and listens at the same address again.
    pub(super) async fn restart(&mut self, meanwhile: impl AsyncFnOnce()) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
        meanwhile().await;
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse),
            }
            tokio::task::yield_now().await;
        };
        self.serving = tokio::spawn(serve(listener, Arc::clone(&self.state)));
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?k=1", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn answer(&self, answer: Answer) {
        self.state.lock().unwrap().answer = answer;
    }

    pub(super) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    pub(super) fn redirected(&self) -> usize {
        self.state.lock().unwrap().redirected
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(attend(stream, Arc::clone(&state)));
    }
}

async fn attend(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some((path, taken)) = request(&mut stream).await {
        let answer = {
            let mut state = state.lock().unwrap();
            state.asked += 1;
            if path != "/hook?k=1" {
                state.redirected += 1;
            }
            let answer = match state.answer {
                Answer::HangAfter(count) if state.taken.len() < count => Answer::Status(200),
                Answer::HangAfter(_) => Answer::Hang,
                other => other,
            };
            if matches!(answer, Answer::Status(200..=299)) {
                state.taken.push(taken);
            }
            answer
        };
        let reply = match answer {
            Answer::Status(status @ 300..=399) => {
                format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
            }
            Answer::Status(204) => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            Answer::Status(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok"),
            Answer::Nonsense => "220 mail.example ESMTP\r\n".to_owned(),
            Answer::Hang | Answer::HangAfter(_) => {
                // Until the caller gives up.
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
            Answer::HangUp => return,
        };
        if stream.write_all(reply.as_bytes()).await.is_err() || answer == Answer::Nonsense {
            return;
        }
    }
}

/// Reads one request; none when the caller has closed.
async fn request(stream: &mut TcpStream) -> Option<(String, Taken)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let header = |name: &str| {
        let found =
            text.lines().find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let length: usize = header("content-length").parse().unwrap();
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let path = text.split(' ').nth(1).unwrap().to_owned();
    assert!(text.starts_with("POST ") && header("user-agent").starts_with("socho/"), "{text}");
    let taken = Taken {
        id: header("webhook-id"),
        kind: header("content-type"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature"),
        body: String::from_utf8(bytes[head..head + length].to_vec()).unwrap(),
    };
    Some((path, taken))
}
