//! What whoever runs the program sees of it: settings, figures, logs, the doctor, a stop that drops
//! nothing, and the files of `deploy/`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use socho::app::OpenOptions;
use socho::app::clock::SetClock;
use socho::app::doctor::{Practice, examine};
use socho::app::keyring::Keyring;
use socho::domain::settlement::Dialect;

use crate::serve::{BINARY, Folder, request, socho};
use crate::world::{NOON, settlement, story};

/// A serving process whose log is a file.
struct Serving {
    child: Child,
    addresses: Vec<String>,
    log: std::path::PathBuf,
}

impl Serving {
    fn start(folder: &Folder, extra: &[&str]) -> Self {
        let log = folder.0.join("serve.log");
        let mut child = Command::new(BINARY)
            .args(["serve", "--db", &folder.db(), "--bind", "127.0.0.1:0", "--ingest-bind", "127.0.0.1:0"])
            .args(["--metrics-bind", "127.0.0.1:0"])
            .args(extra)
            .env("SOCHO_LOG", "debug")
            .env_remove("SOCHO_DB")
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addresses = lines.take(3).map(|line| line.unwrap().rsplit_once("http://").unwrap().1.to_owned()).collect();
        Self { child, addresses, log }
    }

    fn everything(&self) -> &str {
        &self.addresses[0]
    }

    fn ingest(&self) -> &str {
        &self.addresses[1]
    }

