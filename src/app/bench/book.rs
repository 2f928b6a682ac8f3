//! The book of a run: fresh, of its own, and gone afterwards. What was booked is read back from
//! the journal itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::load::{DIALECT, Target};
use crate::app::add_market::AddMarket;
use crate::app::clock::SystemClock;
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::manage_sources::{AddSource, TOLERANCE_MAX_S};
use crate::app::{App, OpenOptions};
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::calendar::Cutoff;
use crate::domain::ids::{IdError, MarketCode, MarketId};
use crate::domain::registration::{Registration, StallCodeError};
use crate::domain::text::NameError;
use crate::store::measure::Scratch;
pub use crate::store::measure::{BatchSize, Bytes};

/// Stalls of the market: a large one's.
const STALLS: usize = 300;
/// The market's code.
const MARKET: &str = "BEN";
/// The source's name.
const SOURCE: &str = "sepay-ben";
/// The source's secret; it guards nothing but this run.
const SECRET: &str = "a-secret-of-the-bench-alone";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Where the books of a run lie.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a folder of its own below `parent`; it goes when dropped.
    ///
    /// # Errors
    /// `folder_unwritable`.
    pub fn below(parent: &Path) -> Result<Self, AppError> {
        let name = format!("socho-bench-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        std::fs::create_dir(&path).map_err(|error| {
            let shown = parent.display();
            let message = Message::new(
                format!("Không ghi được vào thư mục {shown}: {error}. Chọn thư mục khác bằng --dir."),
                format!("Cannot write to the folder {shown}: {error}. Choose another with --dir."),
            );
            AppError::new(ErrorKind::Configuration, "folder_unwritable", message)
        })?;
        Ok(Self(path))
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is a temporary folder all the same.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where one book lies.
#[derive(Debug, Clone)]
pub enum Place<'a> {
    /// A new file in the folder.
    Sqlite(&'a Folder),
    /// A new database beside the one that this address names.
    Postgres(&'a str),
}

/// A fresh book with one market, its stalls and its source.
pub struct BenchBook {
    /// The program on that book.
    pub app: Arc<App>,
    /// Whom a load pays.
    pub target: Target,
    market: MarketId,
    scratch: Option<Scratch>,
}

impl BenchBook {
    /// Makes the book.
    ///
    /// # Errors
    /// When the file, or the database on the server, cannot be made.
    pub async fn make(place: Place<'_>) -> Result<Self, AppError> {
        let (url, scratch) = match place {
            Place::Sqlite(folder) => {
                let name = format!("book-{}.db", COUNTER.fetch_add(1, Ordering::Relaxed));
                (format!("sqlite:{}", folder.path().join(name).display()), None)
            }
            Place::Postgres(server) => {
                let name = format!("socho_bench_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
                let scratch = Scratch::create(server, name).await.map_err(|error| no_database(&error))?;
                (scratch.url.clone(), Some(scratch))
            }
        };
        let app = Arc::new(App::open(OpenOptions { url, migrate_url: None }, Arc::new(SystemClock)).await?);
        let (market, target) = furnish(&app).await?;
        Ok(Self { app, target, market, scratch })
    }

    /// Returns the number of the journal's last batch.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn last_batch(&self) -> Result<i64, AppError> {
        Ok(self.app.store.last_batch(self.market).await?)
    }

    /// Counts what the journal holds.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn booked(&self) -> Result<u64, AppError> {
        Ok(self.app.store.count_booked(self.market).await?)
    }

    /// Returns how many batches of which size were written after one batch, up to another.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn batches(&self, after: i64, up_to: i64) -> Result<Vec<BatchSize>, AppError> {
        Ok(self.app.store.batch_sizes(self.market, after, up_to).await?)
    }

    /// Returns what the book's tables take on disk, with their indexes.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn bytes(&self) -> Result<Bytes, AppError> {
        Ok(self.app.store.table_bytes().await?)
    }

    /// Inserts the rows of the first `settlements` settlements again, by the engine's own batched insert,
    /// each row bound: nothing is parsed, judged, chained or totalled.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn insert_bound(&self, settlements: u64, together: u64) -> Result<std::time::Duration, AppError> {
        Ok(self.app.store.insert_bound(self.market, settlements, together).await?)
    }

    /// As [`Self::insert_bound`], copied within the engine.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn insert_copied(&self, settlements: u64, together: u64) -> Result<std::time::Duration, AppError> {
        Ok(self.app.store.insert_copied(self.market, settlements, together).await?)
    }

    /// Returns the market's code.
    #[must_use]
    pub fn market_code(&self) -> Option<MarketCode> {
        MARKET.parse().ok()
    }

    /// Closes the book and removes its database.
    ///
    /// # Errors
    /// When the server does not drop the database.
    pub async fn close(self) -> Result<(), AppError> {
        self.app.close().await;
        match self.scratch {
            Some(scratch) => Ok(scratch.drop().await?),
            None => Ok(()),
        }
    }
}

fn no_database(error: &crate::store::error::StoreError) -> AppError {
    let message = Message::new(
        format!("Không tạo được cơ sở dữ liệu tạm để đo: {error}. Người dùng cần quyền CREATEDB."),
        format!("Cannot make the temporary database of the bench: {error}. The login needs CREATEDB."),
    );
    AppError::new(ErrorKind::Configuration, "bench_database", message)
}

async fn furnish(app: &App) -> Result<(MarketId, Target), AppError> {
    let code: MarketCode = MARKET.parse().map_err(|error: IdError| AppError::internal(error))?;
    app.add_market(AddMarket {
        code: code.clone(),
        name: "Chợ đo tốc độ".parse().map_err(|error: NameError| AppError::internal(error))?,
        ward: None,
        cutoff: Cutoff::default(),
        demo: true,
    })
    .await?;
    let registrations = (0..STALLS).map(registration).collect::<Result<Vec<_>, _>>()?;
    let registered = app.register_all(&code, &registrations).await?;
    app.add_source(AddSource {
        name: SOURCE.parse().map_err(|error: IdError| AppError::internal(error))?,
        dialect: DIALECT,
        secret: SECRET.to_owned(),
        accounts: Vec::new(),
        market: Some(code.clone()),
        local_as_utc: false,
        tolerance_s: TOLERANCE_MAX_S,
        networks: Vec::new(),
    })
    .await?;
    let stalls = registered.iter().map(|stall| {
        let code = stall.memo_code.map(|code| code.to_string()).unwrap_or_default();
        (stall.account.account.number.as_str().to_owned(), code)
    });
    let target = Target { source: SOURCE.to_owned(), secret: SECRET.to_owned(), stalls: stalls.collect() };
    Ok((app.market(&code).await?.id, target))
}

fn registration(index: usize) -> Result<Registration, AppError> {
    let vendor = format!("Nguyễn Thị {}", index + 1);
    Ok(Registration {
        stall: Some(format!("A{}", index + 1).parse().map_err(|error: StallCodeError| AppError::internal(error))?),
        vendor: vendor.parse().map_err(|error: NameError| AppError::internal(error))?,
        category: "Rau củ".to_owned(),
        account: BankAccount {
            bin: "970436".parse().map_err(|error: IdError| AppError::internal(error))?,
            number: format!("00710{index:07}").parse().map_err(|error: IdError| AppError::internal(error))?,
        },
        kind: AccountKind::Direct,
        holder: String::new(),
    })
}
