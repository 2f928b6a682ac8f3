//! Writing a backup of the book while it is served, and looking at what was written before it gets
//! its name.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::progress::{Listener, Progress, Step};
use super::verify_books::{MarketFindings, verify_store};
use crate::domain::audit::Action;
use crate::domain::hash::Hash;
use crate::domain::ids::MarketId;
pub use crate::store::backup::Overwrite;
use crate::store::backup::{self, Defect, MarketState, Partial, PlaceError};
use crate::store::error::{StoreError, Trouble};
use crate::store::{EngineKind, Store};

/// Bytes read at a time for the hash.
const HASH_CHUNK: usize = 1024 * 1024;

/// How closely a backup is looked at before it gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Each market's head against the rows and the chain's last link.
    Heads,
    /// Everything is derived again from the journal.
    Whole,
}

impl Depth {
    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Heads => "heads",
            Self::Whole => "whole",
        }
    }
}

/// One market as a backup holds it.
#[derive(Debug, Clone)]
pub struct BackedUpMarket {
    /// The market's code; `-` for the installation's own inbox.
    pub market: String,
    /// Postings in its journal.
    pub postings: i64,
    /// The last posting's number; 0 before the first.
    pub last_seq: i64,
    /// The last batch's hash, in hexadecimal.
    pub hash: String,
}

/// A backup that was written and looked at.
#[derive(Debug, Clone)]
pub struct BackedUp {
    /// The file.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// How closely it was looked at.
    pub depth: Depth,
    /// What it holds, by code.
    pub markets: Vec<BackedUpMarket>,
}

impl App {
    /// Writes one moment of the book into a file, which appears whole or not at all, readable by its
    /// owner alone. Everything acknowledged before the call is in it. The book is served meanwhile.
    ///
    /// # Errors
    /// `backup_exists`, `backup_busy`, `left_over_file` and `backup_file` about the file;
    /// `backup_differs` when the copy does not agree with itself, and then no file appears; whatever
    /// the store meets.
    pub async fn backup(
        &self,
        to: &Path,
        overwrite: Overwrite,
        depth: Depth,
        listener: Listener<'_>,
    ) -> Result<BackedUp, AppError> {
        let partial = Partial::begin(to, overwrite).map_err(|error| place_error(&error))?;
        let step = match self.store.kind() {
            EngineKind::Sqlite => Step::CopyBytes,
            EngineKind::Postgres => Step::CopyRows,
        };
        let total = backup::expected(&self.store).await?;
        let told = |done| listener(Progress { step, done, total });
        told(0);
        backup::write(&self.store, partial.path(), &told).await.map_err(|error| not_copied(to, error))?;
        told(total);
        let copy = match backup::open(partial.path()).await? {
            Ok(copy) => copy,
            Err(defect) => return Err(defect_error(partial.path(), &defect)),
        };
        let looked = look(&copy, depth, listener).await;
        copy.close().await;
        let markets = looked?;
        let (bytes, sha256) = digest(partial.path(), listener).await?;
        partial.finish().map_err(|error| place_error(&error))?;
        let markets = markets.into_iter().map(BackedUpMarket::from).collect();
        let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let note = Note::of(Action::BackupMade, name).after(serde_json::json!({ "sha256": sha256, "bytes": bytes }));
        self.note_apart(MarketId::INSTALLATION, [note]).await?;
        Ok(BackedUp { file: to.to_owned(), bytes, sha256, depth, markets })
    }
}

/// Says why nothing was copied: a full disk is the backup's, for the book is only read.
fn not_copied(to: &Path, error: StoreError) -> AppError {
    if error.trouble() != Some(Trouble::DiskFull) {
        return error.into();
    }
    let shown = to.display();
    let message = Message::new(
        format!(
            "Đĩa chứa {shown} đã đầy: chưa có bản sao lưu, tệp dở đã xóa, sổ vẫn nguyên vẹn. Hãy chọn đĩa khác hoặc dọn chỗ."
        ),
        format!(
            "The disk of {shown} is full: there is no backup, its beginning was removed, the book is whole. Choose another disk or make room."
        ),
    );
    AppError { cause: Some(Box::new(error)), ..AppError::new(ErrorKind::Unavailable, "backup_disk_full", message) }
}

impl From<MarketState> for BackedUpMarket {
    fn from(state: MarketState) -> Self {
        let MarketState { code, postings, last_seq, hash, .. } = state;
        // Of another length it was a fault, and there is no copy to tell of.
        let hash = Hash::from_slice(&hash).map(|hash| hash.to_string()).unwrap_or_default();
        Self { market: code, postings, last_seq, hash }
    }
}

