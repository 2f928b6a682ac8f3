//! The key that seals secrets at rest, and what is done with it.
//!
//! # Where the key is
//! `SOCHO_SECRETS_KEY` holds the key itself; `SOCHO_SECRETS_KEY_FILE` or the setting names its file; else
//! it lies as `secrets.key` in the folder of signing keys, made when the first secret is sealed. It is
//! never made where sealed secrets are already: those need the key that sealed them.
//!
//! # Replacing it
//! The new key is written as `secrets.key.next`, then every secret is sealed anew in one transaction, then
//! the file gets its name. Whoever is cut off between the two is told by the fingerprint in the secrets
//! which of the files is right. Other processes read the file again when a secret names another key.

use std::io::{ErrorKind as Io, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use super::App;
use super::access::{Actor, Place, Right};
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use crate::domain::audit::Action;
use crate::domain::ids::MarketId;
use crate::domain::sealed::{NONCE, SealError, SecretsKey, sealed_with};
use crate::store::engine::Transaction;
use crate::store::secrets::{self, Kept, source_place, user_place, webhook_place};
use crate::store::{Store, head};

/// The variable that holds the key itself.
const VARIABLE: &str = "SOCHO_SECRETS_KEY";

/// The key as this process knows it.
#[derive(Debug, Default)]
pub(crate) struct Vault(RwLock<Option<SecretsKey>>);

/// What a replacement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The fingerprint before; none when nothing was sealed yet.
    pub before: Option<String>,
    /// The fingerprint now.
    pub now: String,
    /// Rows that were sealed anew.
    pub rows: usize,
    /// The key's file.
    pub file: PathBuf,
}

