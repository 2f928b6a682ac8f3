//! SQLite has no figures about a new database's tables and then takes every index that begins with
//! `market_id` for equally good: it read a market's whole journal to find one date's postings. The
//! schema tells it; these tests ask it.

use sqlx::{Connection as _, Row as _};

use crate::world::World;

/// A look-up as the store writes it, and the index that must answer it.
const LOOKUPS: [(&str, &str); 8] = [
    ("SELECT kind, amount FROM postings WHERE market_id = 1 AND business_date = 'd'", "postings_by_date"),
    (
        "SELECT p.seq, p.kind FROM (SELECT value ->> 0 AS seq FROM json_each('[]')) u CROSS JOIN postings p \
         WHERE p.market_id = 1 AND p.concerns = u.seq",
        "postings_concerning",
    ),
    (
        "SELECT i.amount FROM (SELECT value ->> 0 AS source_id, value ->> 1 AS event_id FROM json_each('[]')) u \
         CROSS JOIN inbox i WHERE i.market_id = 1 AND i.source_id = u.source_id AND i.event_id = u.event_id \
         AND i.claims_event = 1 ORDER BY i.item",
        "inbox_event",
    ),
    (
        "SELECT i.amount FROM (SELECT value ->> 0 AS day, value ->> 1 AS reference, value ->> 2 AS account \
         FROM json_each('[]')) u CROSS JOIN inbox i WHERE i.market_id = 1 AND i.event_date = u.day \
         AND i.reference = u.reference AND i.settled_account = u.account AND i.claims_reference = 1 ORDER BY i.item",
        "inbox_reference",
    ),
    (
        "INSERT INTO pairing_credits SELECT p.market_id, p.event_date, '', p.amount, p.item \
         FROM (SELECT 'd' AS day) u CROSS JOIN date_totals d CROSS JOIN postings p WHERE d.market_id = 1 \
         AND d.event_date = u.day AND d.kind = 'settle' AND p.market_id = 1 AND p.business_date = d.business_date \
         AND p.event_date = d.event_date AND p.kind = 'settle' AND p.late = d.late",
        "postings_by_date",
    ),
    (
        "SELECT i.amount FROM inbox i WHERE i.market_id = 1 AND i.business_date = 'd' \
         AND (i.outcome = 'quarantined' OR i.outcome = 'stale' OR i.outcome = 'rejected')",
        "inbox_held",
    ),
    (
        "SELECT i.item FROM inbox i WHERE i.market_id = 1 AND i.outcome = 'quarantined' \
         AND i.reason = 'unlisted_account' ORDER BY i.item",
        "inbox_unlisted",
    ),
    ("SELECT count FROM date_totals WHERE market_id = 1 AND event_date = 'd'", "date_totals_by_event_date"),
];

/// Tables that each settlement adds to.
const ADDED_TO: [&str; 5] = ["inbox", "inbox_texts", "postings", "batches", "pairing_credits"];

#[tokio::test]
async fn adding_a_row_builds_no_table_on_the_way() {
    let world = World::sqlite().await;
    let path = world.url.strip_prefix("sqlite:").unwrap();
    let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
    for table in ADDED_TO {
        let columns = sqlx::query_scalar("SELECT COUNT(*) FROM pragma_table_info($1)").bind(table);
        let columns: i64 = columns.fetch_one(&mut connection).await.unwrap();
        let values: Vec<String> = (1..=columns).map(|number| format!("?{number}")).collect();
        let plan = format!("EXPLAIN INSERT INTO {table} VALUES ({})", values.join(", "));
        let steps = sqlx::query(sqlx::AssertSqlSafe(plan)).fetch_all(&mut connection).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|row| row.get("opcode")).collect();
        assert!(steps.iter().any(|step| step == "IdxInsert"), "{table}: {steps:?}");
        assert!(!steps.iter().any(|step| step == "OpenEphemeral"), "{table}: {steps:?}");
    }
}

#[tokio::test]
async fn every_lookup_finds_its_own_index_in_a_new_book() {
    let world = World::sqlite().await;
    let path = world.url.strip_prefix("sqlite:").unwrap();
    let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
    for (sql, index) in LOOKUPS {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let steps: Vec<String> =
            plan.fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get("detail")).collect();
        assert!(steps.iter().any(|step| step.contains(&format!("INDEX {index} "))), "{sql}\n{steps:#?}");
    }
}
