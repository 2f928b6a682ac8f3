//! Security events at a collector: over UDP, TCP and TLS, in both forms; a collector that is slow, dead or
//! back again; and names that try to forge a record.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use socho::app::App;
use socho::app::access::Role;
use socho::app::soc::{Form, SocSettings};
use socho::domain::audit::ActorKind;
use socho::domain::security_event::{Ending, SecurityEvent, Severity, Subject};
use socho::domain::settlement::Dialect;
use socho::report::soc::{Origin, record};

use crate::visitors::{PASSWORD, Site, user};
use crate::world::{World, folder, inbound, settlement};

const ACCOUNT: &str = "0071000888888";
const DIALECT: Dialect = Dialect::GenericHmac;

/// A book whose program tells a collector, and the world that made it, in whose folder it lies.
async fn told(address: &str, form: Form, ca_file: Option<std::path::PathBuf>) -> (World, World) {
    let world = World::sqlite().await;
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("one", DIALECT, &[ACCOUNT], Some("TAN")).await;
    user(&world, "lan", Role::Manager, Some("TAN")).await;
    let settings = SocSettings::read(address, form, ca_file).unwrap();
    let (url, clock) = (world.url.clone(), Arc::clone(&world.clock));
    let folder = folder();
    world.lend_keys(&folder);
    world.app.close().await;
    let app: App = World::app_at(&url, &clock, &folder).await.with_soc(&settings).unwrap();
    (World::at(&url, app, &clock, folder), world)
}

/// Reads records with their lengths before them.
async fn framed(stream: &mut (impl tokio::io::AsyncRead + Unpin), wanted: usize) -> Vec<String> {
    let mut records = Vec::new();
    while records.len() < wanted {
        let mut length = String::new();
        loop {
            match stream.read_u8().await.unwrap() {
                b' ' => break,
                digit => length.push(char::from(digit)),
            }
        }
        let mut bytes = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut bytes).await.unwrap();
        records.push(String::from_utf8(bytes).unwrap());
    }
    records
}

