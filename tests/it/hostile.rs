//! Clients that mean harm, against a real server: they are cut or refused, and others are served on.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use socho::domain::settlement::Dialect;
use socho::web::{self, Door, Limits, Server, Web};
use tokio::sync::watch;

use crate::world::{NOON, World, settlement};

/// A server in this process, on a book with one market, one stall and one source.
struct Target {
    world: World,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

const ACCOUNT: &str = "0071000888888";

async fn target(limits: Limits) -> Target {
    let world = World::sqlite().await;
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Chị Hoa", ACCOUNT).await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
    let door = Door { loopback: true, public_url: None };
    let router = web::everything(Web::new(Arc::clone(&world.app), Some(Arc::clone(&world.clock)), door));
    let (server, listening) = Server::bind("127.0.0.1:0".parse().unwrap(), router).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(server.with_limits(limits).run(stopped));
    Target { world, address: listening.0, _stop: stop }
}

/// Connects from another address of this machine.
fn from(source: &str, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Waits until the server hangs up, and returns what it said before.
fn said(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        // A reset is a way to hang up too.
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn send(to: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    // The server may have refused before all of it was sent.
    let _ = stream.write_all(request);
    said(stream)
}

fn get(to: SocketAddr, path: &str) -> String {
    send(to, format!("GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n").as_bytes())
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

impl Target {
    /// A payment is booked: the server does its work.
    async fn books(&self, id: &str) {
        let inbound = crate::world::inbound(
            self.world.app.now(),
            "bank",
            Dialect::GenericHmac,
            &settlement(ACCOUNT, id, 1_000, NOON),
        );
        let headers =
            inbound.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
        let (headers, body) = (headers.collect::<String>(), String::from_utf8(inbound.body).unwrap());
        let head = format!("POST /v1/ingest/bank HTTP/1.1\r\nHost: {}\r\n{headers}", self.address);
        let request = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let address = self.address;
        let answer = tokio::task::spawn_blocking(move || send(address, request.as_bytes())).await.unwrap();
        assert!(status(&answer) == 200 && answer.contains("recorded"), "{answer}");
    }
}

fn short() -> Limits {
    Limits { connections: 64, per_address: 32, headers: Duration::from_millis(400), taking: Duration::from_millis(400) }
}

/// Runs what blocks beside the server.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_its_head_drop_by_drop_is_hung_up_on_while_others_are_served() {
    let target = target(short()).await;
    let address = target.address;
    let slow: Vec<TcpStream> = aside(move || {
        (0..32)
            .map(|_| {
                let mut stream = from("127.0.0.7", address);
                stream.write_all(b"POST /v1/ingest/bank HTTP/1.1\r\nHost: x\r\nX-Drip: ").unwrap();
                stream
            })
            .collect()
    })
    .await;
    target.books("during").await;
    // All of them come to an end by themselves.
    let ended = aside(move || slow.into_iter().map(said).count()).await;
    assert_eq!(ended, 32);
    target.books("after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_take_every_place() {
    let target = target(Limits { headers: Duration::from_hours(1), ..short() }).await;
    let address = target.address;
    let (held, refused) = aside(move || {
        let held: Vec<TcpStream> = (0..32).map(|_| from("127.0.0.7", address)).collect();
        let refused = said(from("127.0.0.7", address));
        (held, refused)
    })
    .await;
    assert_eq!((held.len(), refused.as_str()), (32, ""), "the next one is hung up on");
    target.books("beside").await;
    drop(held);
    // Given back: the same address is served again, if not at once.
    let served = aside(move || {
        loop {
            let mut stream = from("127.0.0.7", address);
            let _ = stream
                .write_all(format!("GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes());
            let answer = said(stream);
            if !answer.is_empty() {
                break answer;
            }
        }
    })
    .await;
    assert_eq!(status(&served), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_stays_idle_or_takes_no_answer_is_closed() {
    let target = target(Limits { per_address: 1, ..short() }).await;
    let address = target.address;
    let idle = aside(move || {
        let mut stream = from("127.0.0.8", address);
        stream.write_all(format!("GET /livez HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
        said(stream)
    })
    .await;
    assert_eq!(status(&idle), 200, "it was answered, kept open and closed when nothing more came");
    let again = aside(move || {
        let mut taker = from("127.0.0.9", address);
        taker.set_nonblocking(true).unwrap();
        let request = format!("GET /static/socho.css HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(64);
        let mut sent = 0_usize;
        // Until neither side takes any more; then the only place of the address is free again.
        loop {
            match taker.write(request.as_bytes()) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
            let mut other = from("127.0.0.9", address);
            let _ = other
                .write_all(format!("GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes());
            if status(&said(other)) == 200 {
                break;
            }
        }
        sent
    })
    .await;
    assert!(again > 0);
    target.books("after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_and_ambiguous_requests_are_refused_and_the_next_good_one_is_booked() {
    let target = target(short()).await;
    let address = target.address;
    let host = format!("Host: {address}\r\n");
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
    let post = "POST /v1/ingest/bank HTTP/1.1\r\n";
    let cases = [
        ("many headers", format!("GET /livez HTTP/1.1\r\n{host}{}\r\n", many(200)), 431),
        ("a long header", format!("GET /livez HTTP/1.1\r\n{host}X: {}\r\n\r\n", "y".repeat(200_000)), 431),
        ("a long target", format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(70_000)), 414),
        ("a large body", format!("{post}{host}Content-Length: 10000000\r\n\r\n{}", "x".repeat(300_000)), 413),
        ("a body without an end", format!("{post}{host}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(40)), 413),
        ("two lengths", format!("{post}{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), 400),
        ("a folded header", format!("GET /livez HTTP/1.1\r\n{host}X: a\r\n b\r\nConnection: close\r\n\r\n"), 400),
        ("an unknown coding", format!("{post}{host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 400),
        ("no host", "GET /v1/markets HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), 403),
        ("a bare line", "x\r\n\r\n".to_owned(), 400),
        ("TRACE", format!("TRACE / HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), 405),
    ];
    for (name, request, wanted) in cases {
        let answer = aside(move || send(address, request.as_bytes())).await;
        assert!([wanted, 400, 401].contains(&status(&answer)), "{name}: {answer}");
        target.books(name).await;
    }
    // Both lengths: whichever counts, the connection is of no further use to whoever hides a request.
    let hidden = format!("GET /v1/markets HTTP/1.1\r\n{host}\r\n");
    let both = format!(
        "{post}{host}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        5 + hidden.len()
    );
    let answer = aside(move || send(address, both.as_bytes())).await;
    assert!(!answer.contains("\"data\""), "a hidden request is not answered: {answer}");
}

/// The routes as `web/mod.rs` lists them, with names that exist in the book.
fn routes() -> Vec<String> {
    let text = include_str!("../../src/web/mod.rs");
    let paths = text.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let filled = paths.map(|path| {
        path.replace("{code}", "TAN")
            .replace("{stall}/{file}", "B12/qr.svg")
            .replace("{stall}", "B12")
            .replace("{date}/{file}", "2026-11-24/report.csv")
            .replace("{date}", "2026-11-24")
            .replace("{source}", "bank")
            .replace("{name}", "bank")
            .replace("{*rest}", "x")
    });
    filled.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_every_route_carries_the_headers_that_protect_it() {
    let target = target(Limits::default()).await;
    let address = target.address;
    let paths = routes();
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths.into_iter().chain(["/nothing-there".to_owned()]) {
        for method in ["GET", "POST", "DELETE"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let answer = aside(move || send(address, request.as_bytes())).await;
            let head = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
            assert!(status(&answer) != 0 && status(&answer) < 500, "{method} {path}: {head}");
            let policy =
                head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap_or_default();
            let strict = policy.contains("default-src 'none'")
                && policy.contains("frame-ancestors 'none'")
                && policy.contains("base-uri 'none'")
                && !policy.contains("unsafe")
                && !policy.contains('*');
            assert!(strict, "{method} {path}: {head}");
            for wanted in ["x-content-type-options: nosniff", "referrer-policy: same-origin", "x-request-id: req_"] {
                assert!(head.contains(wanted), "{method} {path} lacks {wanted}: {head}");
            }
            let page = head.contains("content-type: text/html");
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            assert!(
                !page || !(body.contains("<script>") || body.contains("style=\"") || body.contains(" onclick")),
                "{path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_leads_out_of_the_routes() {
    let target = target(Limits::default()).await;
    let address = target.address;
    for path in [
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/..%2f..%2fetc%2fpasswd",
        "/static/%252e%252e%252fetc%252fpasswd",
        "/static/..\\..\\etc\\passwd",
        "/static//etc/passwd",
        "/v1/markets/..%2f..%2f/stalls",
        "/v1/markets/TAN/stalls/B12/..%2f..%2fetc%2fpasswd",
        "/v1/markets/TAN/days/2026-11-24/..%2freport.json",
        "/v1/markets/%00/stalls",
        "/v1/ingest/..%2f..%2fmarkets",
        "/problems/..%2f..%2fetc%2fpasswd",
    ] {
        let answer = aside(move || get(address, path)).await;
        assert!((400..500).contains(&status(&answer)), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("[package]"), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_would_be_sql_is_kept_as_text_or_refused_in_every_field() {
    let target = target(Limits::default()).await;
    let address = target.address;
    for text in ["'; DROP TABLE postings; --", "\" OR 1=1 --", "') UNION SELECT 1--", "$1", "x\\'; --", "{rows}"] {
        let json = serde_json::to_string(text).unwrap();
        let encoded = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let mut requests: Vec<String> =
            ["postings?stall=", "postings?after=", "postings?date=", "stalls?q=", "balances?date="]
                .iter()
                .map(|query| {
                    format!(
                        "GET /v1/markets/TAN/{query}{encoded} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
                    )
                })
                .collect();
        for (path, body) in [
            ("/v1/markets", format!("{{\"code\":{json},\"name\":{json},\"ward\":{json}}}")),
            (
                "/v1/markets/TAN/stalls",
                format!("{{\"stall\":{json},\"name\":{json},\"bin\":{json},\"account\":{json}}}"),
            ),
            (
                "/v1/sources",
                format!("{{\"name\":{json},\"dialect\":\"pay2s\",\"secret\":{json},\"accounts\":[{json}]}}"),
            ),
            ("/v1/postings/TAN-1/reverse", format!("{{\"reason\":{json}}}")),
        ] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n");
            requests.push(format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()));
        }
        for request in requests {
            let shown = request.clone();
            let answer = aside(move || send(address, request.as_bytes())).await;
            assert!(status(&answer) < 500 && status(&answer) != 0, "{shown}: {answer}");
        }
    }
    target.books("still").await;
    assert_eq!(target.world.int("SELECT COUNT(*) FROM postings").await, 1);
    assert!(target.world.app.verify(None).await.unwrap().iter().all(|found| found.differences.is_empty()));
}
