//! Backups out of and into both engines: taken under load, complete, refused where they would
//! destroy something, and never half a book.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use socho::app::OpenOptions;
use socho::app::backup::{BackedUp, Depth, Overwrite};
use socho::app::close_day::CloseDay;
use socho::app::error::{AppError, ErrorKind};
use socho::app::progress::unheard;
use socho::app::restore::{Restored, restore};
use socho::domain::settlement::Dialect;
use sqlx::{Connection as _, Executor as _, Row as _};

use crate::world::{Folder, World, folder, postgres_url, send, settlement, story};

const ACCOUNT: &str = "0071000888888";

async fn a_market_with_sales(world: &World, sales: usize) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "A1", "Chị Ba", ACCOUNT).await;
    for name in ["one", "two"] {
        world.source(name, Dialect::GenericHmac, &[ACCOUNT], Some("TAN")).await;
    }
    for id in 0..sales {
        let sale = settlement(ACCOUNT, &format!("a{id}"), 10_000, "2026-11-24T08:00:00+07:00");
        world.send("one", Dialect::GenericHmac, &sale).await;
    }
    let again = settlement(ACCOUNT, "a0", 10_000, "2026-11-24T08:00:00+07:00");
    world.send("two", Dialect::GenericHmac, &again).await;
    world.send("two", Dialect::GenericHmac, &settlement("0999", "u", 5_000, "2026-11-24T08:05:00+07:00")).await;
    world.app.reverse(&"TAN-1".parse().unwrap(), "op", "nhầm").await.unwrap();
}

async fn back_up(world: &World, to: &Path) -> Result<BackedUp, AppError> {
    world.app.backup(to, Overwrite::Refuse, Depth::Whole, &unheard).await
}

async fn into(backup: &Path, url: &str) -> Result<Restored, AppError> {
    restore(backup, OpenOptions { url: url.to_owned(), migrate_url: None }, &unheard).await
}

/// Empty places to restore into, one of each engine that is there.
async fn empty_places(folder: &Folder) -> Vec<String> {
    let file = format!("sqlite:{}", folder.0.join("restored.db").display());
    std::iter::once(file).chain(postgres_url().await).collect()
}

/// Every row of every table of two files must be the same, byte for byte.
async fn assert_same_rows(one: &Path, other: &Path) {
    let mut connection = sqlx::SqliteConnection::connect(one.to_str().unwrap()).await.unwrap();
    let attach = format!("ATTACH '{}' AS other", other.display());
    connection.execute(sqlx::AssertSqlSafe(attach)).await.unwrap();
    let names = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
        AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut connection).await.unwrap();
    assert!(names.len() > 20);
    let mut filled = 0;
    for name in names {
        for (left, right) in [("main", "other"), ("other", "main")] {
            let sql = format!(
                "SELECT COUNT(*) FROM (SELECT * FROM {left}.\"{name}\" EXCEPT SELECT * FROM {right}.\"{name}\")"
            );
            let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
            assert_eq!(rows, 0, "{name}: rows of {left} are not in {right}");
        }
        let sql = format!("SELECT COUNT(*) > 0 FROM main.\"{name}\"");
        filled += sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
    }
    assert!(filled >= 23, "only {filled} tables hold anything: the comparison says little");
}

story!(a_backup_restored_into_either_engine_is_the_same_book, |world| {
    a_market_with_sales(&world, 30).await;
    let asked = CloseDay {
        market: "TAN".parse().unwrap(),
        date: "2026-11-24".parse().unwrap(),
        early: true,
        actor: "chi-hai".to_owned(),
    };
    world.app.close_day(asked).await.unwrap();
    let folder = folder();
    let file = folder.0.join("backup.db");
    let written = back_up(&world, &file).await.unwrap();
    let tan = written.markets.iter().find(|market| market.market == "TAN").unwrap();
    assert_eq!((tan.postings, tan.last_seq), (31, 31));
    assert_eq!(written.bytes, file.metadata().unwrap().len());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!folder.0.join("backup.db.partial").exists());
    world.lend_keys(&folder);

    for (number, url) in (0..).zip(empty_places(&folder).await) {
        let restored = into(&file, &url).await.unwrap();
        assert!(restored.findings.iter().all(|market| market.differences.is_empty()), "{:?}", restored.findings);
        let app = World::app_at(&url, &world.clock, &folder).await;
        // The book goes on from where it was: the next number, the chain unbroken.
        let sale = settlement(ACCOUNT, "later", 7_000, "2026-11-24T08:10:00+07:00");
        let again = folder.0.join(format!("again{number}.db"));
        app.backup(&again, Overwrite::Refuse, Depth::Heads, &unheard).await.unwrap();
        assert_same_rows(&file, &again).await;
        send(&app, "one", Dialect::GenericHmac, &sale).await;
        let findings = app.verify(None).await.unwrap();
        let tan = findings.iter().find(|market| market.market == "TAN").unwrap();
        assert_eq!((tan.postings, tan.differences.len()), (32, 0));
        app.close().await;
    }
});

