//! Traces at a collector: a real process, and a collector of this file's own that reads what OTLP sends.
//! A small binary of its own: it is built with the feature `otlp` alone.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking and tells why"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_socho");
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// What may never leave the machine in a trace.
const PRIVATE: [&str; 6] = ["0071000888888", "dev-generic-secret", "Hoa", "sha256=", "SC22223Y", "127.0.0.1:4"];

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("socho-otlp-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn socho(folder: &Folder, arguments: &[&str]) {
    let db = format!("sqlite:{}", folder.0.join("book.db").display());
    let done = Command::new(BINARY).args(arguments).args(["--db", &db]).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A market with one stall, and a source whose signed sample is known.
fn a_book(folder: &Folder) -> (String, String) {
    let secret = folder.0.join("secret");
    std::fs::write(&secret, "dev-generic-secret\n").unwrap();
    socho(folder, &["market", "add", "--code", "TAN", "--name", "Chợ Tân An"]);
    let stall = ["--stall", "B12", "--name", "Nguyễn Thị Hoa", "--bin", "970436", "--account", "0071000888888"];
    socho(folder, &[&["vendor", "add", "--market", "TAN"], &stall[..]].concat());
    let secret = secret.display().to_string();
    let source = ["source", "add", "--name", "g1", "--dialect", "generic-hmac", "--market", "TAN", "--secret-file"];
    socho(folder, &[&source[..], &[&secret]].concat());
    let samples: Vec<serde_json::Value> = serde_json::from_str(include_str!("../fixtures/webhooks.json")).unwrap();
    let valid = samples.iter().find(|one| one["provider"] == "generic-hmac" && one["name"] == "valid").unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&valid["body"]), text(&valid["headers"]["X-Signature"]))
}

struct Serving {
    child: Child,
    address: String,
    log: mpsc::Receiver<String>,
}

