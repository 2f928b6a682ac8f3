//! Making a book of a backup: on a SQLite file that is missing or in a PostgreSQL database that
//! holds nothing, of either engine's backup.

use std::path::{Path, PathBuf};

use super::OpenOptions;
use super::access::Actor;
use super::backup::{BackedUpMarket, defect_error, place_error};
use super::clock::SystemClock;
use super::error::{AppError, ErrorKind, Message};
use super::note::{Note, note_outside};
use super::progress::{Listener, Progress, Step};
use super::vault::needed_key;
use super::verify_books::{MarketFindings, verify_store};
use crate::domain::audit::Action;
use crate::domain::calendar::Clock as _;
use crate::domain::ids::MarketId;
use crate::store::Store;
use crate::store::backup::{self, Overwrite, Partial};
use crate::store::error::StoreError;
use crate::store::{sessions, webhooks};

/// A book that was restored and verified.
#[derive(Debug, Clone)]
pub struct Restored {
    /// Where it is, without a password.
    pub into: String,
    /// What it holds, by code.
    pub markets: Vec<BackedUpMarket>,
    /// What `verify` found in it.
    pub findings: Vec<MarketFindings>,
    /// The fingerprint of the key that its secrets need; none when it holds no secret.
    pub secrets_key: Option<String>,
}

/// Restores a backup and verifies the result. Nothing that is there already is touched: a file must
/// be missing, a database empty. Killed half-way, it leaves no book: a file of another name, or a
/// database as empty as before.
///
/// # Errors
/// `backup_missing`, `backup_damaged`, `not_a_backup` and `newer_schema` about the backup;
/// `file_exists`, `left_over_file`, `file_busy` and `target_holds_book` about the target; whatever
/// the store meets. A difference that `verify` finds is no error but a finding: the book is then as
/// the backup was.
pub async fn restore(from: &Path, into: OpenOptions, listener: Listener<'_>) -> Result<Restored, AppError> {
    let source = match backup::open(from).await {
        Ok(Ok(source)) => source,
        Ok(Err(defect)) => return Err(defect_error(from, &defect)),
        Err(StoreError::File { source, .. }) => return Err(unreadable(from, &source)),
        Err(error) => return Err(error.into()),
    };
    let shown = into.shown();
    let restored = match into.file()? {
        Some(path) => into_file(&source, &path, listener).await,
        None => into_server(&source, into, listener).await,
    };
    source.close().await;
    let (markets, findings, secrets_key) = restored?;
    Ok(Restored { into: shown, markets, findings, secrets_key })
}

/// Tells the audit log of a restored book that it was made of a backup, by whoever holds the file. The book
/// itself was as the backup when `restore` ended.
///
/// # Errors
/// Whatever the store meets: the book is there all the same.
pub async fn note_restored(from: &Path, into: OpenOptions, restored: &Restored) -> Result<(), AppError> {
    let book = Store::open(into).await?;
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let postings: i64 = restored.markets.iter().map(|market| market.postings).sum();
    let said = serde_json::json!({ "markets": restored.markets.len(), "postings": postings });
    let note = Note::of(Action::BookRestored, name).by(&Actor::operator()).after(said);
    let noted = note_outside(&book, MarketId::INSTALLATION, note, SystemClock.now()).await;
    book.close().await;
    Ok(noted?)
}

type Checked = (Vec<BackedUpMarket>, Vec<MarketFindings>, Option<String>);

async fn into_file(source: &Store, path: &Path, listener: Listener<'_>) -> Result<Checked, AppError> {
    let partial = Partial::begin(path, Overwrite::Refuse).map_err(|error| place_error(&error))?;
    let total = backup::expected(source).await?;
    let told = |done| listener(Progress { step: Step::CopyBytes, done, total });
    told(0);
    backup::copy_file(source, partial.path(), &told).await?;
    told(total);
    let options = OpenOptions { url: format!("sqlite:{}", partial.path().display()), migrate_url: None };
    let book = Store::open(options).await?;
    let checked = check(&book, listener).await;
    let folded = book.checkpoint().await;
    book.close().await;
    let checked = checked?;
    folded?;
    partial.finish().map_err(|error| place_error(&error))?;
    Ok(checked)
}

async fn into_server(source: &Store, into: OpenOptions, listener: Listener<'_>) -> Result<Checked, AppError> {
    // Before it is migrated, which would be a change already.
    if into.holds_markets().await? {
        return Err(holds_book(&into));
    }
    let book = Store::open(into.clone()).await?;
    let total = backup::expected_rows(source).await?;
    let told = |done| listener(Progress { step: Step::CopyRows, done, total });
    told(0);
    let loaded = if backup::is_current(source).await? {
        backup::load(source, &book, &told).await?
    } else {
        load_migrated(source, &book, &told).await?
    };
    if !loaded {
        book.close().await;
        return Err(holds_book(&into));
    }
    told(total);
    into.refresh_statistics().await;
    let checked = check(&book, listener).await;
    book.close().await;
    checked
}

/// An older backup is first brought up to date in a copy of its own.
async fn load_migrated(source: &Store, book: &Store, told: backup::Told<'_>) -> Result<bool, AppError> {
    let name = format!("socho-restore-{}.db", std::process::id());
    let partial = Partial::begin(&std::env::temp_dir().join(name), Overwrite::Refuse);
    let partial = partial.map_err(|error| place_error(&error))?;
    backup::copy_file(source, partial.path(), &|_| {}).await?;
    let options = OpenOptions { url: format!("sqlite:{}", partial.path().display()), migrate_url: None };
    let migrated = Store::open(options).await?;
    let loaded = backup::load(&migrated, book, told).await;
    migrated.close().await;
    Ok(loaded?)
}

async fn check(book: &Store, listener: Listener<'_>) -> Result<Checked, AppError> {
    // A login that ended since the backup must not come back to life.
    let mut transaction = book.begin_write().await?;
    sessions::clear(&mut transaction).await?;
    // Its journal may go on otherwise than the one that subscribers know.
    webhooks::disable_restored(&mut transaction, SystemClock.now()).await?;
    transaction.commit().await?;
    let heads = backup::heads(book).await?;
    let findings = verify_store(book, &backup::listed(&heads), listener).await?;
    let secrets_key = needed_key(book).await?;
    Ok((heads.into_iter().map(BackedUpMarket::from).collect(), findings, secrets_key))
}

fn unreadable(path: &Path, error: &std::io::Error) -> AppError {
    let path = PathBuf::from(path);
    let path = path.display();
    AppError::new(
        ErrorKind::NotFound,
        "backup_missing",
        Message::new(
            format!("Không đọc được bản sao lưu {path}: {error}. Không có gì bị thay đổi."),
            format!("Cannot read the backup {path}: {error}. Nothing was changed."),
        ),
    )
}

fn holds_book(into: &OpenOptions) -> AppError {
    let into = into.shown();
    AppError::new(
        ErrorKind::Conflict,
        "target_holds_book",
        Message::new(
            format!("{into} đã có sổ và được giữ nguyên. Hãy phục hồi vào một cơ sở dữ liệu trống."),
            format!("{into} holds a book already and was left as it is. Restore into an empty database."),
        ),
    )
}
