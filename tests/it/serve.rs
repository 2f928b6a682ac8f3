//! Through the real door: the binary, its command line, its ports.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_socho");

pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("socho-serve-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn db(&self) -> String {
        format!("sqlite:{}", self.path("book.db"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a command; its exit code, standard output and standard error.
pub(crate) fn socho(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(BINARY).args(arguments).env_remove("SOCHO_LANG").env_remove("SOCHO_DB").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

pub(crate) struct Running {
    child: Child,
    pub(crate) bind: String,
    pub(crate) ingest: String,
}

impl Running {
    pub(crate) fn start(db: &str, extra: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["serve", "--db", db, "--bind", "127.0.0.1:0", "--ingest-bind", "127.0.0.1:0"])
            .args(extra)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap().rsplit_once("http://").unwrap().1.to_owned();
        let (bind, ingest) = (next(), next());
        Self { child, bind, ingest }
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> (u16, String) {
        request(&self.bind, &format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn request(address: &str, text: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[test]
fn a_day_goes_from_registration_through_a_webhook_to_the_report() {
    let folder = Folder::new("day");
    let db = folder.db();
    let db = db.as_str();
    assert_eq!(socho(&["market", "add", "--db", db, "--code", "TAN", "--name", "Chợ Tân An"]).0, 0);
    let add = |stall: &str, name: &str, account: &str| {
        let arguments = ["vendor", "add", "--db", db, "--json", "--market", "TAN", "--stall", stall, "--name", name];
        socho(&[&arguments[..], &["--bin", "vietcombank", "--account", account]].concat())
    };
    let (code, out, _) = add("B12", "Nguyễn Thị Hoa", "0071000888888");
    let registered: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, registered["memo_code"].as_str()), (0, Some("SC22223Y")));
    let (code, _, told) = add("B13", "Người Khác", "0071000888888");
    assert!(code == 1 && told.contains("Nguyễn Thị Hoa") && told.contains("B12"), "{told}");

    let secret = folder.path("secret");
    std::fs::write(&secret, "dev-generic-secret\n").unwrap();
    let source = ["source", "add", "--db", db, "--name", "g1", "--dialect", "generic-hmac", "--secret-file", &secret];
    assert_eq!(socho(&[&source[..], &["--market", "TAN"]].concat()).0, 0);
    assert_eq!(socho(&["source", "test", "g1", "--db", db]).0, 0);

    let samples: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/webhooks.json")).unwrap();
    let valid = samples.iter().find(|s| s["provider"] == "generic-hmac" && s["name"] == "valid").unwrap();
    let running = Running::start(db, &["--test-mode", "--clock", "2026-11-24T08:20:00+07:00"]);
    let body = valid["body"].as_str().unwrap();
    let signature = valid["headers"]["X-Signature"].as_str().unwrap();
    let post = format!(
        "POST /v1/ingest/g1 HTTP/1.1\r\nHost: proxy.example\r\nX-Forwarded-For: 1.2.3.4\r\nX-Signature: {signature}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = request(&running.ingest, &post);
    assert!(status == 200 && answer.contains("\"posting\":\"TAN-1\""), "{answer}");
    let (status, answer) = request(&running.bind, &post);
    assert!(status == 200 && answer.contains("duplicate"), "{answer}");

    let host = format!("Host: {}\r\n", running.bind);
    let (status, page) = running.get("/markets/TAN/days/2026-11-24", &host);
    assert!(status == 200 && page.contains("35.000") && page.to_lowercase().contains("thử"), "{page}");
    let (status, answer) = running.get("/v1/markets/TAN/postings", &host);
    assert!(status == 200 && answer.contains("TAN-1"), "{answer}");
    drop(running);

    let (code, out, _) =
        socho(&["report", "day", "--db", db, "--market", "TAN", "--date", "2026-11-24", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, report["amount"].as_i64(), report["payments"].as_i64()), (0, Some(35_000), Some(1)));
    assert_eq!(socho(&["verify", "--db", db]).0, 0);
}

#[test]
fn before_the_first_user_pages_answer_this_machine_alone() {
    let folder = Folder::new("closed");
    let running = Running::start(&folder.db(), &[]);
    let here = format!("Host: {}\r\n", running.bind);
    assert_eq!(running.get("/", &here).0, 200);
    assert_eq!(running.get("/livez", &here).0, 200);
    for refused in [
        "Host: example.com\r\n".to_owned(),
        String::new(),
        format!("{here}Via: 1.1 proxy\r\n"),
        format!("{here}Forwarded: for=1.2.3.4\r\n"),
        format!("{here}X-Forwarded-Proto: https\r\n"),
        format!("{here}Origin: https://evil.example\r\n"),
        format!("{here}Origin: http://localhost:1\r\n"),
        format!("{here}Origin: null\r\n"),
    ] {
        for path in ["/", "/v1/markets"] {
            let (status, answer) = running.get(path, &refused);
            let closed = status == 403 && answer.contains("closed_by_default");
            assert!(closed || (refused.is_empty() && status == 400), "{path} {refused:?}: {answer}");
        }
    }
    assert_eq!(running.get("/v1/markets", &format!("{here}Origin: http://{}\r\n", running.bind)).0, 200);
    for path in ["/", "/v1/markets", "/version"] {
        let answer =
            request(&running.ingest, &format!("GET {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n"));
        assert_eq!(answer.0, 404, "{path}");
    }
    let large = format!(
        "POST /v1/ingest/x HTTP/1.1\r\nHost: any\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n{}",
        "x".repeat(300_000)
    );
    let (status, answer) = request(&running.ingest, &large);
    assert!(status == 413 && answer.contains("request_id\":\"req_"), "{answer}");
}

#[test]
fn what_is_wrong_is_said_with_its_exit_code() {
    let folder = Folder::new("wrong");
    for (arguments, code, said) in [
        (vec!["market", "list", "--db", "mysql://x"], 3, "begins with sqlite: or postgres://"),
        (vec!["market", "list", "--db", "sqlite:/nowhere/at/all.db"], 3, "Cannot open the file"),
        (vec!["market", "list", "--db", "postgres://nobody@127.0.0.1:1/x"], 4, "not available"),
        (vec!["serve", "--public-url", "cho.example/path"], 3, "https://"),
        (vec!["serve", "--clock", "2026-11-24T00:00:00Z"], 2, "--test-mode"),
        (vec!["market", "add", "--code", "1", "--name", "x"], 2, "market code"),
        (vec!["qr", "parse", "00020101"], 1, "at byte"),
        (vec!["amount", "words", "1.000"], 1, "plain number"),
    ] {
        let (exit, _, told) = socho(&arguments);
        assert!(exit == code && told.contains(said), "{arguments:?}: {exit} {told}");
    }
    let config = folder.path("socho.toml");
    std::fs::write(&config, "bnid = 'x'\n").unwrap();
    let (exit, _, told) = socho(&["market", "list", "--config", &config]);
    assert!(exit == 3 && told.contains("bnid") && told.contains("bind"), "{told}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (exit, _, told) = socho(&["serve", "--db", &folder.db(), "--bind", &address]);
    assert!(exit == 3 && told.contains(&address), "{told}");
}

#[test]
fn a_file_of_vendors_is_registered_whole_or_not_at_all() {
    let folder = Folder::new("import");
    let db = folder.db();
    socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]);
    let file = folder.path("list.csv");
    let import = |extra: &[&str]| {
        socho(&[&["vendor", "import", &file, "--market", "TAN", "--db", &db, "--json"][..], extra].concat())
    };
    let head = "\u{feff}STT;Mã sạp;Họ và tên;Ngân hàng;Số tài khoản;Ngành hàng\n";
    std::fs::write(&file, format!("{head}1;A1;Trần Thị Ðào;VCB;0071;Rau\n2;;Lê Ấn;VCB;0072;Cá\n3;A3;Võ Tư;xyz;00 73;Cá\n4;A1;Lý Út;MB;0074;Cá\n")).unwrap();
    let (code, out, _) = import(&[]);
    let report: Value = serde_json::from_str(&out).unwrap();
    let errors: Vec<(i64, &str)> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_i64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!((code, errors), (1, vec![(3, "stall_invalid"), (4, "unknown_bank"), (5, "stall_taken")]));
    std::fs::write(&file, format!("{head}1;A1;Trần Thị Ðào;VCB;0071;Rau\n2;A2;Lê Ấn;Quân đội;0072;Cá\n")).unwrap();
    assert_eq!(import(&["--dry-run"]).0, 0);
    let list =
        |search: &str| socho(&["vendor", "list", "--market", "TAN", "--db", &db, "--json", "--search", search]).1;
    assert!(!list("").contains("A1"));
    assert_eq!(import(&[]).0, 0);
    for search in ["tran thi dao", "ttd", "A-1", "071"] {
        assert!(list(search).contains("Trần Thị Đào") && !list(search).contains("Lê"), "{search}");
    }
    assert_eq!(import(&[]).0, 0, "the same file again changes nothing");
}

#[test]
fn lines_of_payloads_memos_and_amounts_are_answered_one_by_one() {
    let ask = |arguments: &[&str], input: &str| {
        let mut child = Command::new(BINARY)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let payload =
        socho(&["qr", "encode", "--bin", "970436", "--account", "0071000888888", "--amount", "1", "--memo", "SC01A7K"])
            .1;
    assert!(payload.ends_with("6304FEC5\n"), "{payload}");
    let (code, out) = ask(&["qr", "parse", "-"], &format!("{payload}bad\n"));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines[0]["ok"].as_bool(), lines[0]["amount"].as_i64()), (1, Some(true), Some(1)));
    assert_eq!((lines[1]["ok"].as_bool(), lines[1]["offset"].as_i64()), (Some(false), Some(0)));
    assert_eq!(
        ask(&["memo", "match", "-"], "x SC22EV9H\n\nnone\n").1,
        "{\"codes\":[\"SC22EV9H\"]}\n{\"codes\":[]}\n{\"codes\":[]}\n"
    );
    assert_eq!(
        ask(&["amount", "words", "-", "--voice", "bac"], "105\n21000\n").1,
        "một trăm linh năm đồng\nhai mươi mốt nghìn đồng\n"
    );
    assert_eq!(socho(&["memo", "code", "12345"]).1, "SC22EV9H\n");
    let folder = Folder::new("picture");
    for file in ["code.png", "code.svg"] {
        assert_eq!(socho(&["qr", "image", payload.trim(), "-o", &folder.path(file)]).0, 0);
    }
    assert_eq!(socho(&["qr", "decode", &folder.path("code.png")]).1, payload);
}
