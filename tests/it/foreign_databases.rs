//! Databases that are not ours: a book is made only where nothing of another program is in the way,
//! and only of the file that the address names.

use std::path::Path;
use std::process::Command;

use sqlx::{Connection as _, Executor as _};

use crate::serve::{BINARY, Folder, socho};
use crate::world::postgres_url;

fn add_market(db: &str) -> (i32, String) {
    let (code, _, told) = socho(&["market", "add", "--db", db, "--code", "TAN", "--name", "Chợ Tân An"]);
    (code, told)
}

async fn make(file: &str, statements: &str) {
    let mut other = sqlx::SqliteConnection::connect(&format!("sqlite:{file}?mode=rwc")).await.unwrap();
    other.execute(sqlx::AssertSqlSafe(statements.to_owned())).await.unwrap();
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_stays_as_it_was() {
    const MIGRATED: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL);";
    for (name, statements) in [
        ("plain", "CREATE TABLE customers (id INTEGER PRIMARY KEY); INSERT INTO customers VALUES (1);".to_owned()),
        ("wal", "PRAGMA journal_mode = WAL; CREATE TABLE customers (id INTEGER PRIMARY KEY);".to_owned()),
        (
            "same_driver",
            format!(
                "{MIGRATED} INSERT INTO _sqlx_migrations VALUES (1, 'customers'); CREATE TABLE customers (id INTEGER);"
            ),
        ),
        (
            "same_names",
            "CREATE TABLE markets (id INTEGER PRIMARY KEY); CREATE TABLE customers (id INTEGER);".to_owned(),
        ),
    ] {
        let folder = Folder::new(&format!("foreign-{name}"));
        let file = folder.path("shop.db");
        make(&file, &statements).await;
        let before = std::fs::read(&file).unwrap();
        let (code, told) = add_market(&format!("sqlite:{file}"));
        assert!(code == 3 && told.contains("another program") && told.contains("customers"), "{name}: {code} {told}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "{name}");
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1, "{name}: no file beside it");
        for command in [&["market", "list"][..], &["verify"], &["serve", "--bind", "127.0.0.1:0"]] {
            let (code, _, told) = socho(&[command, &["--db", &format!("sqlite:{file}")]].concat());
            assert!(code == 3 && told.contains("another program"), "{name} {command:?}: {code} {told}");
        }
        assert_eq!(std::fs::read(&file).unwrap(), before, "{name}");
    }
}

#[tokio::test]
async fn a_missing_an_empty_and_a_begun_file_become_a_book() {
    let folder = Folder::new("foreign-none");
    let file = folder.path("book.db");
    std::fs::write(folder.path("empty.db"), b"").unwrap();
    make(&folder.path("bare.db"), "PRAGMA user_version = 7;").await;
    for name in ["book.db", "empty.db", "bare.db"] {
        assert_eq!(add_market(&format!("sqlite:{}", folder.path(name))), (0, String::new()), "{name}");
    }
    assert_eq!(socho(&["market", "list", "--db", &format!("sqlite:{file}")]).0, 0);
}

#[test]
fn an_address_names_the_file_that_a_person_expects() {
    let folder = Folder::new("addresses");
    let inside = folder.0.join("inside");
    std::fs::create_dir(&inside).unwrap();
    let absolute = folder.path("d.db");
    for (address, made) in [
        ("sqlite:a.db".to_owned(), inside.join("a.db")),
        ("sqlite://b.db".to_owned(), inside.join("b.db")),
        (format!("sqlite://{}", folder.path("c.db")), folder.0.join("c.db")),
        (format!("sqlite:{absolute}"), folder.0.join("d.db")),
        ("sqlite:./e@f.db".to_owned(), inside.join("e@f.db")),
    ] {
        let told = Command::new(BINARY)
            .args(["market", "add", "--db", &address, "--code", "TAN", "--name", "Chợ Tân An"])
            .current_dir(&inside)
            .output()
            .unwrap();
        assert!(told.status.success(), "{address}: {}", String::from_utf8_lossy(&told.stderr));
        assert!(made.exists(), "{address}");
    }
    // A command that only looks makes nothing of a mistyped name.
    for command in [
        &["market", "list"][..],
        &["source", "list"],
        &["verify"],
        &["balances", "--market", "TAN"],
        &["key", "list", "--market", "TAN"],
        &["prove", "TAN-1"],
        &["export", "--market", "TAN", "--month", "2026-11"],
        &["close", "--market", "TAN", "--date", "2026-11-23", "--yes"],
    ] {
        let (code, _, told) = socho(&[command, &["--db", &format!("sqlite:{}", folder.path("typo.db"))]].concat());
        assert!(code == 1 && told.contains("There is no book at"), "{command:?}: {code} {told}");
        assert!(!Path::new(&folder.path("typo.db")).exists(), "{command:?}");
    }
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://socho@{}/socho", silent.local_addr().unwrap());
    let (code, _, told) = socho(&["serve", "--db", &url, "--bind", "127.0.0.1:0"]);
    assert!(code == 4 && told.contains("not available"), "{code} {told}");
}

#[tokio::test]
async fn a_servers_database_is_shared_unless_a_name_of_ours_is_taken() {
    let Some(url) = postgres_url().await else { return };
    let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
    other.execute("CREATE TABLE vendors (id BIGINT)").await.unwrap();
    let (code, told) = add_market(&url);
    assert!(code == 3 && told.contains("another program") && told.contains("vendors"), "{code} {told}");
    let made = "SELECT COUNT(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'";
    assert_eq!(sqlx::query_scalar::<_, i64>(made).fetch_one(&mut other).await.unwrap(), 1);
    other.execute("ALTER TABLE vendors RENAME TO customers").await.unwrap();
    assert_eq!(add_market(&url), (0, String::new()));
    assert_eq!(add_market(&url).0, 1, "the market is there");
    let Some(url) = postgres_url().await else { return };
    let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
    other
        .execute("CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL)")
        .await
        .unwrap();
    other.execute("INSERT INTO _sqlx_migrations VALUES (1, 'customers')").await.unwrap();
    let (code, told) = add_market(&url);
    assert!(code == 3 && told.contains("_sqlx_migrations"), "{code} {told}");
}
