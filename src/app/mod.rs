//! What can be done with the book: one use case, one file, one function on [`App`] with its input
//! and outcome types. No HTTP word and no SQL text. Every read and write is scoped by market here.

pub mod access;
pub mod acting;
pub mod add_market;
pub mod audit_log;
pub mod audit_words;
pub mod backup;
pub mod balances;
pub mod banks;
pub mod bench;
pub mod board;
pub mod book_missing;
pub mod change_market;
pub mod change_stall;
pub mod clock;
mod clock_alarm;
pub mod close_day;
pub mod close_view;
pub mod conformance;
pub mod correct;
pub mod daily_report;
pub mod deliveries;
pub mod delivery_log;
pub mod demo;
mod demo_names;
pub mod demo_people;
pub mod doctor;
pub mod error;
pub mod events;
pub mod explain_source;
pub mod export_month;
pub mod feeds;
pub mod heard_requests;
pub mod idempotency;
pub mod ids;
pub mod import_vendors;
pub mod ingest_file;
pub mod journal;
pub mod journal_file;
pub mod keep_statement;
pub mod keyring;
pub mod labels;
pub mod listen;
pub mod login;
pub mod machine_keys;
pub mod manage_sources;
pub mod manage_users;
pub mod meters;
pub mod migrate;
mod note;
pub mod overview;
pub mod pair_device;
mod passwords;
pub mod period_report;
pub mod print_jobs;
pub mod print_sheet;
pub mod privacy;
pub mod problems;
pub mod progress;
pub mod prove;
pub mod qr_codes;
pub mod quiet_phones;
pub mod read_statement;
pub mod receive_settlement;
pub mod reconcile;
mod reconcile_dates;
mod reconcile_listing;
pub mod reconcile_view;
pub mod register;
pub mod reply;
pub mod resolve;
pub mod restore;
mod scoped;
pub mod seal_view;
pub mod second_factor;
mod secret_use;
pub mod sign_reconciliation;
pub mod signing_keys;
pub mod silent_sources;
pub mod simulate;
pub mod soc;
pub mod source_addresses;
pub mod stall_book;
pub mod stall_phone;
pub mod stall_sheet;
pub mod stall_view;
mod standing;
mod statement_contradiction;
mod statement_dates;
pub mod statement_view;
pub mod todo;
mod tokens;
pub mod trigger;
pub mod vault;
pub mod verify_books;
pub mod verify_evidence;
pub mod webhooks;
pub mod who_opened;
pub mod words;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use crate::domain::calendar::{BusinessDate, Clock};
use crate::domain::ids::MarketCode;
use crate::domain::registration::Market;
use crate::store::routing::DirectoryCache;
use crate::store::writer::Writer;
use crate::store::{EngineKind, Store, markets};
use error::{AppError, Message};
use ids::IdSource;
use keyring::Keyring;

pub use crate::store::OpenOptions;

/// The target of spans that are made to leave the machine, as traces. Their fields are names of sources,
/// counts, outcomes and numbers of markets: never a secret, a body, a person or an account.
pub const TRACES: &str = "socho::trace";

/// The running program: the book, its writer, the time and the source of identifiers.
pub struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) writer: Writer,
    pub(crate) directory: DirectoryCache,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: IdSource,
    pub(crate) keyring: Keyring,
    pub(crate) vault: vault::Vault,
    pub(crate) soc: soc::Soc,
    pub(crate) clock_alarms: clock_alarm::ClockAlarms,
    pub(crate) delivery_log: Arc<delivery_log::DeliveryLog>,
    pub(crate) secret_uses: secret_use::SecretUses,
    pub(crate) rooms: listen::Rooms,
    pub(crate) waiting: events::Waiting,
    pub(crate) webhooks: webhooks::Webhooks,
    pub(crate) publisher: feeds::Publisher,
    pub(crate) meters: meters::Meters,
    pub(crate) silences: silent_sources::Silences,
    /// Places for what was seen and is still to be written down.
    pub(crate) seen: Arc<Semaphore>,
    pub(crate) passwords: passwords::Passwords,
    prints: print_jobs::PrintJobs,
    pub(crate) attended: tokio::sync::OnceCell<()>,
}

impl App {
    /// Opens the book, with its private keys where [`Keyring::of_book`] says.
    ///
    /// # Errors
    /// As [`App::open_with_keys`].
    pub async fn open(options: OpenOptions, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let keyring = Keyring::of_book(&options.url);
        Self::open_with_keys(options, clock, keyring).await
    }

