//! TLS without a proxy: what is spoken, who is cut, and a certificate that is renewed while serving.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use socho::app::webhooks::{Addresses, Names, Pace};
use socho::domain::networks::Reach;
use socho::web::tls::Tls;
use socho::web::{self, Door, Limits, Server, Web};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore};

use crate::serve::{BINARY, request};
use crate::world::World;

/// Makes a certificate for localhost with the machine's openssl; none where there is none.
fn certificate(world: &World, name: &str) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = (world.path(&format!("{name}.pem")), world.path(&format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    let Ok(made) = made else {
        assert!(std::env::var("CI").is_err(), "CI needs openssl; scripts/test installs it");
        eprintln!("skipped: openssl is not installed");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some((certificate, key))
}

async fn connect(port: u16, trusted: &Path) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_served_renewed_and_not_waited_for() {
    let world = World::sqlite().await;
    let (Some(first), Some(second)) = (certificate(&world, "first"), certificate(&world, "second")) else { return };
    let (live, key) = (world.path("live.pem"), world.path("live.key"));
    let put = |from: &(PathBuf, PathBuf)| {
        std::fs::copy(&from.0, &live).unwrap();
        std::fs::copy(&from.1, &key).unwrap();
    };
    put(&first);
    let tls = Tls::load(&live, &key).unwrap();
    let router = web::everything(Web::new(Arc::clone(&world.app), None, Door::default()));
    let (server, listening) = Server::bind("127.0.0.1:0".parse().unwrap(), router).await.unwrap();
    let limits = Limits { headers: Duration::from_millis(300), ..Limits::default() };
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(server.with_limits(limits).with_tls(Some(Arc::clone(&tls))).run(stopped));
    let port = listening.0.port();

    let mut spoken = connect(port, &first.0).await.unwrap();
    let (_, session) = spoken.get_ref();
    assert_eq!(session.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    spoken.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = spoken.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));

    // Plain HTTP gets no answer of HTTP, and whoever begins no handshake is hung up on.
    for said in ["GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", ""] {
        let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        plain.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    }

    put(&second);
    tls.reload().unwrap();
    assert!(connect(port, &second.0).await.is_ok() && connect(port, &first.0).await.is_err(), "renewed");
    std::fs::write(&live, "no certificate").unwrap();
    assert!(tls.reload().is_err());
    assert!(connect(port, &second.0).await.is_ok(), "the old one stays in use");
    stop.send_replace(true);
    serving.await.unwrap();
}

/// A name of this machine.
struct Here;

impl Names for Here {
    fn addresses<'a>(&'a self, _: &'a str) -> Addresses<'a> {
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_sent_to_no_server_whose_certificate_nobody_vouches_for() {
    let world = World::sqlite().await;
    let Some((certificate, key)) = certificate(&world, "own") else { return };
    world.market("TAN", "00:00").await;
    let router = web::ingest_only(Web::new(Arc::clone(&world.app), None, Door::default()));
    let (server, listening) = Server::bind("127.0.0.1:0".parse().unwrap(), router).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let tls = Tls::load(&certificate, &key).unwrap();
    let serving = tokio::spawn(server.with_tls(Some(tls)).run(stopped));
    let app = world.alike().await.with_webhooks(Reach::default().with_this_machine(), Arc::new(Here), Pace::default());
    let url = format!("https://localhost:{}/livez", listening.0.port()).parse().unwrap();
    let (webhook, _) = app.add_webhook(&"TAN".parse().unwrap(), url, None, "op").await.unwrap();
    let tried = app.test_webhook(&"TAN".parse().unwrap(), webhook.id).await.unwrap();
    assert_eq!((tried.delivered, tried.outcome), (false, "tls_failed"), "{}", tried.detail);
    app.close().await;
    stop.send_replace(true);
    serving.await.unwrap();
}

/// A server in a process of its own, and the lines of its log.
struct Process {
    child: Child,
    port: u16,
    log: mpsc::Receiver<String>,
}

impl Process {
    fn start(world: &World, extra: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["serve", "--db", &format!("sqlite:{}", world.path("served.db").display())])
            .args(["--bind", "127.0.0.1:0", "--log-format", "json"])
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut listening = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut listening).unwrap();
        let port = listening.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        let (tell, log) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, port, log }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Reads the log up to the line that holds a word.
    fn says(&self, word: &str) {
        loop {
            let line = self.log.recv_timeout(Duration::from_mins(1)).unwrap_or_else(|_| panic!("never said {word}"));
            if line.contains(word) {
                return;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks on an open connection, which stays open.
async fn asks(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok\n") {
        let byte = stream.read_u8().await.unwrap();
        answer.push(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_reads_the_certificate_again_and_cuts_nobody_off() {
    let world = World::sqlite().await;
    let (Some(first), Some(second)) = (certificate(&world, "first"), certificate(&world, "second")) else { return };
    let (live, key) = (world.path("live.pem"), world.path("live.key"));
    let put = |certificate: &Path, private: &Path| {
        std::fs::copy(certificate, &live).unwrap();
        std::fs::copy(private, &key).unwrap();
    };
    put(&first.0, &first.1);
    let (cert, private) = (live.display().to_string(), key.display().to_string());
    let arguments = ["--tls-cert", &cert, "--tls-key", &private, "--public-url", "https://localhost"];
    let mut process = Process::start(&world, &arguments);
    let mut early = connect(process.port, &first.0).await.unwrap();
    asks(&mut early).await;

    put(&second.0, &second.1);
    process.signal("-HUP");
    process.says("web.tls.reloaded");
    let mut late = connect(process.port, &second.0).await.unwrap();
    assert!(connect(process.port, &first.0).await.is_err(), "the first is served no more");
    asks(&mut late).await;
    asks(&mut early).await;

    // What is no certificate, and one that another key belongs to: the last good one stays.
    let nonsense = world.path("nonsense.pem");
    std::fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\nnone\n").unwrap();
    for (certificate, private) in [(&nonsense, &second.1), (&first.0, &second.1)] {
        put(certificate, private);
        process.signal("-HUP");
        process.says("web.tls.kept_the_old_certificate");
        asks(&mut connect(process.port, &second.0).await.unwrap()).await;
    }
    put(&first.0, &first.1);
    process.signal("-HUP");
    process.says("web.tls.reloaded");
    asks(&mut connect(process.port, &first.0).await.unwrap()).await;
    drop((early, late));
    process.signal("-TERM");
    assert!(process.child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_does_not_end_a_server_that_has_no_certificate() {
    let world = World::sqlite().await;
    let mut process = Process::start(&world, &[]);
    process.signal("-HUP");
    process.says("cli.serve.nothing_to_read_again");
    let (status, _) = request(
        &format!("127.0.0.1:{}", process.port),
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(status, 200);
    process.signal("-TERM");
    assert!(process.child.wait().unwrap().success());
}
