//! `socho bench`, made tiny: its keys are a contract, and what it acknowledged is in the journal.

use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs a bench of a few hundred settlements; its process id and standard output.
fn bench(extra: &[&str]) -> (u32, String) {
    let tiny =
        ["bench", "--connections", "1,4", "--requests", "40", "--bulk", "120", "--sizes", "100,230", "--phones", "25"];
    let folder = std::env::temp_dir();
    let child = Command::new(env!("CARGO_BIN_EXE_socho"))
        .args(tiny)
        .args(["--dir", folder.to_str().unwrap()])
        .args(extra)
        .env_remove("SOCHO_LANG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    for stage in ["fsync", "sqlite · 4 connections", "sqlite · bulk", "sqlite · 25 phones", "sqlite · 230 postings"]
    {
        assert!(told.contains(&format!("bench: {stage}\n")), "{stage}: {told}");
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (id, String::from_utf8(output.stdout).unwrap())
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn has(value: &Value, wanted: &[&str]) {
    let found = keys(value);
    assert!(wanted.iter().all(|key| found.contains(key)), "{wanted:?} are not all of {found:?}");
}

fn keeps_the_contract(out: &str, settlements: u64) -> Value {
    let figures: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    has(
        &figures,
        &["machine", "ceiling", "settle", "bulk", "fsync_per_s", "bytes_per_posting", "report_ms", "acked", "booked"],
    );
    has(&figures["ceiling"]["4"], &["per_s", "p50_ms", "p99_ms"]);
    has(&figures["settle"], &["sqlite", "postgres"]);
    for kind in ["spread", "hot"] {
        let measured = &figures["settle"]["sqlite"]["4"][kind];
        has(measured, &["per_s", "p50_ms", "p99_ms", "batch_mean"]);
        assert_eq!((measured["requests"].as_u64(), measured["refused"].as_u64()), (Some(40), Some(0)));
        assert!(measured["batch_mean"].as_f64().unwrap() >= 1.0, "{measured}");
    }
    has(&figures["bulk"]["sqlite"], &["per_s", "raw_per_s"]);
    has(&figures["bulk"]["sqlite"], &["copied_per_s", "cpu_us", "copied_cpu_us"]);
    has(&figures["growth"]["230"], &["bulk_per_s", "verify_per_s"]);
    assert_eq!(figures["compared"][0]["ledger"], "socho, sqlite");
    has(&figures["listening"], &["phones", "payments", "p50_ms", "p99_ms", "reads"]);
    assert_eq!(
        (figures["listening"]["phones"].as_u64(), figures["listening"]["payments"].as_u64()),
        (Some(25), Some(40))
    );
    has(&figures["bytes_per_posting"], &["journal", "inbox"]);
    has(&figures["report_ms"], &["10000", "1000000", "230"]);
    assert!(figures["bytes_per_posting"]["journal"].as_u64().unwrap() > 0);
    assert_eq!((figures["acked"].as_u64(), figures["booked"].as_u64()), (Some(settlements), Some(settlements)));
    figures
}

#[test]
fn a_bench_prints_the_fixed_keys_and_finds_every_acknowledged_settlement_in_the_journal() {
    let (_, out) = bench(&["--json"]);
    assert_eq!(out.lines().count(), 1);
    let figures = keeps_the_contract(&out, 2 * 2 * 40 + 120 + 40 + 230 + 130);
    assert_eq!(figures["settle"]["postgres"], Value::Null);
}

#[test]
fn a_load_process_of_its_own_measures_the_same_things_and_people_get_a_table() {
    let (_, out) = bench(&["--client", "process"]);
    keeps_the_contract(&out, 2 * 2 * 40 + 120 + 40 + 230 + 130);
    for part in ["TigerBeetle", "sqlite spread", "sqlite hot", "ceiling", "Acknowledged = booked"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn a_postgres_server_is_measured_in_a_database_of_its_own_that_is_gone_afterwards() {
    let Ok(server) = std::env::var("SOCHO_TEST_POSTGRES") else {
        assert!(std::env::var("CI").is_err(), "CI needs SOCHO_TEST_POSTGRES; run scripts/test");
        eprintln!("skipped: SOCHO_TEST_POSTGRES is not set; run scripts/test");
        return;
    };
    let (id, out) = bench(&["--json", "--postgres", &server]);
    let figures = keeps_the_contract(&out, 2 * (2 * 2 * 40 + 120) + 40 + 230 + 130);
    has(&figures["settle"]["postgres"]["4"]["spread"], &["per_s", "p50_ms", "p99_ms", "batch_mean"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let left: i64 = runtime.block_on(async {
        use sqlx::Connection as _;
        let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
        sqlx::query_scalar("SELECT COUNT(*) FROM pg_database WHERE datname LIKE $1")
            .bind(format!("socho_bench_{id}_%"))
            .fetch_one(&mut connection)
            .await
            .unwrap()
    });
    assert_eq!(left, 0);
}
