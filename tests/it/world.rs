//! A market in a fresh book, on either engine, with a clock that the test sets.
//!
//! PostgreSQL is the throw-away cluster that `scripts/test` starts and names in
//! `SOCHO_TEST_POSTGRES`; without it a story's PostgreSQL half prints "skipped", and in CI fails.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use socho::app::add_market::AddMarket;
use socho::app::clock::SetClock;
use socho::app::keyring::Keyring;
use socho::app::manage_sources::AddSource;
use socho::app::receive_settlement::{Inbound, Reply};
use socho::app::register::Registered;
use socho::app::{App, OpenOptions};
use socho::bank;
use socho::domain::account::{AccountKind, BankAccount};
use socho::domain::money::Dong;
use socho::domain::registration::Registration;
use socho::domain::settlement::{BankRef, Dialect, Direction, EventId, EventTime, Settlement};
use sqlx::{Connection as _, Executor as _, Row as _};

/// Runs one story on both engines.
macro_rules! story {
    ($(#[$meta:meta])* $name:ident, |$world:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn tell($world: $crate::world::World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                tell($crate::world::World::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(world) = $crate::world::World::postgres().await {
                    tell(world).await;
                }
            }
        }
    };
}
pub(crate) use story;

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The instant at which the signed samples were made.
pub(crate) const NOON: &str = "2026-11-24T08:20:00+07:00";

pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) url: String,
    folder: Folder,
}

pub(crate) struct Folder(pub(crate) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn folder() -> Folder {
    let name = format!("socho-test-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::SeqCst));
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path).unwrap();
    Folder(path)
}

pub(crate) async fn postgres_url() -> Option<String> {
    let Ok(admin) = std::env::var("SOCHO_TEST_POSTGRES") else {
        assert!(std::env::var("CI").is_err(), "CI needs SOCHO_TEST_POSTGRES; run scripts/test");
        eprintln!("skipped: SOCHO_TEST_POSTGRES is not set; run scripts/test");
        return None;
    };
    let name = format!("t{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::SeqCst));
    let mut connection = sqlx::PgConnection::connect(&admin).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let (server, _) = admin.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}"))
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = folder();
        Self::open(format!("sqlite:{}", folder.0.join("book.db").display()), folder).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let url = postgres_url().await?;
        Some(Self::open(url, folder()).await)
    }

    async fn open(url: String, folder: Folder) -> Self {
        let clock = Arc::new(SetClock::at(NOON.parse().unwrap()));
        let app = Arc::new(Self::app_at(&url, &clock, &folder).await);
        Self { app, clock, url, folder }
    }

    pub(crate) async fn app_at(url: &str, clock: &Arc<SetClock>, folder: &Folder) -> App {
        let options = OpenOptions { url: url.to_owned(), migrate_url: None };
        let keyring = Keyring::in_folder(folder.0.join("keys"));
        App::open_with_keys(options, Arc::clone(clock) as _, keyring).await.unwrap()
    }

    /// A book that was opened by other means.
    pub(crate) fn at(url: &str, app: App, clock: &Arc<SetClock>, folder: Folder) -> Self {
        Self { app: Arc::new(app), clock: Arc::clone(clock), url: url.to_owned(), folder }
    }

    /// Opens the same book a second time, as another process would.
    pub(crate) async fn second(&self) -> Arc<App> {
        Arc::new(Self::app_at(&self.url, &self.clock, &self.folder).await)
    }

    /// Puts the key that seals this book's secrets where a copy of the book is opened.
    pub(crate) fn lend_keys(&self, folder: &Folder) {
        std::fs::create_dir_all(folder.0.join("keys")).unwrap();
        std::fs::copy(self.path("keys").join("secrets.key"), folder.0.join("keys").join("secrets.key")).unwrap();
    }

    /// The same book in another process that is still to be set up.
    pub(crate) async fn alike(&self) -> App {
        Self::app_at(&self.url, &self.clock, &self.folder).await
    }

    /// Returns a path in this world's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }

    pub(crate) fn set_clock(&self, at: &str) {
        self.clock.set(at.parse().unwrap());
    }

    pub(crate) async fn market(&self, code: &str, cutoff: &str) {
        let new = AddMarket {
            code: code.parse().unwrap(),
            name: format!("Chợ {code}").parse().unwrap(),
            ward: None,
            cutoff: cutoff.parse().unwrap(),
            demo: false,
        };
        self.app.add_market(new).await.unwrap();
    }

    pub(crate) async fn stall(&self, market: &str, stall: &str, vendor: &str, account: &str) -> Registered {
        self.app.register(&market.parse().unwrap(), registration(stall, vendor, account)).await.unwrap()
    }

    pub(crate) async fn source(&self, name: &str, dialect: Dialect, accounts: &[&str], market: Option<&str>) {
        let new = AddSource {
            name: name.parse().unwrap(),
            dialect,
            secret: secret_of(dialect).to_owned(),
            accounts: accounts.iter().map(|account| account.parse().unwrap()).collect(),
            market: market.map(|code| code.parse().unwrap()),
            local_as_utc: false,
            tolerance_s: 300,
            networks: Vec::new(),
        };
        self.app.add_source(new).await.unwrap();
    }

    pub(crate) async fn send(&self, source: &str, dialect: Dialect, settlement: &Settlement) -> Reply {
        send(&self.app, source, dialect, settlement).await
    }

    /// Reads one number with plain SQL, as an auditor would.
    pub(crate) async fn int(&self, sql: &str) -> i64 {
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
            let row = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap();
            return row.get::<i64, _>(0);
        }
        let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
        let row = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap();
        row.get::<i64, _>(0)
    }

    /// Runs a statement as the owner of the database would; the error's text when it is refused.
    pub(crate) async fn execute(&self, sql: &str) -> Result<u64, String> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
            return connection.execute(sql).await.map(|done| done.rows_affected()).map_err(|error| error.to_string());
        }
        let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
        connection.execute(sql).await.map(|done| done.rows_affected()).map_err(|error| error.to_string())
    }
}

