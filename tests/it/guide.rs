//! The integrator's guide at /docs/integrate does as it says, and deliveries that we sign ourselves book
//! nothing in a real book.

use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use crate::serve::{BINARY, Folder, Running, socho};
use crate::visitors::Site;
use crate::world::World;

/// The blocks that the guide has a reader run, as a shell reads them.
fn script(page: &str) -> String {
    let blocks = page.split("<pre class=\"run\">").skip(1).map(|rest| rest.split("</pre>").next().unwrap());
    let text = blocks.collect::<Vec<_>>().join("\n");
    text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_does_as_the_guide_says_sees_the_payment_in_the_book() {
    let world = World::sqlite().await;
    let mut stranger = Site::of(&world).visitor();
    let english = stranger.send("GET", "/docs/integrate", &[("accept-language", "en")], "").await;
    let page = stranger.page("/docs/integrate").await;
    assert!(page.body.contains("lang=\"vi\"") && page.body.contains("Kết nối một ngân hàng"), "{}", page.body);
    assert!(english.body.contains("lang=\"en\"") && english.body.contains("Connect a bank"));
    assert_eq!(script(&page.body), script(&english.body));
    if ["curl", "openssl"].iter().any(|tool| Command::new(tool).arg("--version").output().is_err()) {
        assert!(std::env::var("CI").is_err(), "CI needs curl and openssl; run scripts/test");
        eprintln!("skipped: no curl or openssl");
        return;
    }
    let folder = Folder::new("guide");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = script(&page.body).replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
    let binary = std::path::Path::new(BINARY).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-c", &format!("set -eu\n{text}")])
        .current_dir(&folder.0)
        .env("PATH", path)
        .env("SOCHO_LOG", "error")
        .env_remove("SOCHO_LANG")
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}\n{told}");
    for wanted in [
        r#"{"posting":"TAN-1","status":"recorded"}"#,
        r#"{"posting":"TAN-1","status":"duplicate"}"#,
        "signature_invalid",
        "wrong_secret",
        "✓ 1. a good payment",
        r#""amount":35000"#,
        r#""amount":20000"#,
    ] {
        assert!(out.contains(wanted), "{wanted}: {out}\n{told}");
    }
    assert!(!out.contains('✗'), "{out}");
}

/// A book with one source, of a market that is demonstration or not.
fn book(name: &str, dialect: &str) -> (Folder, String) {
    let folder = Folder::new(name);
    let (db, secret) = (folder.db(), folder.path("secret"));
    std::fs::write(&secret, "a-secret-of-some-length").unwrap();
    socho(&["market", "add", "--db", &db, "--code", "TAN", "--name", "Chợ Tân An"]);
    let add = ["vendor", "add", "--db", &db, "--market", "TAN", "--stall", "B12", "--name", "Hoa", "--bin", "970436"];
    assert_eq!(socho(&[&add[..], &["--account", "0071000888888"]].concat()).0, 0);
    let add = ["source", "add", "--db", &db, "--name", "s1", "--dialect", dialect, "--secret-file", &secret];
    assert_eq!(socho(&[&add[..], &["--market", "TAN"]].concat()).0, 0);
    (folder, db)
}

fn postings(db: &str) -> u64 {
    let (_, out, _) = socho(&["verify", "--db", db, "--json"]);
    let found: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    let markets = found["markets"].as_array().unwrap_or_else(|| panic!("{out}")).iter();
    markets.map(|market| market["postings"].as_u64().unwrap()).sum()
}

#[test]
fn made_up_money_never_enters_a_real_book() {
    let (_folder, db) = book("real", "sepay-hmac");
    let trigger = ["trigger", "s1", "--db", &db, "--account", "0071000888888", "--amount", "35000"];
    let (exit, out, told) = socho(&trigger);
    assert!(exit == 0 && out.contains('✓') && told.contains("nothing booked"), "{exit} {out} {told}");
    let (exit, out, _) = socho(&[&trigger[..], &["--bad-signature"]].concat());
    assert!(exit == 0 && out.contains("unauthenticated"), "{exit} {out}");
    let (exit, _, told) = socho(&["source", "conform", "s1", "--db", &db, "--account", "0071000888888"]);
    assert!(exit == 1 && told.contains("--test-mode"), "{exit} {told}");
    assert_eq!(postings(&db), 0);
    // A running server that is not in test mode is not sent anything either.
    let running = Running::start(&db, &[]);
    let url = format!("http://{}", running.bind);
    let (exit, _, told) = socho(&[&trigger[..], &["--url", &url]].concat());
    assert!(exit == 0 && told.contains("nothing booked"), "{exit} {told}");
    assert_eq!(postings(&db), 0);
    let (exit, _, told) = socho(&[&trigger[..], &["--url", "http://127.0.0.1:1"]].concat());
    assert!(exit == 4 && told.contains("does not answer"), "{exit} {told}");
    let (exit, _, _) = socho(&["trigger", "s1", "--db", &db, "--account", "0071000888888", "--amount", "0"]);
    assert_eq!(exit, 1);
}

#[test]
fn a_trigger_books_on_a_server_in_test_mode_and_every_dialect_passes_its_checks() {
    for dialect in ["sepay-hmac", "sepay-apikey", "casso-v1", "casso-v2", "payos", "pay2s", "generic-hmac"] {
        let (_folder, db) = book(&format!("checks-{dialect}"), dialect);
        let running = Running::start(&db, &["--test-mode", "--clock", "2026-11-24T08:20:00+07:00"]);
        let url = format!("http://{}", running.bind);
        let account = ["--db", &db, "--account", "0071000888888", "--url", &url];
        let (exit, out, told) = socho(&[&["source", "conform", "s1"], &account[..], &["--json"]].concat());
        assert_eq!(exit, 0, "{dialect}: {out} {told}");
        let checks: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(checks.len() >= 7 && checks.iter().all(|check| check["ok"] == true), "{dialect}: {out}");
        assert!(checks.iter().any(|check| check["answered"] == "too_large"), "{dialect}: {out}");
        let before = postings(&db);
        let paid = [&["trigger", "s1", "--amount", "20000", "--count", "3", "--duplicate"], &account[..]].concat();
        let (exit, out, _) = socho(&paid);
        assert!(exit == 0 && out.lines().count() == 6, "{dialect}: {out}");
        assert_eq!(postings(&db), before + 3, "{dialect}");
        let late = socho(&[&["trigger", "s1", "--amount", "20000", "--skew", "7m"], &account[..]].concat());
        assert_eq!(late.0, 0, "{dialect}: {late:?}");
        let signs_time = matches!(dialect, "sepay-hmac" | "casso-v2");
        assert_eq!(postings(&db), before + 3 + u64::from(!signs_time), "{dialect}");
    }
}
