//! Private keys: files that their owner alone may read, or the environment. Never the database.
//!
//! The key that seals secrets lies beside them: see `vault`. The key of market `TAN` lies in `<folder>/TAN-<fingerprint>.pem` (PKCS#8, as `openssl` writes
//! it) or in the variable `SOCHO_KEY_TAN`.

use std::io::{ErrorKind as Io, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::{AppError, ErrorKind, Message};
use crate::domain::ids::MarketCode;
use crate::ledger::seal::key::{PrivateKey, PublicKey};

/// Where this process looks for private keys.
#[derive(Debug, Clone)]
pub struct Keyring {
    folder: PathBuf,
    /// The file of the key that seals secrets, where it is not in the folder.
    secrets: Option<PathBuf>,
}

impl Keyring {
    /// Returns the keyring of a folder, which is made when the first key is.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), secrets: None }
    }

    /// Returns the same keyring with the key that seals secrets in a file of its own.
    #[must_use]
    pub fn with_secrets_file(self, file: Option<PathBuf>) -> Self {
        Self { secrets: file, ..self }
    }

    /// Returns the file of the key that seals secrets.
    #[must_use]
    pub fn secrets_file(&self) -> PathBuf {
        self.secrets.clone().unwrap_or_else(|| self.folder.join("secrets.key"))
    }

    /// Returns the keyring of a book unless its owner chose another folder: beside a SQLite file, in
    /// the working folder for a server.
    #[must_use]
    pub fn of_book(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => Self::in_folder(format!("{}.keys", path.strip_prefix("//").unwrap_or(path))),
            None => Self::in_folder("socho-keys"),
        }
    }

    /// Returns the private half of a public key: the environment's when it is that one, else the
    /// file's. During a rotation the environment may hold the next one already.
    ///
    /// # Errors
    /// `signing_key_missing`, `signing_key_exposed` when others may read the file, or
    /// `signing_key_wrong` when what is there is another key.
    pub(crate) fn private(&self, market: &MarketCode, public: &PublicKey) -> Result<PrivateKey, AppError> {
        let given = Self::given(market)?;
        if let Some(given) = given.filter(|given| given.public() == *public) {
            return Ok(given);
        }
        let file = self.file(market, public);
        let place = file.display().to_string();
        let key: PrivateKey = read_private(&file)?.parse().map_err(|error| wrong(&place, &format!("{error}")))?;
        if key.public() == *public {
            return Ok(key);
        }
        let (found, wanted) = (key.public().fingerprint(), public.fingerprint());
        Err(wrong(&place, &format!("its fingerprint is {found}, the market's key is {wanted}")))
    }

    /// Returns the key that the environment gives the market, if any.
    ///
    /// # Errors
    /// `signing_key_wrong` when it cannot be read.
    pub(crate) fn given(market: &MarketCode) -> Result<Option<PrivateKey>, AppError> {
        let text = std::env::var(variable(market)).ok().filter(|text| !text.trim().is_empty());
        text.map(|text| text.parse().map_err(|error| wrong(&variable(market), &format!("{error}")))).transpose()
    }

    /// Writes a private key into its file, durably, before anything refers to it.
    ///
    /// # Errors
    /// `signing_key_file` when it cannot be written.
    pub(crate) fn keep(&self, market: &MarketCode, key: &PrivateKey) -> Result<PathBuf, AppError> {
        let path = self.file(market, &key.public());
        let written = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).and_then(|()| {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(key.to_pem().as_bytes())?;
            file.sync_all()?;
            std::fs::File::open(&self.folder)?.sync_all()
        });
        written.map_err(|error| {
            let shown = path.display();
            let vi = format!("Không ghi được tệp khóa {shown}: {error}. Chọn thư mục khác bằng --keys.");
            let en = format!("Cannot write the key file {shown}: {error}. Choose another folder with --keys.");
            AppError::new(ErrorKind::Configuration, "signing_key_file", Message::new(vi, en))
        })?;
        Ok(path)
    }

    /// Returns the files of private keys that are there.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
        files.sort();
        files.extend(Some(self.secrets_file()).filter(|file| file.exists()));
        files
    }

    /// Removes the file of a key that a later one has replaced; one that is not there is gone.
    pub(crate) fn forget(&self, market: &MarketCode, public: &PublicKey) {
        // Nothing depends on it: the key can sign no close any more.
        let _ = std::fs::remove_file(self.file(market, public));
    }

    fn file(&self, market: &MarketCode, public: &PublicKey) -> PathBuf {
        self.folder.join(format!("{market}-{}.pem", public.fingerprint()))
    }
}

fn variable(market: &MarketCode) -> String {
    format!("SOCHO_KEY_{market}")
}

fn read_private(path: &Path) -> Result<String, AppError> {
    let shown = path.display();
    let mode = std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        let mode = mode & 0o777;
        let vi = format!("Người khác đọc được tệp khóa {shown} (quyền {mode:o}). Hãy chạy: chmod 600 {shown}.");
        let en = format!("Others may read the key file {shown} (mode {mode:o}). Run: chmod 600 {shown}.");
        return Err(AppError::new(ErrorKind::Configuration, "signing_key_exposed", Message::new(vi, en)));
    }
    std::fs::read_to_string(path).map_err(|error| {
        let why = if error.kind() == Io::NotFound { String::new() } else { format!(" ({error})") };
        let vi = format!(
            "Không thấy khóa ký ở {shown}{why}. Khóa được tạo trên máy khác thì chép tệp sang đây, hoặc chọn --keys; mất hẳn thì xem socho key rotate --help."
        );
        let en = format!(
            "There is no signing key at {shown}{why}. If it was made on another machine, copy the file here or choose --keys; if it is lost, see socho key rotate --help."
        );
        AppError::new(ErrorKind::Configuration, "signing_key_missing", Message::new(vi, en))
    })
}

fn wrong(place: &str, why: &str) -> AppError {
    let vi = format!("Khóa ký ở {place} không dùng được: {why}.");
    let en = format!("The signing key at {place} cannot be used: {why}.");
    AppError::new(ErrorKind::Configuration, "signing_key_wrong", Message::new(vi, en))
}
