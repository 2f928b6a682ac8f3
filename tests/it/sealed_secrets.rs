//! Secrets at rest: sealed under a key that is not in the book, never plain again, and told by name when
//! the key is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use sqlx::{Connection as _, Row as _};

use socho::app::access::{Actor, Role};
use socho::app::backup::{Depth, Overwrite};
use socho::app::error::ErrorKind;
use socho::app::keyring::Keyring;
use socho::app::progress::unheard;
use socho::app::restore::restore;
use socho::app::{App, OpenOptions};
use socho::domain::inbox::Outcome;
use socho::domain::settlement::Dialect;

use crate::visitors::{PASSWORD, Site, user};
use crate::world::{World, secret_of, send, settlement, story};

const ACCOUNT: &str = "0071000888888";
const DIALECT: Dialect = Dialect::GenericHmac;

async fn hall(world: &World) {
    world.market("TAN", "00:00").await;
    world.stall("TAN", "B12", "Nguyễn Thị Hoa", ACCOUNT).await;
    world.source("one", DIALECT, &[ACCOUNT], Some("TAN")).await;
}

/// Reads texts with plain SQL, as somebody with a copy of the disk would.
async fn texts(world: &World, sql: &str) -> Vec<String> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if let Some(path) = world.url.strip_prefix("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
        return sqlx::query(sql).fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get(0)).collect();
    }
    let mut connection = sqlx::PgConnection::connect(&world.url).await.unwrap();
    sqlx::query(sql).fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get(0)).collect()
}

const SECRETS: &str = "SELECT secret FROM sources WHERE source_id > 0 UNION ALL \
    SELECT secret_previous FROM sources WHERE secret_previous IS NOT NULL ORDER BY 1";

async fn opened(url: &str, world: &World, folder: &Path) -> Result<App, socho::app::error::AppError> {
    let options = OpenOptions { url: url.to_owned(), migrate_url: None };
    App::open_with_keys(options, Arc::clone(&world.clock) as _, Keyring::in_folder(folder)).await
}

fn sale(id: &str) -> socho::domain::settlement::Settlement {
    settlement(ACCOUNT, id, 35_000, "2026-11-24T08:00:00+07:00")
}