/// A failed and a good login, a reversal, a refused signature.
async fn deeds(world: &World) {
    let mut lan = Site::of(world).visitor();
    assert_eq!(lan.log_in("lan", "sai rồi mà").await.status, 401);
    assert_eq!(lan.log_in("lan", PASSWORD).await.status, 303);
    let sale = settlement(ACCOUNT, "a", 35_000, "2026-11-24T08:00:00+07:00");
    world.send("one", DIALECT, &sale).await;
    assert_eq!(lan.json("POST", "/v1/postings/TAN-1/reverse", r#"{"reason":"bí mật của khách"}"#).await.status, 201);
    let mut forged = inbound(world.app.now(), "one", DIALECT, &sale);
    forged.body.push(b' ');
    world.app.receive_settlement(forged).await.unwrap();
}

const DEEDS: usize = 4;

fn are_the_deeds(records: &[String]) {
    for (record, id) in records.iter().zip(["login.failed", "login.ok", "posting.reversed", "delivery.refused"]) {
        assert!(record.contains(id), "{id}: {record}");
        for private in ["bí mật", ACCOUNT, "Hoa", PASSWORD] {
            assert!(!record.contains(private), "{private} in {record}");
        }
    }
    assert!(records[0].starts_with("<85>1 2026-11-24T01:20:00.000000Z "), "facility 10, notice: {}", records[0]);
    assert!(records[2].starts_with("<108>1 "), "facility 13, warning: {}", records[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_as_datagrams_in_syslogs_form() {
    let collector = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (world, _made_by) = told(&format!("udp://{}", collector.local_addr().unwrap()), Form::Rfc5424, None).await;
    deeds(&world).await;
    let mut records = Vec::new();
    for _ in 0..DEEDS {
        let mut bytes = vec![0; 4_096];
        let length = collector.recv(&mut bytes).await.unwrap();
        records.push(String::from_utf8(bytes[..length].to_vec()).unwrap());
    }
    are_the_deeds(&records);
    let first = &records[0];
    assert!(
        first.contains(" socho ") && first.contains("[socho@32473 event=\"login.failed\" outcome=\"failure\""),
        "{first}"
    );
    assert!(first.contains(" src=\"203.0.113.7\"") && first.contains(" market=\"TAN\""), "{first}");
    let figures = world.app.metrics().await.unwrap();
    assert!(figures.contains("socho_soc_events{result=\"sent\"} 4"), "{figures}");
    world.app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_over_tcp_in_arcsights_form_and_again_after_the_collector_was_away() {
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = collector.local_addr().unwrap();
    let (world, _made_by) = told(&format!("tcp://{address}"), Form::Cef, None).await;
    deeds(&world).await;
    let (mut stream, _) = collector.accept().await.unwrap();
    let records = framed(&mut stream, DEEDS).await;
    are_the_deeds(&records);
    assert!(
        records[1].contains("CEF:0|So Cho|socho|") && records[1].contains("|login.ok|logged in|2|rt="),
        "{}",
        records[1]
    );
    assert!(records[1].contains(" suser=lan ") && records[1].contains("cs2Label=market cs2=TAN"), "{}", records[1]);
    drop(stream);
    // One that goes to the closed line may be lost; then the line is opened anew.
    let again = async {
        let (mut stream, _) = collector.accept().await.unwrap();
        framed(&mut stream, 1).await
    };
    let telling = async {
        loop {
            let mut lan = Site::of(&world).visitor();
            lan.log_in("lan", PASSWORD).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        records = again => assert!(records[0].contains("login.ok"), "{records:?}"),
        () = telling => {}
    }
    world.app.close().await;
}

fn openssl(folder: &std::path::Path, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_over_tls_at_a_collector_that_is_trusted_and_at_no_other() {
    let made = folder();
    let at = |name: &str| made.0.join(name);
    std::fs::write(at("leaf.ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    for authority in ["ca", "other"] {
        let (key, cert, name) = (format!("{authority}.key"), format!("{authority}.pem"), format!("/CN={authority}"));
        let mut arguments = vec!["req", "-x509", "-days", "30", "-keyout", &key, "-out", &cert, "-subj", &name];
        arguments.extend(curve);
        openssl(&made.0, &arguments);
    }
    let mut arguments = vec!["req", "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=collector"];
    arguments.extend(curve);
    openssl(&made.0, &arguments);
    let sign =
        ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
    openssl(&made.0, &[&sign[..], &["-extfile", "leaf.ext", "-out", "leaf.pem"]].concat());
    let chain = vec![CertificateDer::from_pem_file(at("leaf.pem")).unwrap()];
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(at("leaf.key")).unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tls://{}", collector.local_addr().unwrap());
    let (world, _made_by) = told(&address, Form::Rfc5424, Some(at("ca.pem"))).await;
    deeds(&world).await;
    let (stream, _) = collector.accept().await.unwrap();
    let mut stream = acceptor.accept(stream).await.unwrap();
    are_the_deeds(&framed(&mut stream, DEEDS).await);
    world.app.close().await;
    let (wary, _made_by) = told(&address, Form::Rfc5424, Some(at("other.pem"))).await;
    deeds(&wary).await;
    let (stream, _) = collector.accept().await.unwrap();
    assert!(acceptor.accept(stream).await.is_err(), "a collector of another authority is not trusted");
    wary.app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_takes_nothing_stops_nobody_and_what_is_dropped_is_counted() {
    // Nobody listens: the queue fills.
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = collector.local_addr().unwrap();
    drop(collector);
    let (world, _made_by) = told(&format!("tcp://{address}"), Form::Rfc5424, None).await;
    let sale = settlement(ACCOUNT, "a", 35_000, "2026-11-24T08:00:00+07:00");
    let mut forged = inbound(world.app.now(), "one", DIALECT, &sale);
    forged.body.push(b' ');
    let mut told = String::new();
    for _ in 0..40 {
        for _ in 0..2_000 {
            world.app.receive_settlement(forged.clone()).await.unwrap();
        }
        told = world.app.metrics().await.unwrap();
        if !told.contains("socho_soc_events{result=\"dropped\"} 0") {
            break;
        }
    }
    let dropped = told.lines().find(|line| line.starts_with("socho_soc_events{result=\"dropped\"}")).unwrap();
    assert!(!dropped.ends_with(" 0"), "{dropped}");
    world.send("one", DIALECT, &sale).await;
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 1);
    world.app.close().await;
}

#[test]
fn an_address_of_a_collector_is_read_or_refused_in_words() {
    for good in ["udp://10.0.0.5:514", "tcp://soc:601", "tls://soc.example.vn:6514", "udp://[::1]:514"] {
        assert!(SocSettings::read(good, Form::Cef, None).is_ok(), "{good}");
    }
    for bad in
        ["", "soc:514", "http://soc:514", "udp://soc", "udp://:514", "udp://soc:0", "tcp://so c:1", "udp://a:99999"]
    {
        let error = SocSettings::read(bad, Form::Cef, None).unwrap_err();
        assert_eq!(error.code, "soc_address", "{bad}");
    }
}

fn event(actor: &str, object: &str) -> SecurityEvent {
    SecurityEvent {
        at: "2026-11-24T08:20:00+07:00".parse().unwrap(),
        id: "login.failed",
        says: "failed to log in",
        severity: Severity::Notice,
        ending: Ending::Failure,
        subject: Subject::Entry,
        actor_kind: Some(ActorKind::User),
        actor: actor.to_owned(),
        role: "manager".to_owned(),
        object: object.to_owned(),
        market: "TAN".to_owned(),
        audit: format!("TAN:7:{}", "ab".repeat(32)),
        address: "203.0.113.7".to_owned(),
        request_id: "req_1".to_owned(),
    }
}

fn origin() -> Origin {
    Origin { host: "máy chủ\n<1>".to_owned(), process: 7, version: "1.0" }
}

/// Reads structured data back by RFC 5424's own grammar; none when it is not one element and a message.
fn parameters(record: &str) -> Option<Vec<(String, String)>> {
    let (_, rest) = record.split_once(" [socho@32473")?;
    let mut found = Vec::new();
    let mut rest = rest;
    loop {
        if let Some(message) = rest.strip_prefix(']') {
            return (message == " \u{feff}failed to log in").then_some(found);
        }
        let (name, after) = rest.strip_prefix(' ')?.split_once("=\"")?;
        let (mut value, mut characters) = (String::new(), after.char_indices());
        let end = loop {
            match characters.next()? {
                (_, '\\') => value.push(characters.next()?.1),
                (at, '"') => break at + 1,
                (_, ']') => return None,
                (_, other) => value.push(other),
            }
        };
        found.push((name.to_owned(), value));
        rest = &after[end..];
    }
}

/// Reads the fields of CEF's extension: a name behind a blank and before a `=` that is not escaped.
fn extension(record: &str) -> Vec<String> {
    let (_, text) = record.split_once("CEF:0|").unwrap();
    let mut pipes = 0;
    let mut escaped = false;
    let start = text.char_indices().find(|(_, c)| {
        pipes += usize::from(*c == '|' && !escaped);
        escaped = *c == '\\' && !escaped;
        pipes == 6
    });
    let tail = &text[start.unwrap().0 + 1..];
    let (mut names, mut word, mut escaped) = (Vec::new(), String::new(), false);
    for character in tail.chars() {
        match character {
            '=' if !escaped => names.push(std::mem::take(&mut word)),
            ' ' => word.clear(),
            other => word.push(other),
        }
        escaped = character == '\\' && !escaped;
    }
    names
}

const NAMES: [&str; 15] = [
    "rt",
    "outcome",
    "suser",
    "src",
    "externalId",
    "cs1Label",
    "cs1",
    "cs2Label",
    "cs2",
    "cs3Label",
    "cs3",
    "cs4Label",
    "cs4",
    "cs5Label",
    "cs5",
];

fn holds(actor: &str, object: &str) {
    let made = record(&event(actor, object), Form::Rfc5424, &origin());
    assert!(!made.chars().any(char::is_control) && !made.contains(['\u{2028}', '\u{2029}', '\u{202e}']), "{made:?}");
    let found = parameters(&made).unwrap_or_else(|| panic!("no record of one element: {made:?}"));
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let all = ["event", "outcome", "actorKind", "actor", "role", "object", "market", "audit", "src", "requestId"];
    let expected: Vec<&str> = all
        .into_iter()
        .filter(|name| !(*name == "actor" && actor.is_empty() || *name == "object" && object.is_empty()))
        .collect();
    assert_eq!(names, expected, "{made:?}");
    assert!(made.starts_with("<85>1 2026-11-24T01:20:00.000000Z "), "{made:?}");
    let made = record(&event(actor, object), Form::Cef, &origin());
    assert!(!made.chars().any(char::is_control), "{made:?}");
    let names = extension(&made);
    for (at, name) in names.iter().enumerate() {
        assert!(NAMES.contains(&name.as_str()), "{name} in {made:?}");
        assert!(!names[..at].contains(name), "{name} twice in {made:?}");
    }
}

#[test]
fn hostile_names_begin_no_second_record_and_add_no_field() {
    for hostile in [
        "x\n<34>1 2026-11-24T00:00:00Z host socho 1 login.ok - logged in",
        "x\"] [forged@1 outcome=\"success\"]",
        "x\\\"] y",
        "x\\",
        "]",
        "a|b|CEF:0|x",
        "lan outcome=success suser=admin",
        "lan\\ outcome=success",
        "lan\\=\\",
        "\u{202e}nal\u{2066}",
        "a\u{2028}b\0c\u{7f}\u{85}d",
        "",
        "\u{feff}x",
        "😀\"😀]",
    ] {
        holds(hostile, "lan");
        holds("lan", hostile);
        holds(hostile, hostile);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn no_name_whatever_it_holds_forges_a_record(actor in any::<String>(), object in "[a-z\\\\\"\\]\\[|= \n\r\t=]{0,60}") {
        holds(&actor, &object);
    }

    #[test]
    fn a_record_of_the_largest_names_fits_a_datagram(actor in "[\\\\\"\\]]{0,400}", object in "[\\\\=|]{0,400}") {
        for form in [Form::Rfc5424, Form::Cef] {
            prop_assert!(record(&event(&actor, &object), form, &origin()).len() < 2_048);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deed_that_its_commit_refuses_is_told_to_nobody() {
    // Of the two engines, PostgreSQL can be made to refuse a commit.
    let Some(world) = World::postgres().await else { return };
    world.market("TAN", "00:00").await;
    world.source("one", DIALECT, &[ACCOUNT], Some("TAN")).await;
    let collector = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = format!("udp://{}", collector.local_addr().unwrap());
    let settings = SocSettings::read(&address, Form::Rfc5424, None).unwrap();
    let app = world.alike().await.with_soc(&settings).unwrap();
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'late'; END $$; \
        CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON sources DEFERRABLE INITIALLY DEFERRED \
        FOR EACH ROW EXECUTE FUNCTION refuse()";
    world.execute(refuse).await.unwrap();
    let (name, day) = ("one".parse().unwrap(), jiff::SignedDuration::from_hours(24));
    assert!(app.rotate_source(&name, "another-secret-of-some-length", day).await.is_err());
    world.execute("DROP TRIGGER late ON sources").await.unwrap();
    app.rotate_source(&name, "a-third-secret-of-some-length", day).await.unwrap();
    let mut forged = inbound(app.now(), "one", DIALECT, &settlement(ACCOUNT, "a", 1_000, "2026-11-24T08:00:00+07:00"));
    forged.headers.clear();
    app.receive_settlement(forged).await.unwrap();
    let mut told = Vec::new();
    for _ in 0..2 {
        let mut bytes = vec![0; 4_096];
        let length = collector.recv(&mut bytes).await.unwrap();
        told.push(String::from_utf8(bytes[..length].to_vec()).unwrap());
    }
    assert!(told[0].contains("event=\"source.rotated\"") && told[1].contains("event=\"delivery.refused\""), "{told:?}");
    app.close().await;
}
