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
        "SELECT i.amount FROM (SELECT value ->> 0 AS day, value ->> 1 AS account, value ->> 2 AS amount \
         FROM json_each('[]')) u CROSS JOIN inbox i WHERE i.market_id = 1 AND i.event_date = u.day \
         AND i.settled_account = u.account AND i.amount = u.amount AND i.posting_seq IS NOT NULL \
         AND i.outcome IN ('recorded', 'suspense') ORDER BY i.item",
        "inbox_credits",
    ),
    (
        "SELECT i.amount FROM inbox i WHERE i.market_id = 1 AND i.business_date = 'd' \
         AND i.outcome IN ('quarantined', 'stale', 'rejected')",
        "inbox_held",
    ),
    (
        "SELECT i.item FROM inbox i WHERE i.market_id = 1 AND i.outcome = 'quarantined' \
         AND i.reason = 'unlisted_account' ORDER BY i.item",
        "inbox_unlisted",
    ),
    ("SELECT count FROM date_totals WHERE market_id = 1 AND event_date = 'd'", "date_totals_by_event_date"),
];

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