impl App {
    /// Seals what an older program left plain. Belongs before anything else is done with the book.
    pub(super) async fn seal_plain(&self) -> Result<(), AppError> {
        let mut transaction = self.store.begin_read().await?;
        let kept = secrets::all(&mut transaction).await;
        transaction.rollback().await?;
        if !kept?.iter().any(Kept::is_plain) {
            return Ok(());
        }
        let mut transaction = self.store.begin_write().await?;
        head::touch_reference(&mut transaction).await?;
        let kept = secrets::all(&mut transaction).await?;
        let key = self.key_for_sealing(&kept)?;
        for row in kept.iter().filter(|row| row.is_plain()) {
            secrets::put(&mut transaction, &self.resealed(row, None, &key)?).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Seals a secret for a place. Takes turns with whoever replaces the key, or what is sealed with the
    /// old one meanwhile would never open again.
    pub(crate) async fn seal(
        &self,
        transaction: &mut Transaction,
        place: &str,
        secret: &[u8],
    ) -> Result<String, AppError> {
        head::touch_reference(transaction).await?;
        let kept = secrets::all(transaction).await?;
        let key = self.key_for_sealing(&kept)?;
        key.seal(place, secret, self.nonce()?).map_err(|error| AppError::internal(error.to_string()))
    }

    /// Opens what lies at a place.
    pub(crate) fn unseal(&self, place: &str, kept: &str) -> Result<Vec<u8>, AppError> {
        let wanted = sealed_with(kept).ok_or_else(|| broken(place))?;
        self.key_of(wanted)?.open(place, kept).map_err(|error| match error {
            SealError::OtherKey { wanted, held } => wrong(&self.keyring.secrets_file(), &wanted, &held),
            SealError::NotAKey | SealError::Broken => broken(place),
        })
    }

    /// Opens a secret that is text.
    pub(crate) fn unseal_text(&self, place: &str, kept: &str) -> Result<String, AppError> {
        String::from_utf8(self.unseal(place, kept)?).map_err(|_| broken(place))
    }

    /// Opens every secret, so that a server does not start without the key. Returns the fingerprint of
    /// the key, when there is anything to open.
    ///
    /// # Errors
    /// `secrets_key_missing`, `secrets_key_wrong`, `secrets_key_exposed`, `secret_broken`.
    pub async fn check_secrets(&self) -> Result<Option<String>, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let kept = secrets::all(&mut transaction).await;
        transaction.rollback().await?;
        let kept = kept?;
        for row in &kept {
            let place = place_of(row);
            for text in row.texts() {
                self.unseal(&place, text.ok_or_else(|| broken(&place))?)?;
            }
        }
        Ok(needed(&kept).map(ToOwned::to_owned))
    }

    /// Replaces the key and seals every secret anew.
    ///
    /// # Errors
    /// `forbidden`; `secrets_key_given` when the environment holds the key; whatever keeps the present
    /// one from opening a secret; `secrets_key_file` when the new one cannot be written.
    pub async fn rotate_secrets_key(&self, actor: &Actor) -> Result<Rotated, AppError> {
        Self::admit(actor, Right::WriteSources, &Place::Installation)?;
        if given()?.is_some() {
            let message = Message::new(
                format!("Khóa nằm trong biến {VARIABLE}; hãy chuyển sang tệp (SOCHO_SECRETS_KEY_FILE) rồi thay."),
                format!("The key is in {VARIABLE}; move it into a file (SOCHO_SECRETS_KEY_FILE), then replace it."),
            );
            return Err(AppError::new(ErrorKind::Configuration, "secrets_key_given", message));
        }
        let file = self.keyring.secrets_file();
        let next = SecretsKey::of(self.ids.salt()?);
        write_key(&next_to(&file), &next, Overwriting::Replaces)?;
        let mut transaction = self.store.begin_write().await?;
        head::touch_reference(&mut transaction).await?;
        let kept = secrets::all(&mut transaction).await?;
        let before = needed(&kept).map(ToOwned::to_owned);
        for row in &kept {
            let opened = self.opened(row)?;
            secrets::put(&mut transaction, &self.resealed(row, Some(&opened), &next)?).await?;
        }
        let said = |key: &Option<String>| serde_json::json!({ "fingerprint": key });
        let now = next.fingerprint();
        let note = Note::of(Action::SecretsKeyRotated, "secrets").by(actor);
        let note = note.before(said(&before)).after(said(&Some(now.clone())));
        self.commit_noted(transaction, MarketId::INSTALLATION, [note]).await?;
        std::fs::rename(next_to(&file), &file).map_err(|error| not_written(&file, &error))?;
        *self.vault.0.write().unwrap_or_else(PoisonError::into_inner) = Some(next);
        self.directory.refresh(&self.store).await?;
        Ok(Rotated { before, now, rows: kept.len(), file })
    }

    fn nonce(&self) -> Result<[u8; NONCE], AppError> {
        let random = self.ids.salt()?;
        random.first_chunk::<NONCE>().copied().ok_or_else(|| AppError::internal("a nonce without bytes"))
    }

    /// Opens what a row keeps, in the order of [`Kept::texts`].
    fn opened(&self, row: &Kept) -> Result<Vec<Vec<u8>>, AppError> {
        let place = place_of(row);
        row.texts().into_iter().map(|text| self.unseal(&place, text.ok_or_else(|| broken(&place))?)).collect()
    }

    /// Seals a row: what was opened of it, or what lies there plain.
    fn resealed(&self, row: &Kept, opened: Option<&[Vec<u8>]>, key: &SecretsKey) -> Result<Kept, AppError> {
        let place = place_of(row);
        let seal = |index: usize, plain: &[u8]| -> Result<String, AppError> {
            let plain = opened.and_then(|all| all.get(index)).map_or(plain, Vec::as_slice);
            let done = opened.is_none() && std::str::from_utf8(plain).is_ok_and(|text| sealed_with(text).is_some());
            if done {
                return Ok(String::from_utf8_lossy(plain).into_owned());
            }
            key.seal(&place, plain, self.nonce()?).map_err(|error| AppError::internal(error.to_string()))
        };
        Ok(match row {
            Kept::Source { id, secret, previous } => Kept::Source {
                id: *id,
                secret: seal(0, secret.as_bytes())?,
                previous: previous.as_deref().map(|previous| seal(1, previous.as_bytes())).transpose()?,
            },
            Kept::User { id, secret } => Kept::User { id: *id, secret: seal(0, secret)?.into_bytes() },
            Kept::Webhook { market, id, secret, previous } => Kept::Webhook {
                market: *market,
                id: *id,
                secret: seal(0, secret.as_bytes())?,
                previous: previous.as_deref().map(|previous| seal(1, previous.as_bytes())).transpose()?,
            },
        })
    }

    /// Returns the key that seals: the one that sealed what is there, or a new one where nothing is.
    fn key_for_sealing(&self, kept: &[Kept]) -> Result<SecretsKey, AppError> {
        if let Some(wanted) = needed(kept) {
            return self.key_of(wanted);
        }
        if let Some(key) = self.held_key() {
            return Ok(key);
        }
        let file = self.keyring.secrets_file();
        let key = if let Some(key) = read_key(&file)? {
            key
        } else {
            let made = SecretsKey::of(self.ids.salt()?);
            match write_key(&file, &made, Overwriting::Refused) {
                // Another process made it at the same moment.
                Err(error) if error.code == "secrets_key_there" => read_key(&file)?.ok_or(error)?,
                written => written.map(|()| made)?,
            }
        };
        self.hold_key(&key);
        Ok(key)
    }

    /// Returns the key with this fingerprint.
    fn key_of(&self, wanted: &str) -> Result<SecretsKey, AppError> {
        if let Some(key) = self.held_key().filter(|key| key.fingerprint() == wanted) {
            return Ok(key);
        }
        let file = self.keyring.secrets_file();
        let key = match given()? {
            Some(key) => Some(key),
            None => read_key(&file)?,
        };
        if let Some(key) = key.as_ref().filter(|key| key.fingerprint() == wanted) {
            self.hold_key(key);
            return Ok(key.clone());
        }
        // A replacement that was cut off after its commit.
        let next = next_to(&file);
        if let Some(key) = read_key(&next)?.filter(|key| key.fingerprint() == wanted) {
            std::fs::rename(&next, &file).map_err(|error| not_written(&file, &error))?;
            self.hold_key(&key);
            return Ok(key);
        }
        Err(match key {
            Some(key) => wrong(&file, wanted, &key.fingerprint()),
            None => missing(&file, wanted),
        })
    }

    fn held_key(&self) -> Option<SecretsKey> {
        self.vault.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold_key(&self, key: &SecretsKey) {
        *self.vault.0.write().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
    }
}

/// Returns the fingerprint of the key that the secrets of a store need; none when it has none.
pub(super) async fn needed_key(store: &Store) -> Result<Option<String>, AppError> {
    let mut transaction = store.begin_read().await?;
    let kept = secrets::all(&mut transaction).await;
    transaction.rollback().await?;
    Ok(needed(&kept?).map(ToOwned::to_owned))
}

fn needed(kept: &[Kept]) -> Option<&str> {
    kept.iter().flat_map(Kept::texts).flatten().find_map(sealed_with)
}

fn place_of(row: &Kept) -> String {
    match row {
        Kept::Source { id, .. } => source_place(*id),
        Kept::User { id, .. } => user_place(*id),
        Kept::Webhook { market, id, .. } => webhook_place(*market, *id),
    }
}

fn next_to(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

/// Returns the key that the environment holds.
fn given() -> Result<Option<SecretsKey>, AppError> {
    let text = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
    text.map(|text| SecretsKey::read(&text).map_err(|error| unreadable(VARIABLE, &error.to_string()))).transpose()
}

/// Reads a key's file; none when it is not there.
fn read_key(file: &Path) -> Result<Option<SecretsKey>, AppError> {
    let shown = file.display();
    match std::fs::metadata(file) {
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&shown.to_string(), &error.to_string())),
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let mode = metadata.permissions().mode() & 0o777;
            let vi = format!("Người khác đọc được tệp khóa {shown} (quyền {mode:o}). Hãy chạy: chmod 600 {shown}.");
            let en = format!("Others may read the key file {shown} (mode {mode:o}). Run: chmod 600 {shown}.");
            return Err(AppError::new(ErrorKind::Configuration, "secrets_key_exposed", Message::new(vi, en)));
        }
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&shown.to_string(), &error.to_string()))?;
    SecretsKey::read(&text).map(Some).map_err(|error| unreadable(&shown.to_string(), &error.to_string()))
}