impl Serving {
    fn start(folder: &Folder, collector: &str) -> Self {
        let db = format!("sqlite:{}", folder.0.join("book.db").display());
        let mut child = Command::new(BINARY)
            .args(["serve", "--db", &db, "--bind", "127.0.0.1:0", "--log-format", "json"])
            .args(["--test-mode", "--clock", "2026-11-24T08:20:00+07:00"])
            .env("SOCHO_OTLP_ENDPOINT", collector)
            .env("SOCHO_OTLP_HEADERS", "authorization=Bearer of-the-collector")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut listening = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut listening).unwrap();
        let address = listening.trim().rsplit_once("http://").unwrap().1.to_owned();
        let (tell, log) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, address, log }
    }

    fn asked(&self, head: &str, body: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let rest = format!("Host: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        stream.write_all(format!("{head}{rest}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Reads the log up to the line that holds a word.
    fn says(&self, word: &str) -> String {
        loop {
            let line = self.log.recv_timeout(Duration::from_mins(1)).unwrap_or_else(|_| panic!("never said {word}"));
            if line.contains(word) {
                return line;
            }
        }
    }

    fn stops(mut self) -> bool {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        told.success() && self.child.wait().unwrap().success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes one request: its head and its body.
fn taken(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

/// Reads a message of Protocol Buffers as its fields: each number with its bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let length = match key & 7 {
            0 => {
                let value = number(&mut bytes);
                found.push((key >> 3, value.to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            5 => 4,
            2 => usize::try_from(number(&mut bytes)).unwrap(),
            kind => panic!("no such kind of field: {kind}"),
        };
        found.push((key >> 3, bytes[..length].to_vec()));
        bytes = &bytes[length..];
    }
    found
}

fn all(message: &[u8], wanted: u64) -> Vec<Vec<u8>> {
    fields(message).into_iter().filter(|(number, _)| *number == wanted).map(|(_, bytes)| bytes).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// A span as the collector sees it.
#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    attributes: Vec<String>,
}

/// Reads the attributes of texts and numbers as `name=value`.
fn attributes(lists: &[Vec<u8>]) -> Vec<String> {
    let one = |pair: &Vec<u8>| {
        let name = String::from_utf8(all(pair, 1).concat()).unwrap();
        let value = all(pair, 2).concat();
        let shown = match fields(&value).into_iter().next() {
            Some((1, text)) => String::from_utf8(text).unwrap(),
            Some((3, number)) => i64::from_le_bytes(number.try_into().unwrap()).to_string(),
            other => format!("{other:?}"),
        };
        format!("{name}={shown}")
    };
    lists.iter().map(one).collect()
}

/// Reads an export: what the resource is, and its spans (`ExportTraceServiceRequest`).
fn export(body: &[u8]) -> (Vec<String>, Vec<Span>) {
    let (mut resource, mut spans) = (Vec::new(), Vec::new());
    for of_resource in all(body, 1) {
        resource.extend(all(&of_resource, 1).iter().flat_map(|resource| attributes(&all(resource, 1))));
        for span in all(&of_resource, 2).iter().flat_map(|scope| all(scope, 2)) {
            let bytes = |number| all(&span, number).concat();
            spans.push(Span {
                trace: hex(&bytes(1)),
                id: hex(&bytes(2)),
                parent: hex(&bytes(4)),
                name: String::from_utf8(bytes(5)).unwrap(),
                attributes: attributes(&all(&span, 9)),
            });
        }
    }
    (resource, spans)
}

#[test]
fn a_settlement_is_traced_under_its_callers_trace_and_nothing_private_leaves() {
    let folder = Folder::new("traced");
    let (body, signature) = a_book(&folder);
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = collector.local_addr().unwrap();
    let (tell, exports) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in collector.incoming().map_while(Result::ok) {
            let request = taken(&mut stream);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
            if tell.send(request).is_err() {
                return;
            }
        }
    });
    let serving = Serving::start(&folder, &format!("http://{address}"));
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let post = |headers: &str| {
        let head = format!("POST /v1/ingest/g1 HTTP/1.1\r\nContent-Type: application/json\r\n{headers}");
        serving.asked(&head, &body)
    };
    assert_eq!(post(&format!("X-Signature: {signature}\r\ntraceparent: {parent}\r\n")), 200);
    // A trace that its caller does not keep, and one that nobody began.
    assert_eq!(post(&format!("X-Signature: {signature}\r\ntraceparent: 00-{}-{PARENT}-00\r\n", "1".repeat(32))), 200);
    assert_eq!(serving.asked("GET /livez?account=0071000888888 HTTP/1.1\r\n", ""), 200);
    let logged = serving.says("\"route\":\"/livez\"");
    // What waits is sent when the process is told to stop.
    assert!(serving.stops());
    let requests: Vec<(String, Vec<u8>)> = exports.try_iter().collect();
    let (mut resource, mut spans) = (Vec::new(), Vec::new());
    for (head, body) in &requests {
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(
            head.contains("authorization: bearer of-the-collector") && head.contains("application/x-protobuf"),
            "{head}"
        );
        let text = String::from_utf8_lossy(body);
        for private in PRIVATE {
            assert!(!text.contains(private), "{private} in {text}");
        }
        let (of, more) = export(body);
        resource.extend(of);
        spans.extend(more);
    }
    assert!(resource.contains(&"service.name=socho".to_owned()), "{resource:?}");
    assert!(resource.contains(&format!("service.version={}", env!("CARGO_PKG_VERSION"))), "{resource:?}");

    let of = |trace: &str, name: &str| {
        let found: Vec<&Span> = spans.iter().filter(|span| span.trace == trace && span.name == name).collect();
        assert_eq!(found.len(), 1, "{name} of {trace} in {spans:?}");
        found[0]
    };
    let request = of(TRACE, "POST /v1/ingest/{source}");
    assert_eq!(request.parent, PARENT);
    assert!(request.attributes.contains(&"http.response.status_code=200".to_owned()), "{request:?}");
    assert!(request.attributes.contains(&"http.route=/v1/ingest/{source}".to_owned()), "{request:?}");
    let received = of(TRACE, "settlement.receive");
    assert_eq!(received.parent, request.id);
    for said in ["source=g1", "answer=accepted", "items=1"] {
        assert!(received.attributes.contains(&said.to_owned()), "{received:?}");
    }
    assert_eq!(of(TRACE, "market.commit").parent, received.id);
    assert!(spans.iter().all(|span| span.trace != "1".repeat(32)), "{spans:?}");
    // The log names the trace that the collector has, also where the caller began none.
    let alone = spans.iter().find(|span| span.name == "GET /livez").unwrap();
    assert!(alone.parent.is_empty() && logged.contains(&alone.trace), "{alone:?} {logged}");
}

#[test]
fn a_collector_that_is_deaf_or_away_stops_and_fails_nothing() {
    let folder = Folder::new("deaf");
    let (body, signature) = a_book(&folder);
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = collector.local_addr().unwrap();
    let serving = Serving::start(&folder, &format!("http://{address}"));
    let post = |serving: &Serving| {
        let head = format!("POST /v1/ingest/g1 HTTP/1.1\r\nX-Signature: {signature}\r\n");
        serving.asked(&head, &body)
    };
    // More spans than a batch holds, while the collector answers nothing.
    for _ in 0..300 {
        assert_eq!(post(&serving), 200);
    }
    serving.says("cli.traces.not_sent");
    assert!(serving.stops());
    drop(collector);
    // Nobody listens there any more.
    let serving = Serving::start(&folder, &format!("http://{address}"));
    assert_eq!(post(&serving), 200);
    serving.says("cli.traces.not_sent");
    assert_eq!(post(&serving), 200);
    assert!(serving.stops());
}
