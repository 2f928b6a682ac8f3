//! What callers are told: in which language, on a page or as a problem, page by page, with which
//! exit code.

use std::process::Command;

use serde_json::{Value, json};

use crate::serve::{Folder, Running, request, socho};

fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn ask(running: &Running, method: &str, path: &str, headers: &str, sent: Option<&Value>) -> (u16, String) {
    let sent = sent.map(Value::to_string).unwrap_or_default();
    let json = if sent.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let head = format!("Host: {}\r\n{json}Content-Length: {}\r\nConnection: close\r\n", running.bind, sent.len());
    request(&running.bind, &format!("{method} {path} HTTP/1.1\r\n{head}{headers}\r\n{sent}"))
}

#[test]
fn an_answer_comes_in_the_language_that_is_wanted_most() {
    let folder = Folder::new("language");
    let running = Running::start(&folder.db(), &[]);
    for (wanted, vietnamese) in [
        ("vi", true),
        ("vi-VN,vi;q=0.9,en;q=0.8", true),
        ("fr, vi;q=0.8, en;q=0.5", true),
        ("en;q=0.3,vi;q=0.9", true),
        ("en", false),
        ("vi;q=0,en;q=0.1", false),
        ("fr", false),
        ("*", false),
    ] {
        let answer = ask(&running, "GET", "/v1/markets/ZZ", &format!("Accept-Language: {wanted}\r\n"), None).1;
        assert_eq!(body(&answer)["title"] == "Không tìm thấy", vietnamese, "{wanted}: {answer}");
    }
}