/// What is done with a file that is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Overwriting {
    /// It stays.
    Refused,
    /// It is replaced.
    Replaces,
}

/// Writes a key into its file, durably, before anything is sealed with it.
fn write_key(file: &Path, key: &SecretsKey, overwriting: Overwriting) -> Result<(), AppError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).and_then(|()| {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).mode(0o600);
        match overwriting {
            Overwriting::Refused => options.create_new(true),
            Overwriting::Replaces => options.create(true).truncate(true),
        };
        let mut opened = options.open(file)?;
        opened.write_all(format!("{}\n", key.written()).as_bytes())?;
        opened.sync_all()?;
        std::fs::File::open(folder)?.sync_all()
    });
    written.map_err(|error| {
        if error.kind() == Io::AlreadyExists {
            return AppError { code: "secrets_key_there", ..not_written(file, &error) };
        }
        not_written(file, &error)
    })
}

fn not_written(file: &Path, error: &std::io::Error) -> AppError {
    let shown = file.display();
    let vi = format!("Không ghi được tệp khóa {shown}: {error}. Chọn tệp khác bằng SOCHO_SECRETS_KEY_FILE.");
    let en = format!("Cannot write the key file {shown}: {error}. Choose another with SOCHO_SECRETS_KEY_FILE.");
    AppError::new(ErrorKind::Configuration, "secrets_key_file", Message::new(vi, en))
}