    fn figures(&self) -> String {
        let (status, text) =
            request(&self.addresses[2], "GET /metrics HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n");
        assert_eq!(status, 200, "{text}");
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn stop(mut self) -> (Option<i32>, String) {
        self.signal();
        let status = self.child.wait().unwrap();
        (status.code(), fs::read_to_string(&self.log).unwrap())
    }

    fn signal(&self) {
        let done = Command::new("kill").args(["-TERM".to_owned(), self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A book with a market, a stall and a source whose signed sample is in the fixtures.
fn book(folder: &Folder) {
    let db = folder.db();
    let secret = folder.path("secret");
    fs::write(&secret, "dev-generic-secret\n").unwrap();
    for arguments in [
        vec!["market", "add", "--code", "TAN", "--name", "Chợ Tân An"],
        vec![
            "vendor",
            "add",
            "--market",
            "TAN",
            "--stall",
            "B12",
            "--name",
            "Nguyễn Thị Hoa",
            "--bin",
            "vietcombank",
            "--account",
            "0071000888888",
        ],
        vec!["source", "add", "--name", "g1", "--dialect", "generic-hmac", "--secret-file", &secret, "--market", "TAN"],
    ] {
        assert_eq!(socho(&[&arguments[..], &["--db", &db]].concat()).0, 0, "{arguments:?}");
    }
}

/// The fixtures' signed request, as the wire has it.
fn signed(extra: &str) -> (String, Value) {
    let samples: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/webhooks.json")).unwrap();
    let valid = samples.into_iter().find(|s| s["provider"] == "generic-hmac" && s["name"] == "valid").unwrap();
    let body = valid["body"].as_str().unwrap();
    let signature = valid["headers"]["X-Signature"].as_str().unwrap();
    let head = format!("Host: any\r\nX-Signature: {signature}\r\n{extra}Content-Length: {}\r\n", body.len());
    (format!("POST /v1/ingest/g1?token=query-canary HTTP/1.1\r\n{head}Connection: close\r\n\r\n{body}"), valid)
}

#[test]
fn a_setting_comes_from_the_flag_then_the_environment_then_the_file_then_the_default() {
    let folder = Folder::new("config");
    let file = folder.path("socho.toml");
    fs::write(&file, "db = 'postgres://socho:hunter2@db/book'\nbind = '127.0.0.1:1111'\nlog = 'warn'\n").unwrap();
    let show = |extra: &[&str], variable: Option<(&str, &str)>| {
        let mut command = Command::new(BINARY);
        command.args(["config", "show", "--json", "--config", &file]).args(extra).env_remove("SOCHO_DB");
        if let Some((name, value)) = variable {
            command.env(name, value);
        }
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(!output.contains("hunter2"), "{output}");
        let shown: Value = serde_json::from_str(&output).unwrap();
        move |key: &str| {
            let rows = shown["data"].as_array().unwrap();
            let row = rows.iter().find(|row| row["key"] == key).unwrap();
            format!("{} {}", row["value"].as_str().unwrap(), row["from"].as_str().unwrap())
        }
    };
    let plain = show(&[], None);
    assert_eq!(plain("db"), "postgres://…@db/book file");
    assert_eq!((plain("bind"), plain("log_format")), ("127.0.0.1:1111 file".into(), "text default".into()));
    assert_eq!(show(&[], Some(("SOCHO_BIND", "127.0.0.1:2222")))("bind"), "127.0.0.1:2222 SOCHO_BIND");
    let variable = Some(("SOCHO_DB", "sqlite:environment.db"));
    assert_eq!(show(&[], variable)("db"), "sqlite:environment.db SOCHO_DB");
    assert_eq!(show(&["--db", "sqlite:flag.db"], variable)("db"), "sqlite:flag.db flag");
}

#[test]
fn every_fault_of_the_settings_is_told_at_once_and_the_template_has_none() {
    let folder = Folder::new("check");
    let file = folder.path("socho.toml");
    let check = |variables: &[(&str, &str)]| {
        let mut command = Command::new(BINARY);
        command.args(["config", "check", "--config", &file]).env_remove("SOCHO_DB").env_remove("SOCHO_LANG");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    fs::write(&file, "db = 'mysql://x'\nbind = 'here'\nlog_format = 'xml'\nlog = 'loud'\n").unwrap();
    let (code, told) = check(&[("SOCHO_INGEST_BNID", "x"), ("SOCHO_METRICS_BIND", "nowhere"), ("SOCHO_KEY_TAN", "x")]);
    assert_eq!(code, 3, "{told}");
    for said in
        ["db: ", "bind: Address here", "log_format: ", "log: ", "is SOCHO_INGEST_BIND meant", "SOCHO_METRICS_BIND: "]
    {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert!(!told.contains("SOCHO_KEY_TAN"), "{told}");
    let (code, _, told) = socho(&["config", "init", &file]);
    assert!(code == 1 && told.contains(&file), "what is there is not overwritten: {told}");
    fs::remove_file(&file).unwrap();
    assert_eq!(socho(&["config", "init", &file]).0, 0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let explained = fs::read_to_string(&file).unwrap().replace("# db = ", "db = ").replace("# bind = ", "bind = ");
    fs::write(&file, explained).unwrap();
    assert_eq!(check(&[]).0, 0);
}

#[test]
fn the_figures_count_what_happened_and_are_served_to_the_operator_alone() {
    let folder = Folder::new("figures");
    book(&folder);
    let serving = Serving::start(&folder, &["--test-mode", "--clock", "2026-11-24T08:20:00+07:00"]);
    let (valid, _) = signed("");
    for wanted in ["\"recorded\"", "\"duplicate\""] {
        let (status, answer) = request(serving.ingest(), &valid);
        assert!(status == 200 && answer.contains(wanted), "{answer}");
    }
    let forged = valid.replace("X-Signature: ", "X-Signature: 0");
    assert_eq!(request(serving.ingest(), &forged).0, 401);
    assert_eq!(request(serving.ingest(), &valid.replace("/g1?", "/nobody-known?")).0, 404);
    let text = serving.figures();
    for line in [
        "socho_ingest_requests_total{source=\"g1\",result=\"accepted\"} 2",
        "socho_ingest_requests_total{source=\"g1\",result=\"signature_refused\"} 1",
        "socho_ingest_requests_total{source=\"-\",result=\"no_such_source\"} 1",
        "socho_ingest_items_total{source=\"g1\",outcome=\"recorded\"} 1",
        "socho_ingest_items_total{source=\"g1\",outcome=\"duplicate\"} 1",
        "socho_http_requests_total{route=\"/v1/ingest/{source}\",method=\"POST\",status=\"401\"} 1",
        "socho_writer_commit_seconds_count 2",
        "socho_writer_batch_works_sum 2.0",
        "socho_writer_queue_jobs 0",
        "socho_source_last_seen_timestamp_seconds{source=\"g1\"} 1795483200",
        "socho_market_open_days{market=\"TAN\"} 1",
        "socho_market_open_days_longest 1",
        "socho_database_up 1",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
    }
    assert!(!text.contains("nobody-known") && !text.contains("0071000888888") && !text.contains("Hoa"), "{text}");
    let get = |address: &str, headers: &str| {
        request(address, &format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n"))
    };
    assert_eq!(get(serving.everything(), "").0, 200);
    assert_eq!(get(serving.ingest(), "").0, 404, "not where webhooks come in");
    assert!([403, 404].contains(&get(serving.everything(), "X-Forwarded-For: 1.2.3.4\r\n").0), "not through a proxy");
    for path in ["/", "/v1/markets", "/v1/ingest/g1"] {
        let asked = format!("GET {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n");
        assert_eq!(request(&serving.addresses[2], &asked).0, 404, "figures alone: {path}");
    }
}

/// Every name that begins with the program's prefix.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    text.split(word).filter(|name| name.starts_with("socho_") && *name != "socho_").map(str::to_owned).collect()
}

#[test]
fn dashboard_and_alerts_name_exactly_the_figures_that_the_program_has() {
    let folder = Folder::new("names");
    book(&folder);
    let serving = Serving::start(&folder, &["--test-mode", "--clock", "2026-11-24T08:20:00+07:00"]);
    assert_eq!(request(serving.ingest(), &signed("").0).0, 200);
    let text = serving.figures();
    let types: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.len() > 12, "{text}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let deployed = ["dashboard.json", "alerts.yml"].map(|file| fs::read_to_string(root.join(file)).unwrap()).concat();
    let mut told = names(&deployed);
    for (name, kind) in types {
        let series: Vec<String> = match kind {
            "counter" => vec![format!("{name}_total")],
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
            _ => vec![name.to_owned()],
        };
        let used = series.iter().filter(|name| told.remove(*name)).count();
        assert!(used > 0, "no panel and no alert looks at {name}");
    }
    assert!(told.is_empty(), "the program has no such figures: {told:?}");
    serde_json::from_str::<Value>(&fs::read_to_string(root.join("dashboard.json")).unwrap()).unwrap();
}

#[test]
fn a_log_of_json_lines_names_request_and_trace_and_nothing_that_is_private() {
    let folder = Folder::new("logs");
    book(&folder);
    let extra = ["--log-format", "json", "--test-mode", "--clock", "2026-11-24T08:20:00+07:00"];
    let serving = Serving::start(&folder, &extra);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let (post, valid) = signed(&format!("traceparent: 00-{trace}-b7ad6b7169203331-01\r\n"));
    let (status, answer) = request(serving.ingest(), &post);
    assert_eq!(status, 200);
    let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap().trim().to_owned();
    assert_eq!(request(serving.ingest(), &post.replace("X-Signature: ", "X-Signature: 0")).0, 401);
    let asked =
        format!("GET /v1/markets/TAN/stalls/B12/qr.svg?amount=12345 HTTP/1.1\r\nHost: {}\r\n", serving.everything());
    assert_eq!(request(serving.everything(), &format!("{asked}Connection: close\r\n\r\n")).0, 200);
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let ours = lines.iter().find(|line| line["span"]["id"] == id.as_str()).expect(&log);
    assert_eq!((ours["span"]["trace"].as_str(), ours["status"].as_i64()), (Some(trace), Some(200)));
    assert_eq!(ours["route"], "/v1/ingest/{source}");
    let signature = valid["headers"]["X-Signature"].as_str().unwrap();
    for private in ["query-canary", "dev-generic-secret", signature, "0071000888888", "B12", "12345", "Hoa"] {
        assert!(!log.contains(private), "{private}: {log}");
    }
    let body: Value = serde_json::from_str(valid["body"].as_str().unwrap()).unwrap();
    for field in ["memo", "payer", "payer_name", "event_id"] {
        let Some(text) = body[field].as_str().filter(|text| text.len() > 3) else { continue };
        assert!(!log.contains(text), "{field}: {log}");
    }
}

#[test]
fn a_stop_lets_a_payment_that_is_half_sent_finish() {
    let folder = Folder::new("drain");
    book(&folder);
    let serving = Serving::start(&folder, &["--test-mode", "--clock", "2026-11-24T08:20:00+07:00"]);
    let (post, _) = signed("");
    let (head, tail) = post.split_at(post.len() - 10);
    let mut half = TcpStream::connect(serving.ingest()).unwrap();
    half.write_all(head.as_bytes()).unwrap();
    // The server has read the head once it answers another connection that came later.
    assert_eq!(request(serving.ingest(), "GET /livez HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n").0, 200);
    serving.signal();
    loop {
        // Until the door is closed, so that the rest arrives after it.
        if TcpStream::connect(serving.ingest()).is_err() {
            break;
        }
        std::thread::yield_now();
    }
    half.write_all(tail.as_bytes()).unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("TAN-1"), "{answer}");
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(socho(&["verify", "--db", &folder.db()]).0, 0);
}

/// What the doctor says, by check: whether all of it is good, and the texts.
fn doctor(db: &str, extra: &[&str]) -> (i32, impl Fn(&str) -> (bool, String) + use<>) {
    let (code, out, told) = socho(&[&["doctor", "--json", "--db", db][..], extra].concat());
    let said: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code} {told}"));
    let find = move |check: &str| {
        let rows: Vec<&Value> = said["data"].as_array().unwrap().iter().filter(|row| row["check"] == check).collect();
        assert!(!rows.is_empty(), "{check}: {said}");
        let advised = rows.iter().all(|row| row["good"] == row["advice"].is_null());
        assert!(advised, "each finding, and nothing else, says what to do: {said}");
        (rows.iter().all(|row| row["good"] == true), rows.iter().map(ToString::to_string).collect())
    };
    (code, find)
}

#[test]
fn the_doctor_finds_each_fault_and_changes_nothing() {
    let folder = Folder::new("doctor");
    let (code, find) = doctor(&folder.db(), &[]);
    assert_eq!((code, find("schema").0), (1, false), "no book");
    assert!(!Path::new(&folder.path("book.db")).exists(), "the doctor makes no book");
    book(&folder);
    let keys = folder.path("book.db.keys");
    assert_eq!(socho(&["key", "init", "--market", "TAN", "--db", &folder.db()]).0, 0);
    let (code, find) = doctor(&folder.db(), &[]);
    assert_eq!(code, 1);
    for good in ["schema", "durability", "clock_book", "days_closed", "private_files", "disk_room", "journal_guard"] {
        assert!(find(good).0, "{good}: {}", find(good).1);
    }
    assert!(!find("source_heard").0 && find("source_heard").1.contains("socho source test g1"));

    let key = fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, find) = doctor(&folder.db(), &[]);
    assert!(!find("private_files").0 && find("private_files").1.contains("chmod 600"), "{}", find("private_files").1);
}

story!(the_doctor_sees_clocks_days_and_senders_that_need_a_person, |world| {
    let examine = async |at: &str| {
        let practice = Practice {
            options: OpenOptions { url: world.url.clone(), migrate_url: None },
            keyring: Keyring::in_folder(world.path("keys")),
            binds: vec![("bind", "192.0.2.1:80".parse().unwrap()), ("ingest_bind", "0.0.0.0:80".parse().unwrap())],
        };
        let findings = examine(practice, Arc::new(SetClock::at(at.parse().unwrap()))).await.unwrap();
        let bad = findings.iter().filter(|finding| !finding.good && !finding.check.starts_with("disk_"));
        let bad: Vec<String> = bad.map(|finding| format!("{} {}", finding.check, finding.seen.en)).collect();
        bad.into_iter().filter(|found| !found.starts_with("clock_database")).collect::<Vec<_>>().join("\n")
    };
    let told = examine(NOON).await;
    assert!(told.contains("listening bind is open") && told.contains("source_heard There is no source"), "{told}");
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Chị Hoa", "0071000888888").await;
    world.source("bank", Dialect::GenericHmac, &[], Some("TAN")).await;
    world.send("bank", Dialect::GenericHmac, &settlement("0071000888888", "1", 35_000, NOON)).await;
    let told = examine("2026-11-25T07:00:00+07:00").await;
    assert_eq!(told, "listening bind is open beyond this machine: 192.0.2.1:80");
    let told = examine("2026-11-24T08:19:00+07:00").await;
    assert!(told.contains("clock_book") && told.contains("lies in the future"), "{told}");
    let told = examine("2026-11-26T08:21:00+07:00").await;
    assert!(told.contains("days_closed 1 markets") && told.contains("TAN since 2026-11-24"), "{told}");
    assert!(told.contains("Source bank has been silent"), "{told}");
    assert_eq!(world.app.metrics().await.unwrap().matches("\nsocho_database_up 1\n").count(), 1);
});

#[test]
fn shells_and_the_manual_know_every_command() {
    let folder = Folder::new("manual");
    let out = folder.path("man");
    assert_eq!(socho(&["man", "--out", &out]).0, 0);
    let pages: BTreeSet<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let (_, help, _) = socho(&["--help"]);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 20, "{help}");
    let bash = socho(&["completions", "bash"]).1;
    for command in commands {
        assert!(pages.contains(&format!("socho-{command}.1")), "{command}: {pages:?}");
        assert!(bash.contains(command), "{command}");
        let (code, told, _) = socho(&[command, "--help"]);
        assert_eq!(code, 0, "{command}");
        let has_example = |text: &str| text.contains("Example") || text.contains("Commands:");
        assert!(has_example(&told), "{command} --help shows no example: {told}");
    }
    for shell in ["zsh", "fish"] {
        assert!(socho(&["completions", shell]).1.contains("doctor"), "{shell}");
    }
    assert_eq!(socho(&["completions", "cmd"]).0, 2);
    assert!(socho(&["man"]).1.contains("socho"));
}

#[test]
fn the_deployed_service_can_reach_little_of_the_machine() {
    let unit = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/socho.service")).unwrap();
    for line in
        ["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077"]
    {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    let container = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/Containerfile")).unwrap();
    assert!(container.contains("USER nonroot") && container.contains("--read-only"));
}
