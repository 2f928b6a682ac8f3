//! `socho backup` and `socho restore` through the binary: what they print, their exit codes, and that
//! a restore killed half-way leaves no book.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, Row as _};

use crate::serve::{BINARY, Folder, socho};
use crate::world::{World, postgres_url};

/// A market with some thousand postings, as the demonstration makes them.
fn demonstration(db: &str) {
    let (code, out, told) =
        socho(&["demo", "--no-serve", "--db", db, "--markets", "1", "--stalls", "20", "--days", "4", "--seed", "7"]);
    assert_eq!(code, 0, "{out}{told}");
}

fn restoring(file: &str, into: &str) -> Child {
    let command = ["restore", file, "--into", into];
    Command::new(BINARY).args(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_backup_is_told_in_figures_and_restored_with_them() {
    let folder = Folder::new("backup");
    let (db, file) = (folder.db(), folder.path("backup.db"));
    let (code, _, told) = socho(&["backup", "--db", &db, "--to", &file]);
    assert!(code == 1 && told.contains("There is no book at"), "{told}");
    assert!(!std::path::Path::new(&folder.path("book.db")).exists());
    demonstration(&db);
    let (code, out, told) = socho(&["backup", "--db", &db, "--to", &file, "--json"]);
    let told_figures: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, told.as_str(), told_figures["checked"].as_str()), (0, "", Some("heads")));
    let postings = told_figures["postings"].as_i64().unwrap();
    assert!(postings > 2_000);
    let market = &told_figures["markets"].as_array().unwrap()[1];
    assert_eq!((market["postings"].as_i64(), market["last_seq"].as_i64()), (Some(postings), Some(postings)));
    assert_eq!(market["hash"].as_str().unwrap().len(), 64);
    let sum = Command::new("sha256sum").arg(&file).output().unwrap();
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(told_figures["sha256"].as_str().unwrap()));

    let (code, _, told) = socho(&["backup", "--db", &db, "--to", &file]);
    assert!(code == 1 && told.contains("was left as it is"), "{told}");
    assert_eq!(socho(&["backup", "--db", &db, "--to", &file, "--force", "--verify"]).0, 0);

    let into = format!("sqlite:{}", folder.path("restored.db"));
    let (code, out, told) = socho(&["restore", &file, "--into", &into, "--json"]);
    let restored: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, told.as_str(), restored["ok"].as_bool()), (0, "", Some(true)));
    assert_eq!(restored["markets"], told_figures["markets"]);
    // The restored book remembers that it is one, and who takes figures out of it.
    let restored = ["--db", into.as_str()];
    let (code, _, told) = socho(&[&restored[..], &["report", "compare", "--format", "json"]].concat());
    assert_eq!((code, told.as_str()), (0, ""));
    let (code, _, told) = socho(&[&restored[..], &["report", "compare"]].concat());
    assert_eq!((code, told.as_str()), (0, ""), "a table is looked at and not taken away");
    let (_, out, _) = socho(&[&restored[..], &["audit", "list", "--json", "--limit", "2"]].concat());
    let log: Value = serde_json::from_str(&out).unwrap();
    let said = |row: &Value| (row["action"].as_str().unwrap().to_owned(), row["actor"].as_str().unwrap().to_owned());
    let said: Vec<_> = log["data"].as_array().unwrap().iter().map(said).collect();
    assert_eq!(said, ["report.downloaded", "book.restored"].map(|what| (what.to_owned(), "operator".to_owned())));
    assert_eq!(socho(&["verify", "--db", &into]).0, 0);
    let (code, _, told) = socho(&["restore", &file, "--into", &into]);
    assert!(code == 1 && told.contains("was left as it is"), "{told}");
    // The backup itself can be verified, and is as it was to the byte: its sum was printed for ever.
    let before = std::fs::read(&file).unwrap();
    let (code, out, told) = socho(&["verify", "--db", &format!("sqlite:{file}")]);
    assert!(code == 0 && out.contains(&format!("ok, {postings} postings")), "{out}{told}");
    assert!(std::fs::read(&file).unwrap() == before, "verify changed the backup");
    assert!(!std::path::Path::new(&format!("{file}-wal")).exists());
    let (code, _, told) = socho(&["verify", "--db", &format!("sqlite:{file}"), "--market", "XYZ"]);
    assert!(code == 1 && told.contains("no market XYZ"), "{told}");
    let (code, _, told) = socho(&["restore", &file, "--into", "mysql://x"]);
    assert!(code == 3 && told.contains("is not valid"), "{told}");
}

