//! SQLite has no figures about a new database's tables and then takes every index that begins with
//! `market_id` for equally good: it read a market's whole journal to find one date's postings. The
//! schema tells it; these tests ask it.

use socho::domain::settlement::Dialect;
use sqlx::{Connection as _, Row as _};

use crate::world::{NOON, World, send, settlement};

/// A look-up as the store writes it, and the index that must answer it.
const LOOKUPS: [(&str, &str); 9] = [
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
    (
        "SELECT seq FROM postings WHERE market_id = 1 AND business_date >= 'd' AND kind = 'settle' \
         AND credit_account = 'suspense'",
        "postings_suspense",
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

/// What a settlement may read of a large book that holds nothing of it.
const ROWS_A_SETTLEMENT: i64 = 2;

/// Returns how many rows PostgreSQL says it read of what batches are compared with.
async fn rows_read(connection: &mut sqlx::PgConnection) -> i64 {
    const SQL: &str = "SELECT SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0))::BIGINT FROM pg_stat_user_tables \
        WHERE relname IN ('inbox', 'pairing_credits', 'pairings')";
    let mut read = -1;
    // A connection tells what it read at the end of a transaction, and at most once a second.
    for _ in 0..10 {
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let now = sqlx::query_scalar(SQL).fetch_one(&mut *connection).await.unwrap();
        if now == read {
            break;
        }
        read = now;
    }
    read
}

/// Has two sources report `settlements` payments of one market, fifty at a time, and returns how many
/// rows were read for them.
async fn rows_read_for(world: &World, market: &str, account: &'static str, settlements: std::ops::Range<i64>) -> i64 {
    let mut connection = sqlx::PgConnection::connect(&world.url).await.unwrap();
    let before = rows_read(&mut connection).await;
    let numbers: Vec<i64> = settlements.collect();
    for together in numbers.chunks(50) {
        let sent = together.iter().map(|&number| {
            let source = format!("{}{}", market.to_lowercase(), number % 2);
            let paid = settlement(account, &number.to_string(), 10_000 + number, NOON);
            let app = std::sync::Arc::clone(&world.app);
            tokio::spawn(async move { send(&app, &source, Dialect::SepayHmac, &paid).await })
        });
        for one in sent.collect::<Vec<_>>() {
            one.await.unwrap();
        }
    }
    // The lane's connection tells of them at the end of a transaction that comes a second later.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let last = numbers[numbers.len() - 1];
    let source = format!("{}{}", market.to_lowercase(), last % 2);
    send(&world.app, &source, Dialect::SepayHmac, &settlement(account, &last.to_string(), 10_000 + last, NOON)).await;
    rows_read(&mut connection).await - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_reads_no_more_of_a_larger_book_though_postgresql_has_no_figures_about_it() {
    const SMALL: i64 = 1_000;
    let Some(world) = World::postgres().await else { return };
    let markets = [("OLD", "0071000888888"), ("NEW", "0123456789")];
    for (market, account) in markets {
        world.market(market, "00:00").await;
        world.stall(market, "B12", "Nguyễn Thị Hoa", account).await;
        for source in [0, 1].map(|number| format!("{}{number}", market.to_lowercase())) {
            world.source(&source, Dialect::SepayHmac, &[account], Some(market)).await;
        }
    }
    // The server may not look at the tables by itself: a book that grows quickly is ahead of it.
    for table in ["inbox", "postings", "pairing_credits", "pairings"] {
        world.execute(&format!("ALTER TABLE {table} SET (autovacuum_enabled = off)")).await.unwrap();
    }
    // First a book without any figures, then a market that the figures do not know.
    for (market, account) in markets {
        let small = rows_read_for(&world, market, account, 0..SMALL).await;
        assert!(small > 0, "the server counts nothing");
        // While a market is small all of it may be read; these came to one of a thousand.
        let more = rows_read_for(&world, market, account, SMALL..2 * SMALL).await;
        assert!(more <= ROWS_A_SETTLEMENT * SMALL, "{market}: {more} rows were read for {SMALL} settlements");
        world.execute("ANALYZE").await.unwrap();
    }
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 4 * SMALL);
}
