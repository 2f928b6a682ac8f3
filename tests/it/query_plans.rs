//! SQLite has no figures about a new database's tables and then takes every index that begins with
//! `market_id` for equally good: it read a market's whole journal to find one date's postings. The
//! schema tells it; these tests ask it, and hear what the pages ask on either engine.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use socho::app::access::Role;
use socho::domain::account::AccountKind;
use socho::domain::calendar::BusinessDate;
use socho::domain::registration::Registration;
use socho::domain::settlement::Dialect;
use sqlx::{Connection as _, Row as _};

use crate::visitors::{Site, Visitor, phone, user};
use crate::world::{World, registration, settlement};

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

/// Pages of the board, the city and the phone, as people open them.
const PAGES: [&str; 17] = [
    "/",
    "/markets/TAN",
    "/markets/TAN/stalls",
    "/markets/TAN/stalls/new",
    "/markets/TAN/stalls/A1/phones",
    "/markets/TAN/todo",
    "/markets/TAN/disputes",
    "/markets/TAN/close",
    "/markets/TAN/reports?month=2026-11",
    "/markets/TAN/days/2026-11-24",
    "/markets/TAN/print",
    "/city",
    "/city/compare?from=2026-01-01&to=2026-11-24",
    "/city/funnel",
    "/city/hours",
    "/city/closes",
    "/users",
];
const PHONE_PAGES: [&str; 5] =
    ["/stall", "/stall/book", "/stall/book?show=month", "/stall/settings", "/stall/dispute?posting=TAN-3"];

/// Dates of the book, and payments on each.
const DATES: i64 = 40;
const PAYMENTS: i64 = 12;

/// A market with a payment for each hour of many dates, some of whose stall nobody knows, and a phone.
async fn a_long_book(world: &World) -> (Site, Visitor) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Nguyễn Thị Hoa", "0071000111111").await;
    let collecting = Registration {
        stall: None,
        kind: AccountKind::Collecting,
        ..registration("X", "Ban quản lý", "0071000999999")
    };
    world.app.register(&"TAN".parse().unwrap(), collecting).await.unwrap();
    world.source("one", Dialect::GenericHmac, &[], Some("TAN")).await;
    for back in (0..DATES).rev() {
        let date = "2026-11-24".parse::<BusinessDate>().unwrap().plus_days(-back);
        world.set_clock(&format!("{date}T20:00:00+07:00"));
        for number in 0..PAYMENTS {
            let account = if number == 0 { "0071000999999" } else { "0071000111111" };
            let at = format!("{date}T{:02}:00:00+07:00", 6 + number);
            world
                .send("one", Dialect::GenericHmac, &settlement(account, &format!("{date}-{number}"), 1_000, &at))
                .await;
        }
    }
    let site = Site::of(world);
    user(world, "an", Role::Admin, None).await;
    let hers = phone(world, &site, "TAN", "A1", "Máy của Hoa").await;
    (site, hers)
}

/// Statements as the engine is given them, under the tests' own ear.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeSet<String>>>);

impl tracing::Subscriber for Heard {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "socho::sql"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Sql(String);
        impl tracing::field::Visit for Sql {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "sql" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut sql = Sql(String::new());
        event.record(&mut sql);
        self.0.lock().unwrap().insert(sql.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Returns under which names a statement reads a table.
fn names<'s>(sql: &'s str, table: &'s str) -> Vec<&'s str> {
    let words: Vec<&str> = sql.split([' ', '(', ')', ',']).filter(|word| !word.is_empty()).collect();
    let alias = |pair: &[&'s str]| if pair[1].chars().all(char::is_lowercase) { pair[1] } else { table };
    words.windows(2).filter(|pair| pair[0] == table).map(alias).collect()
}

#[tokio::test]
async fn no_page_looks_through_the_journal_of_a_file() {
    let world = World::sqlite().await;
    let (site, mut hers) = a_long_book(&world).await;
    let mut an = site.visitor();
    assert_eq!(an.log_in("an", crate::visitors::PASSWORD).await.status, 303);
    let heard = Heard::default();
    let listening = tracing::subscriber::set_default(heard.clone());
    for page in PAGES {
        assert_eq!(an.page(page).await.status, 200, "{page}");
    }
    for page in PHONE_PAGES {
        assert_eq!(hers.page(page).await.status, 200, "{page}");
    }
    drop(listening);
    let statements: Vec<String> = heard.0.lock().unwrap().iter().cloned().collect();
    let touched = |sql: &&String| ["postings", "inbox"].iter().any(|table| !names(sql, table).is_empty());
    assert!(statements.iter().filter(touched).count() >= 8, "the pages were heard: {statements:#?}");
    let path = world.url.strip_prefix("sqlite:").unwrap();
    let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
    for sql in statements.iter().filter(touched) {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let steps: Vec<String> =
            plan.fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get("detail")).collect();
        for name in ["postings", "inbox"].into_iter().flat_map(|table| names(sql, table)) {
            let whole = |step: &&String| {
                step.starts_with(&format!("SCAN {name}"))
                    || step.starts_with(&format!("SEARCH {name} ")) && step.ends_with("(market_id=?)")
            };
            let wrong: Vec<&String> = steps.iter().filter(whole).collect();
            assert!(wrong.is_empty(), "{sql}\n{steps:#?}");
        }
    }
}

#[tokio::test]
async fn no_page_looks_through_the_journal_of_a_server() {
    const READ: &str = "SELECT CAST(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) AS BIGINT) FROM pg_stat_user_tables \
        WHERE relname IN ('postings', 'inbox')";
    let Some(world) = World::postgres().await else { return };
    a_long_book(&world).await;
    let name = world.url.rsplit_once('/').unwrap().1.to_owned();
    // A small table is read whole for good reason; here it stands for a large one.
    world.execute(&format!("ALTER DATABASE {name} SET enable_seqscan = off")).await.unwrap();
    world.execute("ANALYZE").await.unwrap();
    world.app.close().await;
    let folder = crate::world::folder();
    // Figures of a connection are known once it has ended, so each page has a process of its own.
    for page in PAGES {
        let before = world.int(READ).await;
        let app = World::app_at(&world.url, &world.clock, &folder).await;
        let there = World::at(&world.url, app, &world.clock, crate::world::folder());
        let mut an = Site::of(&there).visitor();
        assert_eq!(an.log_in("an", crate::visitors::PASSWORD).await.status, 303);
        assert_eq!(an.page(page).await.status, 200, "{page}");
        there.app.close().await;
        let read = world.int(READ).await - before;
        assert!(read < DATES * PAYMENTS / 2, "{page} reads {read} rows of journal and inbox");
    }
}
