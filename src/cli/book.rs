//! Opening the book for one command.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Context;
use super::output::{Exit, Failure};
use crate::app::clock::SystemClock;
use crate::app::error::AppError;
use crate::app::feeds::Publisher;
use crate::app::keyring::Keyring;
use crate::app::webhooks::{Pace, SystemNames};
use crate::app::{App, OpenOptions};
use crate::domain::calendar::Clock;
use crate::domain::networks::Reach;

/// Where the book is when nothing says otherwise.
pub(super) const DEFAULT: &str = "sqlite:socho.db";

impl Context {
    /// Returns the book's address: flag or environment, file, default.
    pub(super) fn options(&self, default: &str) -> OpenOptions {
        let url = self.db.clone().or_else(|| self.config.db.clone()).unwrap_or_else(|| default.to_owned());
        OpenOptions { url, migrate_url: self.migrate_url() }
    }

    /// Returns the login that migrates: flag or environment, file.
    pub(super) fn migrate_url(&self) -> Option<String> {
        self.migrate_db.clone().or_else(|| self.config.migrate_db.clone())
    }

    /// Returns the file of a SQLite book.
    pub(super) fn file(&self) -> Result<Option<PathBuf>, Failure> {
        Ok(self.options(DEFAULT).file().map_err(AppError::from)?)
    }

    /// Refuses a SQLite book whose file is missing, which opening would make.
    fn must_exist(&self) -> Result<(), Failure> {
        match self.file()? {
            // Where even the folder is missing, opening says so.
            Some(path) if !path.exists() && folder_exists(&path) => {
                let path = path.display();
                let vi = format!("Không có sổ ở {path}. Hãy chỉ đúng tệp bằng --db.");
                Err(Failure::new(Exit::Refused, vi, format!("There is no book at {path}. Name its file with --db.")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Opens the book with the machine's clock. One that is missing is refused, not made: a mistyped
    /// name would answer with an empty book.
    pub(super) async fn open(&self) -> Result<App, Failure> {
        self.must_exist()?;
        self.open_or_make().await
    }

    /// Opens the book with the machine's clock, and makes one that is missing, for what begins a book.
    pub(super) async fn open_or_make(&self) -> Result<App, Failure> {
        self.open_with(Arc::new(SystemClock), DEFAULT).await
    }

    /// Opens the book with a clock of the caller's.
    pub(super) async fn open_with(&self, clock: Arc<dyn Clock>, default: &str) -> Result<App, Failure> {
        let reach = self.reach()?;
        let app = App::open(self.options(default), clock).await?;
        let app = app.with_webhooks(reach, Arc::new(SystemNames), Pace::default());
        Ok(app.with_publisher(self.publisher()).with_keys(self.keyring_of(default)))
    }

    /// Returns where webhooks may be sent: environment, file, the public internet alone.
    pub(super) fn reach(&self) -> Result<Reach, Failure> {
        let given = std::env::var("SOCHO_WEBHOOK_NETWORKS").ok().or_else(|| self.config.webhook_networks.clone());
        given.as_deref().map_or_else(|| Ok(Reach::default()), reach_of)
    }

    /// Returns who publishes the feeds: environment, file, nobody.
    fn publisher(&self) -> Publisher {
        let said = |variable: &str, filed: &Option<String>| std::env::var(variable).ok().or_else(|| filed.clone());
        Publisher {
            name: said("SOCHO_FEED_PUBLISHER", &self.config.feed_publisher),
            licence: said("SOCHO_FEED_LICENCE", &self.config.feed_licence),
            base: None,
        }
    }

    /// Returns where the private keys of the book are.
    pub(super) fn keyring(&self) -> Keyring {
        self.keyring_of(DEFAULT)
    }

    fn keyring_of(&self, default: &str) -> Keyring {
        match self.keys.clone().or_else(|| self.config.keys.clone()) {
            Some(folder) => Keyring::in_folder(folder),
            None => Keyring::of_book(&self.options(default).url),
        }
    }
}

/// Reads where webhooks may be sent beside the public internet.
pub(super) fn reach_of(networks: &str) -> Result<Reach, Failure> {
    networks.parse().map_err(|error: crate::domain::ids::IdError| {
        let vi = format!("webhook_networks không đúng: {error}. Ví dụ: 10.20.0.0/16,192.168.7.9.");
        let en = format!("webhook_networks is not valid: {error}. For example: 10.20.0.0/16,192.168.7.9.");
        Failure::new(Exit::Configuration, vi, en)
    })
}

fn folder_exists(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.exists())
}

/// Runs a command to its end.
pub(super) fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new(Exit::Unreachable, format!("Không khởi động được: {error}."), format!("Cannot start: {error}."))
    })?;
    runtime.block_on(Box::pin(command))
}