/// Looks at a copy of a book; what differs is an error.
async fn look(copy: &Store, depth: Depth, listener: Listener<'_>) -> Result<Vec<MarketState>, AppError> {
    let heads = backup::heads(copy).await?;
    let faulty =
        heads.iter().find_map(|market| market.faults.first().map(|fault| (market.code.clone(), fault.clone())));
    let faulty = match (faulty, depth) {
        (None, Depth::Whole) => {
            let findings = verify_store(copy, &backup::listed(&heads), listener).await?;
            findings.into_iter().find_map(|MarketFindings { market, differences, .. }| {
                differences.into_iter().next().map(|difference| (market, difference))
            })
        }
        (faulty, Depth::Heads | Depth::Whole) => faulty,
    };
    let Some((market, what)) = faulty else { return Ok(heads) };
    Err(AppError::new(
        ErrorKind::Integrity,
        "backup_differs",
        Message::new(
            format!(
                "Bản sao lưu không khớp với chính nó, nên không được giữ lại. Chợ {market}: {what}. Hãy chạy socho verify."
            ),
            format!("The copy does not agree with itself and was not kept. Market {market}: {what}. Run socho verify."),
        ),
    ))
}

/// Returns a file's length and SHA-256.
async fn digest(path: &Path, listener: Listener<'_>) -> Result<(u64, String), AppError> {
    let path = path.to_owned();
    let (sender, mut heard) = tokio::sync::watch::channel(0_u64);
    let total = tokio::fs::metadata(&path).await.map_or(0, |file| file.len());
    let work = tokio::task::spawn_blocking(move || -> std::io::Result<(u64, String)> {
        let (mut file, mut hash, mut bytes) = (std::fs::File::open(path)?, Sha256::new(), 0_u64);
        let mut chunk = vec![0; HASH_CHUNK];
        loop {
            let read = file.read(&mut chunk)?;
            let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else { break };
            hash.update(part);
            bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(0));
            sender.send_replace(bytes);
        }
        Ok((bytes, Hash(hash.finalize().into()).to_string()))
    });
    while heard.changed().await.is_ok() {
        listener(Progress { step: Step::Hash, done: *heard.borrow_and_update(), total });
    }
    work.await.map_err(AppError::internal)?.map_err(AppError::internal)
}

/// Says why a file cannot be placed.
pub(super) fn place_error(error: &PlaceError) -> AppError {
    let (kind, code, message) = match error {
        PlaceError::Exists(path) => {
            let path = path.display();
            let vi = format!("Tệp {path} đã có và được giữ nguyên. Hãy chọn tên khác; sao lưu đè lên bằng --force.");
            let en = format!(
                "The file {path} exists and was left as it is. Choose another name; a backup replaces one with --force."
            );
            (ErrorKind::Conflict, "file_exists", Message::new(vi, en))
        }
        PlaceError::LeftOver(path) => {
            let path = path.display();
            let vi = format!("Tệp {path} thuộc về một cơ sở dữ liệu khác cùng tên. Hãy đóng nó hoặc dời tệp đi.");
            let en =
                format!("The file {path} belongs to another database of this name. Close it or move the file away.");
            (ErrorKind::Conflict, "left_over_file", Message::new(vi, en))
        }
        PlaceError::Busy(path) => {
            let path = path.display();
            let vi = format!("Một tiến trình khác đang ghi {path}. Hãy chờ nó xong.");
            let en = format!("Another process is writing {path}. Wait for it to end.");
            (ErrorKind::Conflict, "file_busy", Message::new(vi, en))
        }
        PlaceError::Io(path, error) => {
            let path = path.display();
            let vi = format!("Không ghi được {path}: {error}. Hãy kiểm tra thư mục, quyền ghi và chỗ trống.");
            let en =
                format!("Cannot write {path}: {error}. Check the folder, your right to write there and the room left.");
            (ErrorKind::Configuration, "file_not_written", Message::new(vi, en))
        }
    };
    AppError::new(kind, code, message)
}

/// Says what is wrong with a file that should be a backup.
pub(super) fn defect_error(path: &Path, defect: &Defect) -> AppError {
    let path = path.display();
    let (code, message) = match defect {
        Defect::Damaged(what) => (
            "backup_damaged",
            Message::new(
                format!(
                    "Bản sao lưu {path} bị hỏng hoặc bị cắt cụt: {what}. Không có gì bị thay đổi; hãy dùng bản khác."
                ),
                format!("The backup {path} is damaged or cut short: {what}. Nothing was changed; use another one."),
            ),
        ),
        Defect::NotABook => (
            "not_a_backup",
            Message::new(
                format!("{path} không phải là bản sao lưu của Sổ Chợ. Không có gì bị thay đổi."),
                format!("{path} is not a backup of a book. Nothing was changed."),
            ),
        ),
        Defect::Newer { found, known } => {
            return StoreError::NewerSchema { found: *found, known: *known }.into();
        }
    };
    AppError::new(ErrorKind::Conflict, code, message)
}
