//! Where a book lies, the processes that serve it, and the command line beside them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use socho::app::add_market::AddMarket;
use socho::app::clock::SetClock;
use socho::app::manage_sources::AddSource;
use socho::app::{App, OpenOptions};
use socho::domain::settlement::Dialect;

use super::wait;
use crate::world::{self, NOON, registration, secret_of};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_socho");
/// The markets of a book under fire and the receiving accounts of each: two lanes on PostgreSQL.
pub(crate) const MARKETS: [(&str, [&str; 3]); 2] =
    [("TAN", ["0071000888888", "0123456789", "V5CHO0001234567"]), ("CKH", ["0555000111", "0555000222", "0555000333"])];
/// The one source of a book under fire; it signs no time, so that a retry is the same bytes.
pub(crate) const SOURCE: &str = "bank";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A book's place: a folder of its own, and the address of the database.
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) url: String,
}

impl Site {
    /// A SQLite file in a folder of its own.
    pub(crate) fn sqlite(name: &str) -> Self {
        let folder = new_folder();
        let url = format!("sqlite:{}", folder.join("book.db").display());
        Self { name: format!("{name}/sqlite"), folder, url }
    }

    /// A SQLite file on a disk that the test has made ready.
    pub(crate) fn sqlite_in(name: &str, disk: &Path) -> Self {
        let url = format!("sqlite:{}", disk.join("book.db").display());
        Self { name: format!("{name}/sqlite"), folder: new_folder(), url }
    }

    /// A database in the cluster of `scripts/test`.
    pub(crate) fn postgres(name: &str) -> Option<Self> {
        let url = wait(world::postgres_url())?;
        Some(Self::postgres_at(name, url))
    }

    /// A database in a server of the test's own.
    pub(crate) fn postgres_at(name: &str, url: String) -> Self {
        Self { name: format!("{name}/postgres"), folder: new_folder(), url }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// Opens the book in this process.
    pub(crate) async fn app(&self) -> App {
        let clock = Arc::new(SetClock::at(NOON.parse().unwrap()));
        App::open(OpenOptions { url: self.url.clone(), migrate_url: None }, clock).await.unwrap()
    }

    /// Makes the markets, their stalls and the source that reports all their accounts.
    pub(crate) fn found(&self) {
        wait(async {
            let app = self.app().await;
            for (code, accounts) in MARKETS {
                let new = AddMarket {
                    code: code.parse().unwrap(),
                    name: format!("Chợ {code}").parse().unwrap(),
                    ward: None,
                    cutoff: "00:00".parse().unwrap(),
                    demo: false,
                };
                app.add_market(new).await.unwrap();
                for (number, account) in (1..).zip(accounts) {
                    let stall = registration(&format!("A{number}"), &format!("Chị {code} {number}"), account);
                    app.register(&code.parse().unwrap(), stall).await.unwrap();
                }
            }
            let listed = MARKETS.iter().flat_map(|(_, accounts)| accounts).map(|account| account.parse().unwrap());
            let source = AddSource {
                name: SOURCE.parse().unwrap(),
                dialect: Dialect::GenericHmac,
                secret: secret_of(Dialect::GenericHmac).to_owned(),
                accounts: listed.collect(),
                market: None,
                local_as_utc: false,
                tolerance_s: 300,
                networks: Vec::new(),
            };
            app.add_source(source).await.unwrap();
            app.close().await;
        });
    }

    /// Starts a serving process.
    pub(crate) fn serve(&self) -> Server {
        self.serve_at(NOON)
    }

    /// Starts a serving process whose clock stands at an instant: what it writes bears its mark.
    pub(crate) fn serve_at(&self, clock: &str) -> Server {
        let started = self.spawn(&[], &self.url, clock).ready();
        started.unwrap_or_else(|| panic!("{}: {}", self.name, self.log()))
    }

    /// Starts a serving process behind `prefix`, another program that runs it, on the book as it is
    /// reached by `url`; it may not get as far as listening.
    pub(crate) fn spawn(&self, prefix: &[&str], url: &str, clock: &str) -> Starting {
        let serve =
            ["serve", "--db", url, "--bind", "127.0.0.1:0", "--ingest-bind", "127.0.0.1:0", "--test-mode", "--clock"];
        let line: Vec<&str> = prefix.iter().copied().chain([BINARY]).chain(serve).chain([clock]).collect();
        let log = File::options().append(true).create(true).open(self.folder.join("serve.log")).unwrap();
        let mut child = Command::new(line[0])
            .args(&line[1..])
            .env("SOCHO_LOG", "warn")
            .env_remove("SOCHO_DB")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Starting { child: Some(child), output }
    }

    /// What the serving processes of this site have said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("serve.log")).unwrap_or_default()
    }

    /// Runs `socho verify` on the book, as an operator would; what it found when it found something.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let mut command = Command::new(BINARY);
        command.args(["verify", "--db", &self.url]).env_remove("SOCHO_LANG").env_remove("SOCHO_DB");
        let output = command.output().unwrap();
        if output.status.code() == Some(0) {
            return Ok(());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Err(format!("verify: {} {}{}", output.status, text(&output.stdout), text(&output.stderr)))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: kept for a look: {}", self.name, self.folder.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

pub(crate) fn new_folder() -> PathBuf {
    let name = format!("socho-fire-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::SeqCst));
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A serving process that does not listen yet.
pub(crate) struct Starting {
    child: Option<Child>,
    output: BufReader<std::process::ChildStdout>,
}

impl Starting {
    /// Waits until it listens; `None` when it ended instead.
    pub(crate) fn ready(mut self) -> Option<Server> {
        let mut address = || {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            Some(line.trim().rsplit_once("http://")?.1.to_owned())
        };
        let (everything, ingest) = (address()?, address()?);
        Some(Server { child: self.child.take()?, everything, ingest })
    }

    /// Kills it wherever it is.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A serving process.
pub(crate) struct Server {
    child: Child,
    /// Where it serves everything.
    pub(crate) everything: String,
    /// Where it takes webhooks.
    pub(crate) ingest: String,
}

impl Server {
    /// SIGKILL: it cannot prepare for that.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Sends a signal by name: `STOP`, `CONT`, `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(done.success(), "kill -{name}");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells whether it ended by itself, and how.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