#[test]
fn a_changed_book_restores_with_exit_5_and_says_what_differs() {
    let folder = Folder::new("changed");
    let (db, file) = (folder.db(), folder.path("backup.db"));
    demonstration(&db);
    assert_eq!(socho(&["backup", "--db", &db, "--to", &file]).0, 0);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&file).await.unwrap();
        connection.execute("DROP TRIGGER postings_no_update").await.unwrap();
        connection.execute("UPDATE postings SET amount = amount + 1 WHERE seq = 17").await.unwrap();
    });
    let (code, out, _) = socho(&["restore", &file, "--into", &format!("sqlite:{}", folder.path("restored.db"))]);
    assert!(code == 5 && out.contains("posting 17"), "{code} {out}");
    let again = folder.path("again.db");
    let (code, _, told) = socho(&["backup", "--db", &format!("sqlite:{file}"), "--to", &again, "--verify"]);
    assert!(code == 5 && told.contains("was not kept"), "{code} {told}");
    assert!(!std::path::Path::new(&again).exists());
}

#[test]
fn a_restore_killed_half_way_leaves_no_file_of_the_books_name() {
    let folder = Folder::new("killed");
    let (db, file) = (folder.db(), folder.path("backup.db"));
    demonstration(&db);
    assert_eq!(socho(&["backup", "--db", &db, "--to", &file]).0, 0);
    let (target, partial) = (folder.path("restored.db"), folder.path("restored.db.partial"));
    let mut child = restoring(&file, &format!("sqlite:{target}"));
    while !std::fs::metadata(&partial).is_ok_and(|partial| partial.len() > 0) {
        assert!(child.try_wait().unwrap().is_none(), "the restore ended before it could be killed");
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(!std::path::Path::new(&target).exists());
    let (code, out, told) = socho(&["restore", &file, "--into", &format!("sqlite:{target}")]);
    assert!(code == 0 && out.contains("verified"), "{out}{told}");
    assert!(!std::path::Path::new(&partial).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_killed_half_way_leaves_the_server_as_empty_as_it_was() {
    let Some(url) = postgres_url().await else { return };
    let folder = Folder::new("killed-server");
    let (db, file) = (folder.db(), folder.path("backup.db"));
    demonstration(&db);
    assert_eq!(socho(&["backup", "--db", &db, "--to", &file]).0, 0);
    let world = World::sqlite().await;
    World::app_at(&url, &world.clock, &crate::world::folder()).await.close().await;
    let mut holder = sqlx::PgConnection::connect(&url).await.unwrap();
    holder.execute("BEGIN").await.unwrap();
    holder.execute("LOCK TABLE inbox_texts IN SHARE MODE").await.unwrap();
    let mut watcher = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut child = restoring(&file, &url);
    let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let backend: i32 = loop {
        assert!(child.try_wait().unwrap().is_none(), "the restore ended before it could be killed");
        if let Some(row) = watcher.fetch_optional(waiting).await.unwrap() {
            break row.get(0);
        }
    };
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    holder.execute("ROLLBACK").await.unwrap();
    let gone = format!("SELECT FROM pg_stat_activity WHERE pid = {backend}");
    while watcher.fetch_optional(sqlx::AssertSqlSafe(gone.clone())).await.unwrap().is_some() {}
    // The source of bank statements is in every book.
    for table in ["postings", "inbox", "batches", "stalls", "sources WHERE source_id <> 0", "inbox_texts"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        assert_eq!(watcher.fetch_one(sql).await.unwrap().get::<i64, _>(0), 0, "{table}");
    }
    let (code, out, told) = socho(&["restore", &file, "--into", &url]);
    assert!(code == 0 && out.contains("verified"), "{out}{told}");
}