    /// Opens the book, migrates it, seals what an older program left plain, and judges what a crash left
    /// unjudged.
    ///
    /// # Errors
    /// When the address is bad, the file cannot be made, the server cannot be reached, the schema is newer
    /// than this program, or the key that seals secrets is needed and not there.
    pub async fn open_with_keys(
        options: OpenOptions,
        clock: Arc<dyn Clock>,
        keyring: Keyring,
    ) -> Result<Self, AppError> {
        let store = Arc::new(Store::open(options).await?);
        let writer = Writer::new(Arc::clone(&store), Arc::clone(&clock));
        let app = Self {
            meters: meters::Meters::new(writer.meter()),
            writer,
            directory: DirectoryCache::default(),
            ids: IdSource::new(Arc::clone(&clock)),
            clock_alarms: clock_alarm::ClockAlarms::default(),
            silences: silent_sources::Silences::default(),
            seen: Arc::new(Semaphore::new(note::SEEN_MAX)),
            delivery_log: Arc::default(),
            secret_uses: secret_use::SecretUses::default(),
            rooms: listen::Rooms::new(Arc::clone(&store), Arc::clone(&clock)),
            waiting: events::Waiting::default(),
            webhooks: webhooks::Webhooks::default(),
            publisher: feeds::Publisher::default(),
            passwords: passwords::Passwords::default(),
            prints: print_jobs::PrintJobs::default(),
            attended: tokio::sync::OnceCell::new(),
            store,
            clock,
            keyring,
            vault: vault::Vault::default(),
            soc: soc::Soc::default(),
        };
        app.seal_plain().await?;
        app.directory.refresh(&app.store).await?;
        app.finish_deliveries().await?;
        Ok(app)
    }

    /// Returns the same program, naming who publishes its feeds.
    #[must_use]
    pub fn with_publisher(self, publisher: feeds::Publisher) -> Self {
        Self { publisher, ..self }
    }

    /// Returns who publishes the feeds.
    #[must_use]
    pub fn publisher(&self) -> &feeds::Publisher {
        &self.publisher
    }

    /// Finishes what waits, stops the writer and closes the book.
    pub async fn close(&self) {
        self.rooms.close();
        self.writer.close().await;
        if let Err(error) = self.write_secret_uses().await {
            tracing::warn!(cause = %error, "app.secret_uses_not_written");
        }
        if let Err(error) = self.write_heard().await {
            tracing::warn!(cause = ?error.cause, "app.heard_requests.not_written");
        }
        self.end_noting().await;
        self.soc.close().await;
        self.store.close().await;
    }

    /// Returns the present instant by this program's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns a name for one request, for logs and answers.
    #[must_use]
    pub fn request_id(&self) -> String {
        self.ids.uuid().map(|id| format!("req_{id}")).unwrap_or_default()
    }

    /// Returns today's calendar date in Vietnam.
    #[must_use]
    pub fn today(&self) -> BusinessDate {
        BusinessDate::of_calendar(self.clock.now())
    }

    /// Returns a market's book day at this moment, which its cut-off decides.
    #[must_use]
    pub fn book_day(&self, market: &Market) -> BusinessDate {
        BusinessDate::of(self.clock.now(), market.cutoff)
    }

    /// Tells when the database file failed beyond repair: the process must end.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<bool> {
        self.writer.failure()
    }

    /// Tells whether the database itself, by role, refuses this process changes to the journal.
    #[must_use]
    pub fn journal_guarded_by_roles(&self) -> bool {
        self.store.journal_guarded_by_roles()
    }

    /// Returns the name of the engine that holds the book.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self.store.kind() {
            EngineKind::Sqlite => "sqlite",
            EngineKind::Postgres => "postgres",
        }
    }

    /// Tells whether the book can be read now.
    ///
    /// # Errors
    /// [`error::ErrorKind::Unavailable`] when it cannot.
    pub async fn ready(&self) -> Result<(), AppError> {
        self.directory.refresh(&self.store).await?;
        Ok(())
    }

    /// Returns one market.
    ///
    /// # Errors
    /// [`error::ErrorKind::NotFound`] when there is none with this code.
    pub async fn market(&self, code: &MarketCode) -> Result<Market, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let market = markets::find(&mut transaction, code, self.today()).await?;
        transaction.rollback().await?;
        market.ok_or_else(|| no_market(code))
    }

    /// Returns all markets, by code.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn markets(&self) -> Result<Vec<Market>, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let markets = markets::all(&mut transaction, self.today()).await?;
        transaction.rollback().await?;
        Ok(markets)
    }
}

/// The answer that there is no such market.
pub(crate) fn no_market(code: &MarketCode) -> AppError {
    AppError::not_found(Message::new(
        format!("Không có chợ mã {code}. Xem danh sách: socho market list."),
        format!("There is no market {code}. See the list: socho market list."),
    ))
}