#[test]
fn a_browser_is_refused_with_a_page_and_a_program_with_a_problem() {
    let folder = Folder::new("pages");
    let running = Running::start(&folder.db(), &[]);
    let foreign = |path: &str, accept: &str| {
        request(
            &running.bind,
            &format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"),
        )
    };
    let (status, page) = foreign("/", "text/html");
    assert!(status == 403 && page.contains("<html lang=\"vi\"") && page.contains("tên máy khác"), "{page}");
    let (status, problem) = foreign("/", "*/*");
    assert!(status == 403 && problem.contains("another host is named"), "{problem}");
    let (status, page) = ask(&running, "DELETE", "/", "Accept: text/html\r\nAccept-Language: en\r\n", None);
    assert!(status == 405 && page.contains("<html lang=\"en\"") && page.contains("To the first page"), "{page}");
    assert!(page.to_lowercase().contains("allow: get,head") && !page.contains("Múi giờ"), "{page}");
    let here = format!("Host: {}\r\nConnection: close\r\n", running.bind);
    let (status, answer) =
        request(&running.bind, &format!("GET http://evil.example/v1/markets HTTP/1.1\r\n{here}\r\n"));
    assert!(status == 403, "a target that names another host: {answer}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = Folder::new("unread");
    let running = Running::start(&folder.db(), &[]);
    for (path, sent, status, named) in [
        ("/v1/markets", json!({"code": "AB"}), 422, "`name`"),
        ("/v1/markets", json!({"code": "AB", "name": "x", "wards": 1}), 422, "`wards`"),
        ("/v1/markets?limit=x", Value::Null, 400, "limit"),
        ("/v1/sources", json!({"name": "s", "dialect": "pay2s", "secret": "secretsecret", "time": "gmt"}), 422, "utc"),
    ] {
        let method = if sent.is_null() { "GET" } else { "POST" };
        let answer = ask(&running, method, path, "", Some(&sent).filter(|sent| !sent.is_null()));
        let detail = body(&answer.1)["detail"].as_str().unwrap().to_owned();
        assert!(answer.0 == status && detail.contains(named), "{path}: {} {detail}", answer.0);
    }
}

#[test]
fn every_list_goes_on_page_by_page() {
    let folder = Folder::new("lists");
    let db = folder.db();
    for code in ["AA", "BB", "CC"] {
        socho(&["market", "add", "--db", &db, "--code", code, "--name", &format!("Chợ {code}")]);
    }
    let secret = folder.path("secret");
    std::fs::write(&secret, "a-secret-of-some-length").unwrap();
    for name in ["s1", "s2", "s3"] {
        let add = ["source", "add", "--db", &db, "--name", name, "--dialect", "pay2s", "--secret-file", &secret];
        socho(&[&add[..], &["--accounts", "0071000888888"]].concat());
    }
    let running = Running::start(&db, &[]);
    let (bodies, post) = ([1, 2, 3], |id: i64| {
        let sent = json!({"transactions": [{"id": id, "gateway": "ACB", "transactionNumber": format!("N{id}"),
            "accountNumber": "999", "content": "", "transferType": "IN", "transferAmount": 1000}]});
        ask(&running, "POST", "/v1/ingest/s1/", "Authorization: Bearer a-secret-of-some-length\r\n", Some(&sent)).0
    });
    assert!(bodies.into_iter().all(|id| post(id) == 200));
    for (path, field, whole) in
        [("/v1/markets?", "code", 3), ("/v1/sources?", "name", 3), ("/v1/inbox?outcome=quarantined&", "id", 3)]
    {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = body(&ask(&running, "GET", &format!("{path}limit=2{after}"), "", None).1);
            let rows = page["data"].as_array().unwrap();
            assert!(rows.len() <= 2, "{path}: {page}");
            seen.extend(rows.iter().map(|row| row[field].as_str().unwrap().to_owned()));
            assert_eq!(page["has_more"].as_bool(), Some(page["next"].is_string()), "{path}");
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        seen.dedup();
        assert_eq!(seen.len(), whole, "{path}: {seen:?}");
        assert_eq!(ask(&running, "GET", &format!("{path}limit=0"), "", None).0, 422, "{path}");
        assert_eq!(ask(&running, "GET", &format!("{path}after=nothing"), "", None).0, 422, "{path}");
    }
}

#[test]
fn stalls_are_listed_by_the_given_names_of_their_vendors() {
    let folder = Folder::new("names");
    let db = folder.db();
    socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]);
    for (stall, name) in
        [("A1", "Lê Thị Ưng"), ("A2", "Trần Ðạt"), ("A3", "Phạm Dung"), ("A4", "Võ Ân"), ("A5", "Bùi An")]
    {
        let add = ["vendor", "add", "--db", &db, "--market", "TAN", "--bin", "VCB", "--stall", stall, "--name", name];
        assert_eq!(socho(&[&add[..], &["--account", &format!("00{stall}")]].concat()).0, 0);
    }
    let list = socho(&["vendor", "list", "--db", &db, "--market", "TAN", "--sort", "name", "--json"]).1;
    let list: Value = serde_json::from_str(&list).unwrap();
    let names: Vec<&str> = list["data"].as_array().unwrap().iter().map(|s| s["vendor"].as_str().unwrap()).collect();
    assert_eq!(names, ["Bùi An", "Võ Ân", "Phạm Dung", "Trần Đạt", "Lê Thị Ưng"]);
}

#[test]
fn what_is_no_book_or_a_damaged_one_is_said() {
    let folder = Folder::new("damage");
    let other = folder.path("other.db");
    std::fs::write(&other, "no database at all\n".repeat(400)).unwrap();
    let (exit, _, told) = socho(&["market", "list", "--db", &format!("sqlite:{other}")]);
    assert!(exit == 3 && told.contains("no SQLite database"), "{exit} {told}");
    let db = folder.db();
    socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]);
    let path = folder.path("book.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4_096).skip(1) {
        page.fill(0x5A);
    }
    std::fs::write(&path, bytes).unwrap();
    for command in [vec!["market", "list"], vec!["verify"]] {
        let (exit, _, told) = socho(&[&command[..], &["--db", &db]].concat());
        assert!(exit == 5 && told.contains("damaged"), "{command:?}: {exit} {told}");
    }
    if let Ok(server) = std::env::var("SOCHO_TEST_POSTGRES") {
        let (server, _) = server.rsplit_once('/').unwrap();
        let (exit, _, told) = socho(&["market", "list", "--db", &format!("{server}/no_such_book")]);
        assert!(exit == 3 && told.contains("no database of this name"), "{exit} {told}");
    }
}

