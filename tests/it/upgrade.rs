//! A book that the program before made, with data in it, is brought up to date and goes on.

use sqlx::{Connection as _, Executor as _, Row as _};

use socho::domain::inbox::Outcome;
use socho::domain::settlement::Dialect;

use crate::world::{World, folder, postgres_url, send, settlement, story};

const ACCOUNTS: [&str; 2] = ["0071000888888", "0123456789"];

/// The migrations of the program before the one that took the index of credits off the inbox.
const BEFORE: [(&str, &str); 3] = [
    (
        include_str!("../../migrations/sqlite/0001_foundation.sql"),
        include_str!("../../migrations/postgres/0001_foundation.sql"),
    ),
    (
        include_str!("../../migrations/sqlite/0002_append_only.sql"),
        include_str!("../../migrations/postgres/0002_append_only.sql"),
    ),
    (include_str!("../../migrations/sqlite/0003_seal.sql"), include_str!("../../migrations/postgres/0003_seal.sql")),
];

/// Which of a table's rows the program before had.
fn before(table: &str) -> &'static str {
    match table {
        "_sqlx_migrations" => "WHERE version <= 3",
        // The source of bank statements came later.
        "sources" => "WHERE source_id <> 0",
        _ => "",
    }
}

/// Makes a SQLite file of the schema before with a book's rows; its address.
pub(crate) async fn sqlite_before(book: &str, path: &std::path::Path) -> String {
    let mut old = sqlx::SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
    for (sqlite, _) in BEFORE {
        old.execute(sqlite).await.unwrap();
    }
    let attach = format!("PRAGMA foreign_keys = off; ATTACH '{}' AS book", book.strip_prefix("sqlite:").unwrap());
    old.execute(sqlx::AssertSqlSafe(attach)).await.unwrap();
    let list = "SELECT sql FROM book.sqlite_schema WHERE name = '_sqlx_migrations'";
    let list: String = sqlx::query_scalar(list).fetch_one(&mut old).await.unwrap();
    old.execute(sqlx::AssertSqlSafe(list)).await.unwrap();
    let columns = "SELECT m.name AS table_name, group_concat(c.name) AS columns FROM main.sqlite_schema m \
        JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' GROUP BY m.name";
    for row in old.fetch_all(columns).await.unwrap() {
        let (table, columns): (String, String) = (row.get("table_name"), row.get("columns"));
        let only = before(&table);
        let copy = format!("INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM book.{table} {only}");
        old.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
    }
    old.close().await.unwrap();
    format!("sqlite:{}", path.display())
}

/// As [`sqlite_before`], a database of PostgreSQL.
async fn postgres_before(book: &str) -> String {
    let url = postgres_url().await.unwrap();
    let mut old = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut book = sqlx::PgConnection::connect(book).await.unwrap();
    old.execute("GRANT USAGE, CREATE ON SCHEMA public TO socho_owner").await.unwrap();
    old.execute("SET ROLE socho_owner").await.unwrap();
    for (_, postgres) in BEFORE {
        old.execute(sqlx::raw_sql(postgres)).await.unwrap();
    }
    let list = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
        installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
        execution_time BIGINT NOT NULL)";
    old.execute(list).await.unwrap();
    old.execute("RESET ROLE").await.unwrap();
    old.execute("SET session_replication_role = replica").await.unwrap();
    let columns = "SELECT table_name::text, string_agg(column_name::text, ',') AS columns \
        FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name";
    for row in old.fetch_all(columns).await.unwrap() {
        let (table, columns): (String, String) = (row.get("table_name"), row.get("columns"));
        let only = before(&table);
        let rows = format!("SELECT COALESCE(json_agg(t), '[]')::text FROM (SELECT {columns} FROM {table} {only}) t");
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_one(&mut book).await.unwrap();
        old.execute(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).await.unwrap();
        let copy = format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, $1::json)"
        );
        sqlx::query(sqlx::AssertSqlSafe(copy)).bind(rows).execute(&mut old).await.unwrap();
    }
    url
}

story!(a_book_of_the_schema_before_pairs_what_it_already_held, |world| {
    world.market("TAN", "00:00").await;
    for (stall, account) in ["A1", "A2"].into_iter().zip(ACCOUNTS) {
        world.stall("TAN", stall, "Chị Ba", account).await;
    }
    for name in ["one", "two"] {
        world.source(name, Dialect::GenericHmac, &ACCOUNTS, Some("TAN")).await;
    }
    let sale = |id: &str, at: &str| settlement(ACCOUNTS[0], id, 20_000, at);
    for id in 0..6 {
        let sale = sale(&format!("a{id}"), "2026-11-24T08:00:00+07:00");
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    world.send("one", Dialect::GenericHmac, &settlement("0999", "u1", 5_000, "2026-11-24T08:05:00+07:00")).await;
    world.app.close().await;
    let folder = folder();
    let url = if world.url.starts_with("sqlite:") {
        sqlite_before(&world.url, &folder.0.join("old.db")).await
    } else {
        postgres_before(&world.url).await
    };
    world.lend_keys(&folder);
    let app = World::app_at(&url, &world.clock, &folder).await;
    // Another source's report of what was booked before is found again, one to one.
    for (id, outcome) in [("b1", Outcome::Quarantined), ("a1", Outcome::Duplicate)] {
        let report = sale(id, "2026-11-24T08:04:00+07:00");
        let reply = send(&app, "two", Dialect::GenericHmac, &report).await;
        assert_eq!(reply.items[0].outcome, outcome, "{id}: {reply:?}");
    }
    let fresh = settlement(ACCOUNTS[1], "c1", 9_000, "2026-11-24T08:04:00+07:00");
    assert_eq!(send(&app, "two", Dialect::GenericHmac, &fresh).await.items[0].outcome, Outcome::Recorded);
    let there = World::at(&url, app, &world.clock, folder);
    // A source of before sends from anywhere, and nobody knows when its secret signed last.
    let source = there.app.source(&"one".parse().unwrap()).await.unwrap();
    assert!(source.networks.is_empty() && source.secret_since.is_some() && source.secret_used_at.is_none());
    // Its audit log begins with what is done from now on.
    assert_eq!(there.int("SELECT COUNT(*) FROM audit_log").await, 0);
    let held = there.app.change_source_addresses(&source.name, &["203.0.113.0/24".parse().unwrap()], &[]).await;
    assert_eq!(held.unwrap().networks.len(), 1);
    assert_eq!(there.int("SELECT COUNT(*) FROM audit_log").await, 1);
    assert_eq!(there.int("SELECT COUNT(*) FROM pairing_credits").await, 7, "six from before and one since");
    assert_eq!(there.int("SELECT COUNT(*) FROM pairing_dates").await, 3, "a day on either side");
    for market in there.app.verify(None).await.unwrap() {
        assert_eq!(market.differences, Vec::<String>::new());
    }
    there.app.reverse(&"TAN-1".parse().unwrap(), "op", "nhầm").await.unwrap();
    assert_eq!(there.int("SELECT last_seq FROM audit_head").await, 2);
    for market in there.app.verify(None).await.unwrap() {
        assert_eq!(market.differences, Vec::<String>::new());
    }
    // What the tables refuse they refuse as before.
    for wrong in ["UPDATE inbox SET outcome = 'x'", "INSERT INTO postings SELECT * FROM postings WHERE seq = 1"] {
        assert!(there.execute(wrong).await.is_err(), "{wrong}");
    }
    there.app.close().await;
});