story!(no_secret_lies_plain_and_both_live_ones_still_sign, |world| {
    hall(&world).await;
    let name = "one".parse().unwrap();
    let rotated = world.app.rotate_source(&name, "another-secret-of-length", jiff::SignedDuration::from_hours(1)).await;
    rotated.unwrap();
    let kept = texts(&world, SECRETS).await;
    assert_eq!(kept.len(), 2);
    for text in &kept {
        assert!(text.starts_with("sealed1:") && !text.contains("secret-of"), "{text}");
    }
    // The sender still signs with the one before.
    assert_eq!(world.send("one", DIALECT, &sale("a")).await.items[0].outcome, Outcome::Recorded);
    let file = world.path("keys").join("secrets.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(&file).unwrap();
    assert!(!kept.iter().any(|text| text.contains(key.trim())));
    assert!(world.app.check_secrets().await.unwrap().is_some());
    let shown = format!("{:?}", world.app.source(&name).await.unwrap());
    assert!(!shown.contains("secret-of") && !shown.contains("sealed1:"), "{shown}");
});

story!(a_second_factor_is_sealed_and_still_counts, |world| {
    hall(&world).await;
    user(&world, "kim", Role::Auditor, None).await;
    let mut kim = Site::of(&world).visitor();
    kim.log_in("kim", PASSWORD).await;
    let csrf = kim.page("/account").await.csrf();
    let page = kim.form("/account/second-factor", &[("csrf", &csrf)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let sealed = "SELECT COUNT(*) FROM users WHERE totp_secret IS NOT NULL AND length(totp_secret) > 60";
    assert_eq!(world.int(sealed).await, 1);
    let wrong = kim.form("/account/second-factor/confirm", &[("csrf", &csrf), ("code", "000000")]).await;
    assert_eq!(wrong.status, 200, "another secret is offered: {}", wrong.body);
    assert!(world.app.check_secrets().await.unwrap().is_some());
});

story!(a_secret_moved_to_another_row_does_not_open, |world| {
    hall(&world).await;
    world.source("two", DIALECT, &[ACCOUNT], Some("TAN")).await;
    let moved = "UPDATE sources SET secret = (SELECT s.secret FROM sources s WHERE s.name = 'one') WHERE name = 'two'";
    world.execute(moved).await.unwrap();
    let other = world.second().await;
    let told = other.check_secrets().await.unwrap_err();
    assert_eq!((told.code, told.kind), ("secret_broken", ErrorKind::Integrity), "{told}");
    assert!(told.message.en.contains("sources:"), "{told}");
    let inbound = crate::world::inbound(world.app.now(), "two", DIALECT, &sale("a"));
    assert_eq!(other.receive_settlement(inbound).await.unwrap_err().code, "secret_broken");
    other.close().await;
});

const WEBHOOK_SECRETS: &str = "SELECT secret FROM webhooks UNION ALL \
    SELECT secret_previous FROM webhooks WHERE secret_previous IS NOT NULL ORDER BY 1";

/// A subscription to a market's events whose secret was changed once; returns both secrets.
async fn webhook(world: &World, market: &str) -> [String; 2] {
    let url = "https://hooks.example.vn/socho".parse().unwrap();
    let market = market.parse().unwrap();
    let (shown, before) = world.app.add_webhook(&market, url, None, "op").await.unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let (_, now) = world.app.rotate_webhook(&market, shown.id, hour).await.unwrap();
    [before, now]
}

story!(a_webhooks_secrets_are_sealed_at_their_row_and_under_a_new_key_anew, |world| {
    hall(&world).await;
    world.market("CKE", "00:00").await;
    let mut told = webhook(&world, "TAN").await.to_vec();
    told.extend(webhook(&world, "CKE").await);
    let kept = texts(&world, WEBHOOK_SECRETS).await;
    assert_eq!(kept.len(), 4);
    for text in &kept {
        assert!(text.starts_with("sealed1:") && !told.contains(text), "{text}");
    }
    let done = world.app.rotate_secrets_key(&Actor::operator()).await.unwrap();
    assert_eq!(done.rows, 3, "a source and two webhooks");
    let anew = texts(&world, WEBHOOK_SECRETS).await;
    assert!(anew.iter().all(|text| !kept.contains(text) && text.contains(&done.now)), "{anew:?}");
    assert_eq!(world.second().await.check_secrets().await.unwrap(), Some(done.now));
    let moved =
        "UPDATE webhooks SET secret = (SELECT w.secret FROM webhooks w WHERE w.market_id = 1) WHERE market_id = 2";
    world.execute(moved).await.unwrap();
    let told = world.app.check_secrets().await.unwrap_err();
    assert_eq!((told.code, told.kind), ("secret_broken", ErrorKind::Integrity), "{told}");
    assert!(told.message.en.contains("webhooks:2:"), "{told}");
    let id = world.app.webhooks(&"CKE".parse().unwrap()).await.unwrap()[0].id;
    let tried = world.app.test_webhook(&"CKE".parse().unwrap(), id).await.unwrap_err();
    assert_eq!(tried.code, "secret_broken", "nothing is signed with another market's secret");
});

story!(what_an_older_program_left_plain_of_webhooks_is_sealed_when_the_book_is_opened, |world| {
    hall(&world).await;
    webhook(&world, "TAN").await;
    world.app.close().await;
    let plain = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_plJ3nmyCDGBKInavdOK15jsl"];
    let put = format!("UPDATE webhooks SET secret = '{}', secret_previous = '{}'", plain[0], plain[1]);
    world.execute(&put).await.unwrap();
    let app = opened(&world.url, &world, &world.path("keys")).await.unwrap();
    let kept = texts(&world, WEBHOOK_SECRETS).await;
    assert!(kept.len() == 2 && kept.iter().all(|text| text.starts_with("sealed1:")), "{kept:?}");
    assert!(app.check_secrets().await.unwrap().is_some());
    app.close().await;
});

story!(a_missing_wrong_or_exposed_key_is_told_and_never_replaced, |world| {
    hall(&world).await;
    let elsewhere = world.path("other-keys");
    // Nothing is made where sealed secrets are already.
    let app = opened(&world.url, &world, &elsewhere).await.unwrap();
    let told = app.check_secrets().await.unwrap_err();
    assert_eq!((told.code, told.kind), ("secrets_key_missing", ErrorKind::Configuration), "{told}");
    let needed = world.app.check_secrets().await.unwrap().unwrap();
    assert!(told.message.en.contains(&needed) && told.message.vi.contains(&needed), "{told}");
    let name = "one".parse().unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    assert_eq!(
        app.rotate_source(&name, "another-secret-of-length", hour).await.unwrap_err().code,
        "secrets_key_missing"
    );
    assert!(!elsewhere.join("secrets.key").exists());
    // Without the key nothing is taken, and the sender tries again.
    let inbound = crate::world::inbound(world.app.now(), "one", DIALECT, &sale("a"));
    assert_eq!(app.receive_settlement(inbound).await.unwrap_err().kind, ErrorKind::Configuration);
    fs::create_dir_all(&elsewhere).unwrap();
    let file = elsewhere.join("secrets.key");
    fs::write(&file, "11".repeat(32)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(app.check_secrets().await.unwrap_err().code, "secrets_key_exposed");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(app.check_secrets().await.unwrap_err().code, "secrets_key_wrong");
    fs::write(&file, "no key").unwrap();
    assert_eq!(app.check_secrets().await.unwrap_err().code, "secrets_key_file");
    fs::copy(world.path("keys").join("secrets.key"), &file).unwrap();
    assert_eq!(app.check_secrets().await.unwrap(), Some(needed));
    assert_eq!(send(&app, "one", DIALECT, &sale("a")).await.items[0].outcome, Outcome::Recorded);
    app.close().await;
});

story!(what_an_older_program_left_plain_is_sealed_when_the_book_is_opened, |world| {
    hall(&world).await;
    world.app.close().await;
    let (plain, before) = (secret_of(DIALECT), "the-secret-before-it");
    let put = format!(
        "UPDATE sources SET secret = '{plain}', secret_previous = '{before}', previous_until = 4102444800000000 WHERE name = 'one'"
    );
    world.execute(&put).await.unwrap();
    let folder = world.path("new-keys");
    let app = opened(&world.url, &world, &folder).await.unwrap();
    for text in texts(&world, SECRETS).await {
        assert!(text.starts_with("sealed1:"), "{text}");
    }
    assert!(folder.join("secrets.key").exists());
    assert_eq!(send(&app, "one", DIALECT, &sale("a")).await.items[0].outcome, Outcome::Recorded);
    app.close().await;
});

story!(a_new_key_seals_every_secret_anew_and_other_processes_follow, |world| {
    hall(&world).await;
    world.source("two", DIALECT, &[ACCOUNT], Some("TAN")).await;
    let other = world.second().await;
    assert_eq!(send(&other, "one", DIALECT, &sale("a")).await.items[0].outcome, Outcome::Recorded);
    let before = texts(&world, SECRETS).await;
    let done = world.app.rotate_secrets_key(&Actor::operator()).await.unwrap();
    assert_eq!(done.rows, 2);
    assert_ne!(done.before.as_deref(), Some(done.now.as_str()));
    let after = texts(&world, SECRETS).await;
    assert!(after.iter().all(|text| !before.contains(text) && text.contains(&done.now)), "{after:?}");
    for (app, id) in [(&world.app, "b"), (&other, "c")] {
        assert_eq!(send(app, "one", DIALECT, &sale(id)).await.items[0].outcome, Outcome::Recorded, "{id}");
    }
    // Cut off after the commit: the new key lies beside the old one still.
    let file = world.path("keys").join("secrets.key");
    let next = world.path("keys").join("secrets.key.next");
    fs::rename(&file, &next).unwrap();
    fs::write(&file, "11".repeat(32)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let third = world.second().await;
    assert_eq!(third.check_secrets().await.unwrap().as_deref(), Some(done.now.as_str()));
    assert!(!next.exists());
    assert_eq!(world.int("SELECT COUNT(*) FROM audit_log WHERE action = 'secrets_key.rotated'").await, 1);
    for app in [other, third] {
        app.close().await;
    }
});

story!(a_backup_carries_sealed_secrets_and_says_which_key_they_need, |world| {
    hall(&world).await;
    let copy = world.path("copy.db");
    let written = world.app.backup(&copy, Overwrite::Refuse, Depth::Heads, &unheard).await.unwrap();
    let needed = world.app.check_secrets().await.unwrap();
    assert_eq!(written.secrets_key, needed);
    let bytes = fs::read(&copy).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(secret_of(DIALECT)), "a secret lies plain in the backup");
    let url = format!("sqlite:{}", world.path("restored.db").display());
    let restored = restore(&copy, OpenOptions { url: url.clone(), migrate_url: None }, &unheard).await.unwrap();
    assert_eq!(restored.secrets_key, needed);
    let app = opened(&url, &world, &world.path("restored.db.keys")).await.unwrap();
    assert_eq!(app.check_secrets().await.unwrap_err().code, "secrets_key_missing");
    app.close().await;
    let app = opened(&url, &world, &world.path("keys")).await.unwrap();
    assert_eq!(send(&app, "one", DIALECT, &sale("a")).await.items[0].outcome, Outcome::Recorded);
    app.close().await;
});

#[test]
fn serve_does_not_start_without_the_key_and_says_which() {
    let folder = crate::world::folder();
    let db = format!("sqlite:{}", folder.0.join("book.db").display());
    let secret = folder.0.join("secret");
    fs::write(&secret, "dev-generic-secret\n").unwrap();
    let socho = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_socho"));
        command.env_remove("SOCHO_SECRETS_KEY").args(["--db", &db]).args(arguments);
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout),
        )
    };
    assert_eq!(socho(&["market", "add", "--code", "TAN", "--name", "Chợ Tân An"]).0, Some(0));
    let secret = secret.display().to_string();
    let added = socho(&[
        "source",
        "add",
        "--name",
        "g1",
        "--dialect",
        "generic-hmac",
        "--secret-file",
        &secret,
        "--market",
        "TAN",
    ]);
    assert_eq!(added.0, Some(0), "{}", added.1);
    let shown = socho(&["key", "secrets", "show", "--json"]);
    assert_eq!(shown.0, Some(0), "{}", shown.1);
    let key = folder.0.join("book.db.keys").join("secrets.key");
    fs::rename(&key, folder.0.join("kept-elsewhere")).unwrap();
    for arguments in [&["serve", "--bind", "127.0.0.1:0"][..], &["source", "test", "g1"], &["key", "secrets", "rotate"]]
    {
        let (code, told) = socho(arguments);
        assert_eq!(code, Some(3), "{arguments:?}: {told}");
        assert!(told.contains("secrets.key"), "{told}");
    }
    // Whatever needs no secret goes on.
    assert_eq!(socho(&["verify"]).0, Some(0));
    fs::rename(folder.0.join("kept-elsewhere"), &key).unwrap();
    let (code, told) = socho(&["key", "secrets", "rotate"]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(socho(&["source", "test", "g1"]).0, Some(0));
}