story!(everything_acknowledged_before_a_backup_began_is_in_it, |world| {
    a_market_with_sales(&world, 1).await;
    let folder = folder();
    let (acked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let load = tokio::spawn({
        let (app, acked, stop) = (Arc::clone(&world.app), Arc::clone(&acked), Arc::clone(&stop));
        async move {
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                let sale = settlement(ACCOUNT, &format!("l{number}"), 1_000, "2026-11-24T08:00:00+07:00");
                send(&app, "one", Dialect::GenericHmac, &sale).await;
                number += 1;
                acked.store(number, Ordering::SeqCst);
            }
        }
    });
    let mut flowed = false;
    for round in 0..200 {
        let before = acked.load(Ordering::SeqCst);
        let written = back_up(&world, &folder.0.join(format!("backup{round}.db"))).await.unwrap();
        let tan = written.markets.iter().find(|market| market.market == "TAN").unwrap();
        // The first sale and its reversal were there already.
        assert!(tan.postings >= i64::try_from(before).unwrap() + 2, "{} of {before}", tan.postings);
        flowed |= before > 0 && acked.load(Ordering::SeqCst) > before;
        if flowed && round >= 3 {
            break;
        }
    }
    stop.store(true, Ordering::SeqCst);
    load.await.unwrap();
    assert!(flowed, "no settlement was acknowledged while a backup ran");
});

story!(nothing_that_is_there_is_overwritten, |world| {
    a_market_with_sales(&world, 2).await;
    let folder = folder();
    let file = folder.0.join("backup.db");
    back_up(&world, &file).await.unwrap();
    let first = std::fs::read(&file).unwrap();
    assert_eq!(back_up(&world, &file).await.unwrap_err().code, "file_exists");
    assert_eq!(std::fs::read(&file).unwrap(), first);
    world.send("one", Dialect::GenericHmac, &settlement(ACCOUNT, "b", 1_000, "2026-11-24T08:00:00+07:00")).await;
    let replaced = world.app.backup(&file, Overwrite::Replace, Depth::Heads, &unheard).await.unwrap();
    assert_eq!(replaced.markets.iter().map(|market| market.postings).sum::<i64>(), 4);

    // A book that is served already, of either engine.
    let refused = into(&file, &world.url).await.unwrap_err();
    assert!(["file_exists", "target_holds_book"].contains(&refused.code), "{refused}");
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert_eq!(world.int("SELECT COUNT(*) FROM postings").await, 4);
    for url in empty_places(&folder).await {
        into(&file, &url).await.unwrap();
        assert!(["file_exists", "target_holds_book"].contains(&into(&file, &url).await.unwrap_err().code));
    }
});

#[tokio::test]
async fn what_belongs_to_another_file_of_the_name_is_not_replayed_into_the_new_one() {
    let world = World::sqlite().await;
    a_market_with_sales(&world, 1).await;
    let folder = folder();
    let log = folder.0.join("backup.db-wal");
    std::fs::write(&log, "frames").unwrap();
    assert_eq!(back_up(&world, &folder.0.join("backup.db")).await.unwrap_err().code, "left_over_file");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "frames");
    std::fs::write(folder.0.join("stale.db.partial"), "what a crash left").unwrap();
    back_up(&world, &folder.0.join("stale.db")).await.unwrap();
    let held = std::fs::File::create(folder.0.join("held.db.partial")).unwrap();
    held.lock().unwrap();
    assert_eq!(back_up(&world, &folder.0.join("held.db")).await.unwrap_err().code, "file_busy");
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_nothing_is_made() {
    let world = World::sqlite().await;
    a_market_with_sales(&world, 60).await;
    let folder = folder();
    let file = folder.0.join("backup.db");
    back_up(&world, &file).await.unwrap();
    let whole = std::fs::read(&file).unwrap();
    let places = empty_places(&folder).await;
    let broken = folder.0.join("broken.db");
    let mut zeroed = whole.clone();
    let page = whole.len() / 2 / 4096 * 4096;
    zeroed[page..page + 4096].fill(0);
    for (bytes, code) in [
        (whole[..whole.len() - 4096].to_vec(), "backup_damaged"),
        (whole[..whole.len() / 3].to_vec(), "backup_damaged"),
        (zeroed, "backup_damaged"),
        (whole[..10].to_vec(), "not_a_backup"),
        (b"a letter, not a book".to_vec(), "not_a_backup"),
    ] {
        std::fs::write(&broken, &bytes).unwrap();
        for url in &places {
            let refused = into(&broken, url).await.unwrap_err();
            assert_eq!((refused.code, refused.kind), (code, ErrorKind::Conflict), "{} bytes", bytes.len());
        }
    }
    let other = folder.0.join("other.db");
    let mut connection =
        sqlx::SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", other.display())).await.unwrap();
    connection.execute("CREATE TABLE something (else_ TEXT)").await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(into(&other, &places[0]).await.unwrap_err().code, "not_a_backup");
    assert_eq!(into(&folder.0.join("none.db"), &places[0]).await.unwrap_err().code, "backup_missing");
    assert!(!folder.0.join("restored.db").exists());
    assert!(!folder.0.join("restored.db.partial").exists());
}