pub(crate) async fn send(app: &App, source: &str, dialect: Dialect, settlement: &Settlement) -> Reply {
    app.receive_settlement(inbound(app.now(), source, dialect, settlement)).await.unwrap()
}

pub(crate) fn inbound(now: Timestamp, source: &str, dialect: Dialect, settlement: &Settlement) -> Inbound {
    let signed = bank::sign(dialect, secret_of(dialect), settlement, now).unwrap();
    Inbound {
        source: source.to_owned(),
        sub_path: signed.sub_path.to_owned(),
        address: None,
        headers: signed.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
        body: signed.body.into_bytes(),
    }
}

pub(crate) fn registration(stall: &str, vendor: &str, account: &str) -> Registration {
    let virtual_account = account.starts_with('V');
    Registration {
        stall: Some(stall.parse().unwrap()),
        vendor: vendor.parse().unwrap(),
        category: "Rau củ".to_owned(),
        account: BankAccount { bin: "970436".parse().unwrap(), number: account.parse().unwrap() },
        kind: if virtual_account { AccountKind::Virtual } else { AccountKind::Direct },
        holder: String::new(),
    }
}

pub(crate) fn secret_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::VietqrVn => "user:pass word",
        Dialect::StandardWebhooks => "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        _ => "a-secret-of-some-length",
    }
}

/// A settlement on an account, named `id`, at an instant of the day.
pub(crate) fn settlement(account: &str, id: &str, amount: i64, at: &str) -> Settlement {
    Settlement {
        event_id: EventId::Given(id.into()),
        direction: Direction::Credit,
        amount: Dong::new(amount),
        settled: account.parse().unwrap(),
        addressed: None,
        bank_hint: None,
        reference: BankRef::normalise(&format!("FT{id}")),
        event_time: EventTime::At(at.parse().unwrap()),
        memo: String::new(),
        payer: String::new(),
    }
}
