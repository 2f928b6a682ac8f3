//! No page looks through the journal: what pages ask is heard on either engine, and its plan, or what the
//! server read for it, is looked at.

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

/// Pages of the board, the city and the phone as people open them, and the files that they take away.
const PAGES: [&str; 26] = [
    "/",
    "/markets/TAN",
    "/markets/TAN/stalls",
    "/markets/TAN/stalls/new",
    "/markets/TAN/stalls/A1",
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
    "/v1/markets/TAN/days/2026-11-24/report.pdf",
    "/v1/markets/TAN/periods/report.xlsx?month=2026-11",
    "/v1/markets/TAN/periods/report.pdf?month=2026-11",
    "/v1/markets/TAN/periods/report.csv?from=2026-01-01&to=2026-11-24",
    "/v1/markets/TAN/vendors/list.xlsx",
    "/v1/reports/compare.pdf?from=2026-11-01&to=2026-11-24",
    "/v1/reports/city.xlsx?from=2026-11-01&to=2026-11-24",
    "/sources",
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
                // By its key from some item on is all of the inbox, where what is looked for is rare.
                let from_end_to_end = step.ends_with("(market_id=?)") || step.ends_with("(market_id=? AND item>?)");
                step.starts_with(&format!("SCAN {name}"))
                    || step.starts_with(&format!("SEARCH {name} ")) && from_end_to_end
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