#[tokio::test]
async fn one_changed_amount_in_a_backup_is_found_by_the_restore() {
    let world = World::sqlite().await;
    a_market_with_sales(&world, 3).await;
    let folder = folder();
    let file = folder.0.join("backup.db");
    back_up(&world, &file).await.unwrap();
    let mut connection = sqlx::SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    connection.execute("DROP TRIGGER postings_no_update").await.unwrap();
    connection.execute("UPDATE postings SET amount = amount + 1 WHERE market_id = 1 AND seq = 2").await.unwrap();
    connection.close().await.unwrap();
    for url in empty_places(&folder).await {
        let restored = into(&file, &url).await.unwrap();
        let differences: Vec<&String> = restored.findings.iter().flat_map(|market| &market.differences).collect();
        assert!(differences.iter().any(|difference| difference.contains('2')), "{differences:?}");
    }
}

#[tokio::test]
async fn a_restored_book_is_guarded_as_one_that_grew_there() {
    let world = World::sqlite().await;
    a_market_with_sales(&world, 3).await;
    let folder = folder();
    let file = folder.0.join("backup.db");
    back_up(&world, &file).await.unwrap();
    let update = "UPDATE postings SET amount = 1 WHERE market_id = 1";
    for url in empty_places(&folder).await {
        into(&file, &url).await.unwrap();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
            assert!(connection.execute(update).await.unwrap_err().to_string().contains("append-only"));
            continue;
        }
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        assert!(connection.execute(update).await.unwrap_err().to_string().contains("append-only"));
        connection.execute("SET ROLE socho_serve").await.unwrap();
        for refused in [update, "DELETE FROM inbox", "TRUNCATE batches"] {
            let error = connection.execute(refused).await.unwrap_err().to_string();
            assert!(error.contains("permission denied"), "{refused}: {error}");
        }
        let row = connection.fetch_one("SELECT tableowner FROM pg_tables WHERE tablename = 'postings'").await.unwrap();
        assert_eq!(row.get::<String, _>(0), "socho_owner");
    }
}

#[tokio::test]
async fn a_backup_of_an_older_schema_is_brought_up_to_date_on_the_way() {
    let world = World::sqlite().await;
    let folder = folder();
    let (current, old) = (folder.0.join("current.db"), folder.0.join("old.db"));
    back_up(&world, &current).await.unwrap();
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", old.display())).await.unwrap();
    connection.execute(include_str!("../../migrations/sqlite/0001_foundation.sql")).await.unwrap();
    let attach = format!("ATTACH '{}' AS current", current.display());
    connection.execute(sqlx::AssertSqlSafe(attach)).await.unwrap();
    let schema: String = sqlx::query_scalar("SELECT sql FROM current.sqlite_schema WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.execute(sqlx::AssertSqlSafe(schema)).await.unwrap();
    let copy = "INSERT INTO main._sqlx_migrations SELECT * FROM current._sqlx_migrations WHERE version = 1";
    connection.execute(copy).await.unwrap();
    for sql in [
        "INSERT INTO markets (market_id, code, name, search_key, demo, created_at) VALUES (1, 'OLD', 'Cũ', 'cu', 0, 0)",
        "INSERT INTO market_head (market_id, version, last_seq, last_item, last_batch, last_hash, open_date) \
         VALUES (1, 0, 0, 0, 0, zeroblob(32), '1970-01-01')",
        "INSERT INTO market_cutoffs (market_id, from_date, minutes) VALUES (1, '1970-01-01', 0)",
    ] {
        connection.execute(sql).await.unwrap();
    }
    connection.close().await.unwrap();
    for url in empty_places(&folder).await {
        let restored = into(&old, &url).await.unwrap();
        assert!(restored.findings.iter().all(|market| market.differences.is_empty()), "{:?}", restored.findings);
        let app = World::app_at(&url, &world.clock, &folder).await;
        assert_eq!(app.markets().await.unwrap().len(), 1);
        app.close().await;
    }
    // The backup itself is as it was.
    let mut connection = sqlx::SqliteConnection::connect(old.to_str().unwrap()).await.unwrap();
    let newest: i64 =
        sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&mut connection).await.unwrap();
    assert_eq!(newest, 1);
    connection
        .execute(
            "INSERT INTO _sqlx_migrations SELECT 999, description, installed_on, success, checksum, \
        execution_time FROM _sqlx_migrations",
        )
        .await
        .unwrap();
    connection.close().await.unwrap();
    let newer: PathBuf = old;
    assert_eq!(
        into(&newer, &format!("sqlite:{}", folder.0.join("x.db").display())).await.unwrap_err().code,
        "newer_schema"
    );
}
