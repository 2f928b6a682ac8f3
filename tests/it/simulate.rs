//! The outage as a test: a provider as a process of its own against a server as a process of its own,
//! killed for forty minutes of the market's morning. Afterwards the report is the truth to the đồng.

use serde_json::Value;

use crate::serve::socho;
use crate::world::postgres_url;

/// Seed, dialect, layout of the bank's statements, outage.
const DAYS: [(u64, &str, &str, &str); 4] = [
    (1, "sepay-hmac", "csv", "40m"),
    (20, "pay2s", "mt940", "40m"),
    (300, "casso-v2", "camt053", "2h"),
    (4_000, "vietqr-vn", "csv", "0"),
];

fn play(seed: u64, dialect: &str, layout: &str, outage: &str, db: Option<&str>) -> Value {
    let seed = seed.to_string();
    let mut arguments = vec!["simulate", "--json", "--payments", "90", "--stalls", "6", "--seed", &seed];
    arguments.extend(["--dialect", dialect, "--layout", layout, "--outage", outage]);
    arguments.extend(db.into_iter().flat_map(|db| ["--db", db]));
    let (code, out, told) = socho(&arguments);
    let outcome: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("seed {seed}: {code} {out} {told}"));
    assert_eq!((code, outcome["equal"].as_bool()), (0, Some(true)), "seed {seed}: {outcome} {told}");
    assert_eq!(outcome["held"].as_i64(), Some(0), "seed {seed}: {outcome}");
    outcome
}

#[test]
fn an_outage_loses_nothing_on_sqlite() {
    for (seed, dialect, layout, outage) in DAYS {
        let outcome = play(seed, dialect, layout, outage, None);
        let given_up = outcome["given_up"].as_i64().unwrap();
        // Pay2S tries for six minutes: most of forty are lost to it.
        assert!(given_up > 0 || dialect != "pay2s", "{outcome}");
        assert!(outcome["attempts"].as_i64() > outcome["payments"].as_i64(), "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_loses_nothing_on_postgres() {
    for (seed, dialect, layout, outage) in DAYS.into_iter().take(2) {
        let Some(url) = postgres_url().await else { return };
        let played = tokio::task::spawn_blocking(move || play(seed, dialect, layout, outage, Some(&url)));
        played.await.unwrap();
    }
}

#[test]
fn the_same_seed_is_the_same_day() {
    let [one, other] = [0, 1].map(|_| play(55, "generic-hmac", "csv", "40m", None));
    assert_eq!(one, other);
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_away() {
    let (code, _, told) = socho(&["simulate", "--url", "http://127.0.0.1:9"]);
    assert!(code == 4 && told.contains("does not answer"), "{code} {told}");
    let (code, _, told) = socho(&["simulate", "--outage", "soon"]);
    assert!(code == 2 && told.contains("40m"), "{code} {told}");
}