fn unreadable(place: &str, why: &str) -> AppError {
    let vi = format!("Khóa ở {place} không dùng được: {why}.");
    let message = Message::new(vi, format!("The key at {place} cannot be used: {why}."));
    AppError::new(ErrorKind::Configuration, "secrets_key_file", message)
}

fn missing(file: &Path, wanted: &str) -> AppError {
    let shown = file.display();
    let vi = format!(
        "Thiếu khóa {wanted} để mở các khóa bí mật trong sổ: không có {shown}. Hãy chép tệp khóa về đó, hoặc chỉ bằng SOCHO_SECRETS_KEY_FILE."
    );
    let en = format!(
        "The secrets in the book need the key {wanted}, and there is no {shown}. Copy the key file there, or name it with SOCHO_SECRETS_KEY_FILE."
    );
    AppError::new(ErrorKind::Configuration, "secrets_key_missing", Message::new(vi, en))
}

fn wrong(file: &Path, wanted: &str, held: &str) -> AppError {
    let shown = file.display();
    let vi = format!("Sổ cần khóa {wanted}, còn {shown} là khóa {held}. Hãy dùng đúng tệp khóa của sổ này.");
    let en = format!("The book needs the key {wanted}, and {shown} is {held}. Use the key file of this book.");
    AppError::new(ErrorKind::Configuration, "secrets_key_wrong", Message::new(vi, en))
}

fn broken(place: &str) -> AppError {
    let vi = format!("Khóa bí mật ở {place} đã bị sửa hoặc chuyển chỗ nên không mở được. Hãy đặt lại khóa đó.");
    let en = format!("The secret at {place} was changed or moved and does not open. Set it anew.");
    AppError::new(ErrorKind::Integrity, "secret_broken", Message::new(vi, en))
}
