//! Processes that die while a statement is booked or a day is played: what was begun goes on, nothing is
//! lost and nothing is doubled. Every test prints its seed; `SOCHO_SEED` replays one.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fire::dice;
use crate::serve::{BINARY, Folder, socho};
use crate::world::postgres_url;

const LINES: i64 = 6_000;

/// A statement of [`LINES`] lines, of which every fifth looks like the one before.
fn statement() -> (String, i64) {
    let mut text = "NGÂN HÀNG THỬ\nSố tài khoản: 0071000888888\nTừ ngày 24/11/2026 đến ngày 24/11/2026\n\
        Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n"
        .to_owned();
    let (mut balance, mut credits) = (5_000_000, 0);
    for line in 0..LINES {
        let amount = 10_000 + 1_000 * (line - line % 5) / 5 % 40;
        let reference = if line % 5 < 2 { String::new() } else { format!("FT{line}") };
        (balance, credits) = (balance + amount, credits + amount);
        let second = line * 14;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        writeln!(text, "24/11/2026 {hour:02}:{minute:02}:{second:02},{reference},,{amount},{balance},rau").unwrap();
    }
    (text, credits)
}

fn json(arguments: &[&str]) -> Value {
    let (code, out, told) = socho(arguments);
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{arguments:?}: {code} {out} {told}"))
}

fn killed_while_booking(db: &str, folder: &Folder, test: &str) {
    let mut rng = dice(test);
    let file = folder.path("sao-ke.csv");
    let (lines, credits) = statement();
    std::fs::write(&file, lines).unwrap();
    assert_eq!(socho(&["market", "add", "--db", db, "--code", "TAN", "--name", "Chợ"]).0, 0);
    let vendor =
        ["vendor", "add", "--db", db, "--market", "TAN", "--stall", "A1", "--name", "Chị Ba", "--bin", "970436"];
    assert_eq!(socho(&[&vendor[..], &["--account", "0071000888888"]].concat()).0, 0);
    let book = ["reconcile", "--db", db, "--market", "TAN", "--statement", &file, "--book"];
    let look = ["reconcile", "--db", db, "--json", "--market", "TAN", "--date", "2026-11-24"];
    let (mut cut_short, mut last, mut patience_ms) = (0, 0, 300);
    for _ in 0..40 {
        let mut child = Command::new(BINARY).args(book).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(rng.u64(patience_ms / 2..patience_ms)));
        let _ = child.kill();
        child.wait().unwrap();
        let booked = json(&look)["book"]["count"].as_i64().unwrap();
        assert!((last..=LINES).contains(&booked), "{booked} after {last}");
        cut_short += i32::from(booked > last && booked < LINES);
        if booked == last {
            // Killed before it came to booking: a slow machine, or a busy one.
            patience_ms = patience_ms * 13 / 10;
        }
        last = booked;
        if last == LINES {
            break;
        }
    }
    let (code, _, told) = socho(&book);
    assert_eq!(code, 0, "{told}");
    let found = json(&look);
    assert_eq!((&found["agrees"], found["difference"].as_i64()), (&Value::Bool(true), Some(0)), "{found}");
    assert_eq!((found["book"]["count"].as_i64(), found["book"]["amount"].as_i64()), (Some(LINES), Some(credits)));
    let report = json(&["report", "day", "--db", db, "--market", "TAN", "--date", "2026-11-24", "--format", "json"]);
    assert_eq!((report["payments"].as_i64(), report["amount"].as_i64()), (Some(LINES), Some(credits)));
    assert_eq!(report["quarantined"]["count"].as_i64(), Some(0));
    assert_eq!(report["from_statement"]["count"].as_i64(), Some(LINES));
    assert_eq!(socho(&["verify", "--db", db]).0, 0);
    eprintln!("{test}: cut short {cut_short} times while lines were being booked");
    assert!(cut_short > 0, "no kill met a booking under way");
}

#[test]
fn a_killed_booking_goes_on_where_it_stopped_on_sqlite() {
    let folder = Folder::new("killed-booking");
    killed_while_booking(&folder.db(), &folder, "killed booking, sqlite");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_booking_goes_on_where_it_stopped_on_postgres() {
    let Some(url) = postgres_url().await else { return };
    let told = tokio::task::spawn_blocking(move || {
        killed_while_booking(&url, &Folder::new("killed-booking-pg"), "killed booking, postgres");
    });
    told.await.unwrap();
}

/// A serving process on a port that stays the same.
struct Served(Child);

impl Served {
    fn start(db: &str, port: u16, clock: &str) -> Self {
        let bind = format!("127.0.0.1:{port}");
        let clock = ["--test-mode", "--clock", clock];
        let arguments = [&["serve", "--db", db, "--bind", &bind][..], &clock].concat();
        let child =
            Command::new(BINARY).args(arguments).env("SOCHO_LOG", "error").stdout(Stdio::null()).spawn().unwrap();
        let since = Instant::now();
        while TcpStream::connect(&bind).is_err() {
            assert!(since.elapsed() < Duration::from_mins(1), "the server does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self(child)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn played_while_restarted(db: &str, test: &str, dialect: &str) {
    let mut rng = dice(test);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut served = Some(Served::start(db, port, "2026-11-24T00:00:00+07:00"));
    let (url, seed) = (format!("http://127.0.0.1:{port}"), rng.u16(1..9_999).to_string());
    let arguments = ["simulate", "--json", "--url", &url, "--payments", "250", "--stalls", "6", "--seed", &seed];
    let mut simulation = Command::new(BINARY)
        .args(arguments)
        .args(["--dialect", dialect, "--outage", "40m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut restarts = 0;
    while restarts < 6 {
        std::thread::sleep(Duration::from_millis(rng.u64(100..900)));
        if simulation.try_wait().unwrap().is_some() {
            break;
        }
        drop(served.take());
        // A restart sets no clock back: until the provider sets it, what it signs is stale and comes again.
        served = Some(Served::start(db, port, "2026-11-24T23:59:59+07:00"));
        restarts += 1;
    }
    let output = simulation.wait_with_output().unwrap();
    let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let outcome: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{test}: seed {seed}: {out} {told}"));
    assert_eq!((output.status.code(), outcome["equal"].as_bool()), (Some(0), Some(true)), "seed {seed}: {outcome}");
    drop(served);
    assert_eq!(socho(&["verify", "--db", db]).0, 0, "seed {seed}");
    let (attempts, payments) = (outcome["attempts"].as_i64(), outcome["payments"].as_i64());
    eprintln!("{test}: seed {seed}, {restarts} restarts, {attempts:?} attempts at {payments:?} payments");
    assert!(restarts > 0 && attempts > payments, "seed {seed}: {outcome}");
}

#[test]
fn a_day_played_against_a_server_that_is_killed_and_restarted_is_the_truth_on_sqlite() {
    let folder = Folder::new("restarted");
    played_while_restarted(&folder.db(), "restarted server, sqlite", "sepay-hmac");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_played_against_a_server_that_is_killed_and_restarted_is_the_truth_on_postgres() {
    let Some(url) = postgres_url().await else { return };
    let told =
        tokio::task::spawn_blocking(move || played_while_restarted(&url, "restarted server, postgres", "casso-v2"));
    told.await.unwrap();
}