#[test]
fn an_unknown_source_is_refused_even_without_a_body() {
    let folder = Folder::new("nobody");
    let (exit, _, told) = socho(&["ingest", "--source", "nobody", "/dev/null", "--db", &folder.db()]);
    assert!(exit == 1 && told.contains("nobody"), "{exit} {told}");
}

#[test]
fn refusals_are_vietnamese_throughout_when_that_is_asked() {
    for (arguments, said) in [
        (vec!["qr", "parse", "00020101"], "Không phải mã VietQR; ở byte 6: nội dung bị cắt giữa một trường."),
        (
            vec!["qr", "encode", "--bin", "970436", "--account", "1", "--amount", "0"],
            "Không lập được mã VietQR: trường 54",
        ),
        (vec!["amount", "words", "35,000"], "không phải số đồng viết liền"),
        (vec!["amount", "words", "1.5"], "có phần lẻ"),
        (vec!["market", "list", "--db", "mysql://x"], "bắt đầu bằng sqlite:"),
        (vec!["market", "add", "--code", "a b", "--name", "x"], "Giá trị \"a b\" không dùng được cho --code <CODE>"),
        (vec!["market", "add", "--name", "x"], "Thiếu --code <CODE>."),
        (vec!["market", "sell"], "Không có lệnh sell."),
        (vec!["market", "list", "--colour"], "Không có tham số --colour."),
    ] {
        let binary =
            Command::new(env!("CARGO_BIN_EXE_socho")).args(&arguments).env("SOCHO_LANG", "vi").output().unwrap();
        let told = String::from_utf8(binary.stderr).unwrap();
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
}

#[test]
fn a_market_that_trades_past_midnight_is_still_in_its_day_before_the_cutoff() {
    let folder = Folder::new("night");
    let db = folder.db();
    socho(&["market", "add", "--db", &db, "--code", "DEM", "--name", "Chợ đêm", "--cutoff", "04:00"]);
    for (clock, day) in [("2026-12-01T03:59:59+07:00", "2026-11-30"), ("2026-12-01T04:00:00+07:00", "2026-12-01")] {
        let running = Running::start(&db, &["--test-mode", "--clock", clock]);
        let page = ask(&running, "GET", "/markets/DEM", "", None).1;
        assert!(page.contains(&format!("/markets/DEM/days/{day}")), "{clock}: {page}");
    }
}

#[test]
fn a_field_that_breaks_its_rule_is_refused_in_the_callers_language() {
    let folder = Folder::new("fields");
    let running = Running::start(&folder.db(), &[]);
    for (sent, vietnamese, english) in [
        (json!({"code": "a b", "name": "x"}), "code không hợp lệ: cần mã chợ 2 đến 8", "market code"),
        (json!({"code": "AB", "name": "x", "cutoff": "25:00"}), "cutoff không hợp lệ: cần giờ viết HH:MM", "HH:MM"),
    ] {
        let told = |wanted: &str| {
            let language = format!("Accept-Language: {wanted}\r\n");
            let answer = ask(&running, "POST", "/v1/markets", &language, Some(&sent)).1;
            body(&answer)["detail"].as_str().unwrap().to_owned()
        };
        assert!(told("vi").starts_with(vietnamese) && !told("vi").contains("not"), "{}", told("vi"));
        assert!(told("en").contains(english), "{}", told("en"));
    }
    assert!(socho(&["market", "list", "--db", &folder.db()]).1.contains("Cut-off"));
}
